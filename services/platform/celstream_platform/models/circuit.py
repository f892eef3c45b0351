"""A circuit breaker: a server that is away is asked by one request at a time, all others fail at once.

closed → (several failures in a row) → open → (a while) → half open: one request goes through as a probe. Its answer
closes the circuit, its failure opens it for longer. M. Nygard, "Release It!" (2007), chapter 5.
"""

import threading
import time
from collections.abc import Callable
from enum import StrEnum

from celstream_platform.backoff import Backoff


class State(StrEnum):
    """Whether requests go through."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Circuit:
    """Counts failures and says who may try. Safe for use from several threads.

    failures: so many in a row open it. first_seconds, longest_seconds: how long it stays open, longer each time.
    clock: seconds that only grow.
    """

    def __init__(
        self,
        *,
        failures: int = 5,
        first_seconds: float = 0.5,
        longest_seconds: float = 15.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most, self._clock = failures, clock
        self._backoff = Backoff(first_seconds, longest_seconds)
        self._lock = threading.Lock()
        self._failed = 0
        self._until = 0.0
        self._state = State.CLOSED

    @property
    def state(self) -> State:
        """How it is now; OPEN also where the time for a probe has come and nobody has tried yet."""
        return self._state

    def admits(self) -> bool:
        """Whether a request may go through. In the half-open state one may; who is admitted reports how it went."""
        with self._lock:
            if self._state is State.OPEN and self._clock() >= self._until:
                self._state = State.HALF_OPEN
                return True
            return self._state is State.CLOSED

    def succeeded(self) -> None:
        """The server answered."""
        with self._lock:
            self._failed = 0
            self._state = State.CLOSED
            self._backoff.reset()

    def failed(self) -> None:
        """The server did not answer. What was sent before the circuit opened, and fails only now, changes nothing."""
        with self._lock:
            self._failed += 1
            if self._state is State.HALF_OPEN or (self._state is State.CLOSED and self._failed >= self._most):
                self._state = State.OPEN
                self._until = self._clock() + self._backoff.next_seconds()

    def withdrawn(self) -> None:
        """The request that was admitted was never sent: the next one is the probe."""
        with self._lock:
            if self._state is State.HALF_OPEN:
                self._state = State.OPEN
