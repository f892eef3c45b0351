"""Waiting before trying again: longer each time, and never in step with others.

Full jitter as in "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015), with a floor at half the time, so that
one lucky draw does not hammer a server that is down.
"""

import random
from dataclasses import dataclass


@dataclass(slots=True)
class Backoff:
    """Times to wait, in seconds. The first is about `first_seconds`; they double up to `longest_seconds`."""

    first_seconds: float = 0.2
    longest_seconds: float = 30.0
    failures: int = 0

    def next_seconds(self) -> float:
        """How long to wait after one more failure."""
        doublings = min(self.failures, 32)  # 2**32 is past any longest time, and no float overflows
        self.failures += 1
        return random.uniform(0.5, 1.0) * min(self.longest_seconds, self.first_seconds * 2.0**doublings)

    def reset(self) -> None:
        """It works again."""
        self.failures = 0
