"""Celstream segmenter."""
