"""The event log: port and implementations."""
