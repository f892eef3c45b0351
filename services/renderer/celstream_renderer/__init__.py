"""Celstream renderer."""
