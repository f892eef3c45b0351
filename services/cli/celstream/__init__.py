"""Celstream: cartoon footage to a hierarchical dataset."""
