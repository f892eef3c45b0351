"""Metrics of an artefact store's operations, the same for every implementation."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from celstream_platform import metrics


@contextmanager
def measured(operation: str) -> Iterator[None]:
    """Count one operation by its end (`ok` or the error's name) and take its time."""
    begin = time.monotonic()
    outcome = "ok"
    try:
        yield
    except BaseException as error:
        outcome = type(error).__name__
        raise
    finally:
        metrics.ARTEFACT_OPERATIONS.labels(operation, outcome).inc()
        metrics.ARTEFACT_SECONDS.labels(operation).observe(time.monotonic() - begin)
