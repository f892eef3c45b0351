"""Pods of one Deployment: their lives, and which of them goes first when there shall be fewer."""

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tests.scaling.group import Footage


@dataclass(slots=True, eq=False)
class Pod:
    """One pod. Times in seconds; ready: when it belongs to the group; None: not yet."""

    number: int
    wanted: float
    uid: float
    ready: float | None = None
    told_to_end: float | None = None  # while that is announced it works on
    ending: bool = False  # it takes nothing more
    ended: float | None = None
    footage: Footage | None = None
    begun: float = 0.0  # of the step that it is at
    step: int = 0  # told apart, so that the end of one that was abandoned is known
    busy_seconds: float = 0.0  # processor time
    measured: list[float] = field(default_factory=list)  # `busy_seconds` at each look of the metrics server

    @property
    def counts(self) -> bool:
        """Whether the Deployment counts it."""
        return self.told_to_end is None


def make(numbers: Iterable[int], now: float, random_: random.Random) -> list[Pod]:
    """New pods."""
    return [Pod(number, now, random_.random()) for number in numbers]


def first_to_go(pods: Sequence[Pod], many: int, now: float) -> list[Pod]:
    """Which a ReplicaSet takes away: not ready ones, then those that are ready the shortest time, on a scale of powers
    of two; among equals anyone. It knows nothing of what they have in hand.

    After `ActivePodsWithRanks` of Kubernetes 1.36, `pkg/controller/controller_utils.go`, each pod on a node of its own.
    """

    def order(pod: Pod) -> tuple[bool, float, float]:
        since = pod.wanted if pod.ready is None else pod.ready
        return pod.ready is not None, math.floor(math.log2(max(now - since, 1e-9) * 1e9)), pod.uid

    return sorted(pods, key=order)[:many]
