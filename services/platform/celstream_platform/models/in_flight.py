"""How many requests are in flight: a bound that shrinks where the server pushes back, and grows again.

Additive increase, multiplicative decrease, as TCP does: half at once, one more with each full window that was answered.
Several refusals of one burst count once, as the losses of one round trip do there.
"""

import threading


class InFlight:
    """Bounds requests in flight to 1 … `most`. Safe for use from several threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._limit = float(most)
        self._count = 0
        self._halvings = 0
        self._changed = threading.Condition()

    @property
    def limit(self) -> int:
        """How many may be in flight now."""
        return int(self._limit)

    def enter(self) -> int:
        """Wait until one more may be in flight; what to leave with."""
        with self._changed:
            self._changed.wait_for(lambda: self._count < int(self._limit))
            self._count += 1
            return self._halvings

    def leave(self, entered: int, *, pushed_back: bool = False) -> None:
        """One has ended. entered: what `enter` gave. pushed_back: because the server has too much to do."""
        with self._changed:
            self._count -= 1
            if not pushed_back:
                self._limit = min(float(self._most), self._limit + 1 / self._limit)
            elif entered == self._halvings:
                self._limit, self._halvings = max(1.0, self._limit / 2), self._halvings + 1
            self._changed.notify_all()

    def wait_until_empty(self) -> None:
        """Wait until none is in flight."""
        with self._changed:
            self._changed.wait_for(lambda: self._count == 0)
