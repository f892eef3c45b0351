"""The real servers as processes on one machine: Kafka, MinIO, PostgreSQL; installed, started, watched, ended."""

from celstream_stack.stack import Stack, StackError

__all__ = ["Stack", "StackError"]
