"""The real servers as processes of one machine: Kafka, MinIO, PostgreSQL, Triton, Prometheus.

Installed, started, watched, ended.
"""

from celstream_stack.stack import Stack, StackError

__all__ = ["Stack", "StackError"]
