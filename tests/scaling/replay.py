"""A day of footage, replayed: arrivals, the group and its pods, KEDA's looks and the HPA's, each at its own time.

What a pod does is what the product does: one footage at a time, the longest waiting first; a checkpoint after each
chapter; told to end, it works on while that is announced, then to the next checkpoint if there is time, and gives back
what it has. Idle, it asks for what waits in the partitions of busy ones; all look at the same moments here.
"""

import heapq
import itertools
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from celstream_platform.eventlog.kafka_lookout import LOOK_SECONDS
from celstream_platform.topics import FOOTAGE

from tests.scaling.activation import Activation, reported
from tests.scaling.autoscaler import Autoscaler, for_processor_time, for_total
from tests.scaling.group import Footage, Group
from tests.scaling.pods import Pod, first_to_go, make
from tests.scaling.rules import CPU_INITIALIZATION_SECONDS, SYNC_SECONDS, ByLag, ByProcessorTime, Rules

CLOSE_SECONDS = 1.0  # from the last checkpoint to the process's end


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the chart does not say. start_seconds: from a pod that is wanted to one that belongs to the group."""

    partitions: int = FOOTAGE.partitions
    start_seconds: float = 10.0  # on a node under load: results/cluster_keda.md
    rebalance_seconds: float = 3.0
    looks: bool = True  # whether idle pods look for footage that waits in partitions of busy ones
    seed: int = 1


@dataclass(slots=True)
class History:
    """What happened. pods, left: (time, number) at each change; pods as the Deployment shall have, left: footage."""

    footage: Sequence[Footage]
    pods: list[tuple[float, int]] = field(default_factory=list)
    left: list[tuple[float, int]] = field(default_factory=list)
    ended: list[Pod] = field(default_factory=list)
    pod_seconds: float = 0.0
    repeated_seconds: float = 0.0


class Replay:
    """One replay. rules: None where there are always `always` pods."""

    def __init__(
        self, rules: Rules, around: Surroundings, footage: Sequence[Footage], seconds: float, *, always: int = 0
    ) -> None:
        self._rules, self._around, self._seconds = rules, around, seconds
        self._random = random.Random(around.seed)
        self._group = Group(around.partitions)
        self._pods: list[Pod] = []
        self._numbers = itertools.count()
        self._order = itertools.count()
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._now = 0.0
        self._settling = False
        self._seen: dict[int, Footage] = {}
        self._asked: list[int] = []
        self.history = History(footage)
        for one in footage:
            self._at(one.arrived, lambda one=one: self._arrive(one))  # type: ignore[misc]
        self._scale(always or rules.least)
        if around.looks:
            self._look_around()
        if not always:
            self._autoscaler = Autoscaler(rules, 0.0, rules.least)
            self._at(self._random.uniform(0, SYNC_SECONDS), self._sync)
            if isinstance(rules.metric, ByLag):
                self._activation = Activation(rules.metric, rules.least)
                self._at(self._random.uniform(0, rules.metric.polling_seconds), self._look)
            else:
                self._at(self._random.uniform(0, SYNC_SECONDS), self._measure)

    def run(self) -> History:
        """Play it to the end; footage that is not finished by then stays so."""
        while self._queue and self._queue[0][0] <= self._seconds:
            self._now, _, action = heapq.heappop(self._queue)
            action()
        for pod in self._pods:
            self.history.pod_seconds += self._seconds - pod.wanted
        self._note()
        return self.history

    def _at(self, when: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (when, next(self._order), action))

    def _after(self, seconds: float, action: Callable[[], None]) -> None:
        self._at(self._now + seconds, action)

    def _arrive(self, footage: Footage) -> None:
        self._group.arrive(footage)
        self._note()
        for pod in self._pods:
            if footage.partition in self._group.owned.get(pod.number, ()):
                self._take(pod)

    # The autoscalers.

    def _look(self) -> None:
        """KEDA's look."""
        assert isinstance(self._rules.metric, ByLag)
        self._scale(self._activation.decide(self._now, self._wanted(), self._group.lags()))
        self._after(self._rules.metric.polling_seconds, self._look)

    def _sync(self) -> None:
        """The HPA's; at 0 pods it does nothing."""
        pods = self._wanted()
        if pods:
            self._scale(self._autoscaler.decide(self._now, pods, self._asked_for(pods)))
        self._after(SYNC_SECONDS, self._sync)

    def _asked_for(self, pods: int) -> int:
        metric = self._rules.metric
        if isinstance(metric, ByLag):
            return for_total(reported(self._group.lags(), metric), metric.per_pod, pods)
        counted = [pod for pod in self._pods if pod.counts]
        measured = [pod for pod in counted if self._is_measured(pod)]
        return for_processor_time([self._percent(pod, metric) for pod in measured], len(counted) - len(measured),
                                  metric.percent, pods)  # fmt: skip

    def _is_measured(self, pod: Pod) -> bool:
        """Within its first minutes a pod counts once a whole measurement lies after it was ready."""
        if pod.ready is None or len(pod.measured) < 2:
            return False
        return self._now - pod.wanted > CPU_INITIALIZATION_SECONDS or self._now - pod.ready >= 2 * SYNC_SECONDS

    @staticmethod
    def _percent(pod: Pod, metric: ByProcessorTime) -> float:
        return 100 * (pod.measured[-1] - pod.measured[-2]) / SYNC_SECONDS / metric.processors_asked_for

    def _measure(self) -> None:
        """The metrics server's look at all pods that run."""
        for pod in self._pods:
            if pod.ready is not None:
                under_way = (self._now - pod.begun) * self._used(pod) if pod.footage else 0.0
                pod.measured = [*pod.measured[-1:], pod.busy_seconds + under_way]
        self._after(SYNC_SECONDS, self._measure)

    def _used(self, pod: Pod) -> int:
        """Processors that a pod's present step takes."""
        assert pod.footage
        return max(1, min(self._rules.processes, pod.footage.chapters - pod.footage.done))

    # The pods.

    def _wanted(self) -> int:
        return sum(pod.counts for pod in self._pods)

    def _scale(self, wanted: int) -> None:
        there = [pod for pod in self._pods if pod.counts]
        for pod in make(itertools.islice(self._numbers, max(0, wanted - len(there))), self._now, self._random):
            self._pods.append(pod)
            self._after(self._around.start_seconds, lambda pod=pod: self._ready(pod))  # type: ignore[misc]
        for pod in first_to_go(there, max(0, len(there) - wanted), self._now):
            pod.told_to_end = self._now
            if pod.ready is None:
                self._ended(pod)
            else:
                self._after(self._rules.ending.announce_seconds, lambda pod=pod: self._end(pod))  # type: ignore[misc]
        if wanted != len(there) or not self.history.pods:
            self.history.pods.append((self._now, wanted))

    def _ready(self, pod: Pod) -> None:
        if pod.ended is None:
            pod.ready = self._now
            self._settle()

    def _settle(self) -> None:
        """Members came or went: the group settles anew."""
        if not self._settling:
            self._settling = True
            self._after(self._around.rebalance_seconds, self._settled)

    def _look_around(self) -> None:
        """Idle pods look for what waits elsewhere, and ask for what they see a second time."""
        seen = self._group.waiting() if any(pod.ready is not None and not pod.footage for pod in self._pods) else {}
        asked = [number for number, footage in seen.items() if self._seen.get(number) is footage]
        if asked and not self._settling:
            self._asked = asked
            self._settle()
        self._seen = seen
        self._after(LOOK_SECONDS, self._look_around)

    def _settled(self) -> None:
        self._settling = False
        members = [pod for pod in self._pods if pod.ready is not None]
        self._group.share([pod.number for pod in members], self._asked)
        self._asked = []
        for pod in members:
            self._take(pod)

    def _take(self, pod: Pod) -> None:
        if pod.footage or pod.ending or pod.ready is None:
            return
        pod.footage = self._group.take(pod.number)
        if pod.footage is None:
            return
        if pod.footage.taken is None:
            pod.footage.taken = self._now
        self._step(pod, pod.footage.overhead_seconds)

    def _step(self, pod: Pod, overhead_seconds: float = 0.0) -> None:
        """The next chapters, one in each process."""
        assert pod.footage
        pod.begun, pod.step = self._now, pod.step + 1
        seconds = overhead_seconds + pod.footage.chapter_seconds
        self._after(seconds, lambda step=pod.step: self._stepped(pod, step))  # type: ignore[misc]

    def _stepped(self, pod: Pod, step: int) -> None:
        footage = pod.footage
        if footage is None or step != pod.step:
            return
        used = self._used(pod)
        pod.busy_seconds += (self._now - pod.begun) * used
        footage.done += used
        if footage.done < footage.chapters and not pod.ending:
            self._step(pod)
            return
        pod.footage = None
        if footage.done < footage.chapters:
            self._group.give_back(footage)
        else:
            footage.finished = self._now
            self._group.finish(footage)
            self._note()
        if pod.ending:
            self._after(CLOSE_SECONDS, lambda: self._ended(pod))
        else:
            if self._group.has_too_many(pod.number):
                self._settle()
            self._take(pod)

    def _end(self, pod: Pod) -> None:
        """SIGTERM."""
        pod.ending = True
        if pod.footage is None:
            self._after(CLOSE_SECONDS, lambda: self._ended(pod))
            return
        self._after(self._rules.ending.finish_seconds, lambda step=pod.step: self._give_up(pod, step))  # type: ignore[misc]

    def _give_up(self, pod: Pod, step: int) -> None:
        """The chapter at hand takes too long; it will be done again."""
        if pod.footage is None or step != pod.step:
            return
        self.history.repeated_seconds += (self._now - pod.begun) * self._used(pod)
        pod.step += 1
        footage, pod.footage = pod.footage, None
        self._group.give_back(footage)
        self._after(CLOSE_SECONDS, lambda: self._ended(pod))

    def _ended(self, pod: Pod) -> None:
        pod.ended = self._now
        self._pods.remove(pod)
        self.history.ended.append(pod)
        self.history.pod_seconds += self._now - pod.wanted
        if pod.ready is not None:
            self._group.leave(pod.number)
            self._settle()

    def _note(self) -> None:
        self.history.left.append((self._now, self._group.footage_left()))
