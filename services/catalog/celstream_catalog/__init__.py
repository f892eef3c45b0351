"""Celstream catalog."""
