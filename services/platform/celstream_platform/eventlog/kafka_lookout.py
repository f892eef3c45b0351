"""When an idle worker asks for partitions of busy ones: events wait there, and nobody has any of theirs in hand.

A worker keeps its partitions while it works, for half an hour if need be. Only an idle one can help, so only idle ones
look: where all are busy nothing is asked, and no round of the group is spent. One asks for what it has seen twice at
the same position; what an owner is about to take is gone by the second look. No network in here.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

LOOK_SECONDS = 5.0  # two requests each; and a round of the group takes seconds, which short work is not worth
MOST_DOUBLINGS = 6  # of the time between looks, while asking brings nothing: what waits is paused, say


class Lookout:
    """One idle worker's. clock: seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.rest()

    def rest(self) -> None:
        """It has work; once that is done it begins anew."""
        self._due = self._clock() + LOOK_SECONDS
        self._seen: dict[Any, int] = {}
        self._asked = 0

    @property
    def is_due(self) -> bool:
        """Whether to look."""
        return self._clock() >= self._due

    def saw(self, waiting: Mapping[Any, int]) -> frozenset[Any]:
        """What to ask for. waiting: partitions of others with events that nobody has in hand, and their positions."""
        stuck = frozenset(partition for partition, at in waiting.items() if self._seen.get(partition) == at)
        self._seen = dict(waiting)
        self._asked = self._asked + 1 if stuck else 0
        self._due = self._clock() + LOOK_SECONDS * 2 ** min(max(0, self._asked - 1), MOST_DOUBLINGS)
        return stuck
