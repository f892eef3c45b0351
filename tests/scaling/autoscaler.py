"""The HorizontalPodAutoscaler's decisions: how many pods a metric asks for, and how fast the number may follow.

After Kubernetes 1.36, `pkg/controller/podautoscaler/`: `replica_calculator.go` (the ratio, its tolerance, pods that are
not ready yet) and `horizontal.go` (`stabilizeRecommendationWithBehaviors`, `convertDesiredReplicasWithBehaviorRate`);
in words: https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/.
"""

import math
from collections.abc import Sequence

from tests.scaling.rules import TOLERANCE, Direction, Rules

FAR = 2**31 - 1


def for_total(total: float, per_pod: float, pods: int) -> int:
    """Pods for an external metric with a target average: those that there are where the ratio is within tolerance."""
    if _is_near(total / (per_pod * pods)):
        return pods
    return math.ceil(total / per_pod)


def for_processor_time(percents: Sequence[float], unready: int, target: float, pods: int) -> int:
    """Pods for a mean of processor time.

    percents: of what is asked for, each ready pod. unready: pods that are not, or were not for a whole measurement;
    they count as idle where the ready ones ask for more pods, and not at all where they ask for fewer.
    """
    if not percents:
        return pods
    ratio = sum(percents) / len(percents) / target
    if not (unready and ratio > 1.0):
        return pods if _is_near(ratio) else math.ceil(ratio * len(percents))
    counted = len(percents) + unready
    lower = sum(percents) / counted / target
    if _is_near(lower) or lower < 1.0:
        return pods
    wanted = math.ceil(lower * counted)
    return pods if wanted < pods else wanted


class Autoscaler:
    """What an HPA remembers: recommendations, and changes that it made. Times in seconds, from any zero."""

    def __init__(self, rules: Rules, now: float, pods: int) -> None:
        self._rules = rules
        self._recommended: list[tuple[float, int]] = [(now, pods)]
        self._added: list[tuple[float, int]] = []
        self._removed: list[tuple[float, int]] = []

    def decide(self, now: float, pods: int, wanted: int) -> int:
        """The number of pods from now on. pods: that there shall be; wanted: by the metric."""
        rules = self._rules
        if pods > rules.most or pods < rules.least_of_hpa:
            desired = min(max(pods, rules.least_of_hpa), rules.most)
        else:
            desired = self._limited(now, pods, self._stabilised(now, pods, wanted))
        if desired > pods:
            self._added = [*_recent(self._added, now, rules.up), (now, desired - pods)]
        elif desired < pods:
            self._removed = [*_recent(self._removed, now, rules.down), (now, pods - desired)]
        return desired

    def _stabilised(self, now: float, pods: int, wanted: int) -> int:
        """Up as far as all recommendations of its window asked for, down as far as none of its own speaks against."""
        up_since, down_since = now - self._rules.up.window_seconds, now - self._rules.down.window_seconds
        lowest = min([wanted, *(many for at, many in self._recommended if at > up_since)])
        highest = max([wanted, *(many for at, many in self._recommended if at > down_since)])
        self._recommended = [one for one in self._recommended if one[0] >= min(up_since, down_since)]
        self._recommended.append((now, wanted))
        return min(max(pods, lowest), highest)

    def _limited(self, now: float, pods: int, wanted: int) -> int:
        """Not further than the policies let it go."""
        if wanted > pods:
            return min(wanted, self._rules.most, max(pods, self._reach(now, pods, self._rules.up, +1)))
        if wanted < pods:
            return max(wanted, self._rules.least_of_hpa, min(pods, self._reach(now, pods, self._rules.down, -1)))
        return wanted

    def _reach(self, now: float, pods: int, direction: Direction, sign: int) -> int:
        if direction.select == "Disabled":
            return pods
        reached = []
        for policy in direction.policies:
            begin = pods - _within(self._added, now, policy.period_seconds)
            begin += _within(self._removed, now, policy.period_seconds)
            change = policy.value if policy.kind == "Pods" else begin * policy.value / 100
            reached.append(math.ceil(begin + change) if sign > 0 else math.floor(begin - change))
        return max(reached) if (sign > 0) == (direction.select == "Max") else min(reached)


def _is_near(ratio: float) -> bool:
    return 1.0 - TOLERANCE <= ratio <= 1.0 + TOLERANCE


def _within(changes: Sequence[tuple[float, int]], now: float, seconds: float) -> int:
    return sum(many for at, many in changes if at > now - seconds)


def _recent(changes: Sequence[tuple[float, int]], now: float, direction: Direction) -> list[tuple[float, int]]:
    longest = max(policy.period_seconds for policy in direction.policies)
    return [one for one in changes if one[0] >= now - longest]
