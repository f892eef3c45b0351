"""A sign of life: a limited child that is silent for long is given up, and some of its work has no result for long.

Where a file is read through (`still_working` in every such loop, as it goes on), the parent hears so every few seconds:
the index of a day of film takes a minute of a processor's time, and on a busy machine many. A decoder that hangs gives
none. In other processes it does nothing.
"""

import os
import time

from celstream_platform.footage import wire

SECONDS = 5.0  # between two signs

_descriptor: int | None = None
_next = 0.0


def begin(descriptor: int) -> None:
    """In a limited child: give signs over this pipe, as its results are."""
    global _descriptor, _next
    _descriptor, _next = descriptor, time.monotonic() + SECONDS


def still_working() -> None:
    """Give a sign, unless one was given a moment ago. Not for use from several threads."""
    global _next
    if _descriptor is None or time.monotonic() < _next:
        return
    os.write(_descriptor, wire.frame(wire.Kind.WORKING))  # a few bytes go into a pipe at once
    _next = time.monotonic() + SECONDS
