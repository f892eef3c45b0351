"""What a replay comes to: waiting, footage left, changes of direction, lives of pods."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from tests.scaling.replay import History

HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Figures:
    """Times in seconds. wait: from a footage's arrival until somebody has it in hand.

    turns: changes of direction, from more pods to fewer or back; shortest_life: of a pod that was taken away, from when
    it was wanted until it was told to end; longest_end: from then until it was gone.
    """

    footage: int
    unfinished: int
    most_left: int
    wait_median: float
    wait_p95: float
    wait_longest: float
    most_pods: int
    pod_hours: float
    turns: int
    most_turns_in_an_hour: int
    shortest_life: float
    longest_end: float
    repeated_share: float


def figures(history: History, seconds: float) -> Figures:
    """Sum a replay up. seconds: its length."""
    waits = sorted((one.taken if one.taken is not None else seconds) - one.arrived for one in history.footage)
    turned = turns(history.pods)
    work = sum(one.done * one.chapter_seconds for one in history.footage)
    told = [(pod, pod.told_to_end) for pod in history.ended if pod.told_to_end is not None]
    return Figures(
        footage=len(waits),
        unfinished=sum(one.finished is None for one in history.footage),
        most_left=max((many for _, many in history.left), default=0),
        wait_median=percentile(waits, 50),
        wait_p95=percentile(waits, 95),
        wait_longest=waits[-1],
        most_pods=max(many for _, many in history.pods),
        pod_hours=history.pod_seconds / HOUR,
        turns=len(turned),
        most_turns_in_an_hour=max((sum(at - HOUR < other <= at for other in turned) for at in turned), default=0),
        shortest_life=min((end - pod.wanted for pod, end in told), default=math.inf),
        longest_end=max((pod.ended - end for pod, end in told if pod.ended is not None), default=0.0),
        repeated_share=history.repeated_seconds / work if work else 0.0,
    )


def turns(pods: Sequence[tuple[float, int]]) -> list[float]:
    """When the number of pods changed the other way than before. pods: (time, number) at each change."""
    found: list[float] = []
    direction = 0
    for (_, before), (at, after) in itertools.pairwise(pods):
        now = (after > before) - (after < before)
        if direction and now and now != direction:
            found.append(at)
        direction = now or direction
    return found


def percentile(ordered: Sequence[float], percent: float) -> float:
    """By the nearest rank."""
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]
