"""Celstream platform."""
