"""Footage: what a file holds, and decoding it in a limited child process."""
