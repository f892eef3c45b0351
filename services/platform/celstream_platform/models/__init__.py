"""The model server: port and implementations."""
