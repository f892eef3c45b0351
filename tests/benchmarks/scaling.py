"""Scaling in simulation: days of footage against the chart's rules; how long footage waits, whether the rules flap.

    python -m tests.benchmarks scaling

The rules are those of the rendered chart, the autoscalers' algorithms those of KEDA 2.21 and Kubernetes 1.36
(`tests/scaling`), the cost of footage and the pods' start what was measured. Each replay is compared with the same
footage where all pods are always there: what it waits there is for want of processors, the rest is the rules' doing.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tests.benchmarks.recording import RESULTS, record
from tests.scaling import arrivals
from tests.scaling.figures import Figures, figures
from tests.scaling.group import Footage
from tests.scaling.picture import Column, draw
from tests.scaling.replay import History, Replay, Surroundings
from tests.scaling.rules import SYNC_SECONDS, ByLag, Rules, rendered

LENGTH_SECONDS = 30 * 3600.0  # a day, and time to finish what came in its last hours
LATE_SECONDS = 150.0  # where a node has to be rented before a pod can start
TIMES = 12.5  # 16 pods' worth to 200
MANY_PODS, MANY_PARTITIONS, MANY_PROCESSES = 200, 256, 13
BEFORE = ("scaleDownSeconds=120", "cooldownSeconds=300")
PERIODS = [*range(60, 1000, 60), *range(630, 1000, 60), *range(1200, 3601, 300)]
Made = Callable[[arrivals.Films], list[Footage]]


@dataclass(frozen=True, slots=True)
class Case:
    """One day under one set of rules. pods: that are always there in the comparison."""

    name: str
    rules: Rules
    around: Surroundings
    footage: Made
    pods: int


def replay(case: Case, *, always: bool = False) -> History:
    """Play it. always: with all pods always there."""
    films = arrivals.Films(arrivals.measured(), case.around.partitions)
    pods = case.pods if always else 0
    return Replay(case.rules, case.around, case.footage(films), LENGTH_SECONDS, always=pods).run()


def bound(case: Case, always: History) -> float:
    """Most footage that may be left: what is left where all pods are there, and what arrives until they are."""
    syncs = math.ceil(math.log2(max(case.pods / 5, 1))) + 2  # 1, 5, then twice as many each time
    seconds = SYNC_SECONDS * syncs + case.around.start_seconds + case.around.rebalance_seconds
    if isinstance(case.rules.metric, ByLag):
        seconds += case.rules.metric.polling_seconds
    else:
        seconds += 2 * SYNC_SECONDS * syncs  # no step before the last one's pods are measured
    most = max(many for _, many in always.left)
    return most + most_within([one.arrived for one in always.footage], seconds)


def most_within(moments: Sequence[float], seconds: float) -> int:
    """Most of the moments that lie within so many seconds. moments: in order."""
    first, most = 0, 0
    for last, moment in enumerate(moments):
        while moments[first] < moment - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def most_by_the_rules(history: History, always: History) -> float:
    """The longest that a footage waits more than where all pods are always there, seconds."""
    pairs = zip(history.footage, always.footage, strict=True)
    return max(one.taken - other.taken for one, other in pairs if one.taken is not None and other.taken is not None)


def worst(name: str, case: Callable[[int], Case]) -> Case:
    """The period that has the number of pods turn most often in an hour."""
    found = [(figures(replay(case(period)), LENGTH_SECONDS).most_turns_in_an_hour, -period) for period in PERIODS]
    period = -max(found)[1]
    return replace(case(period), name=f"{name}, worst of {len(PERIODS)} periods: {period} s")


def cases() -> list[Case]:
    """What is replayed."""
    zero = "segmenter.autoscaling.min=0"
    keda, hpa = rendered("keda", zero), rendered("hpa")
    before = rendered("keda", zero, *(f"segmenter.autoscaling.{one}" for one in BEFORE))
    wide = rendered("keda", zero, f"segmenter.settings.processes={MANY_PROCESSES}")
    around = Surroundings()
    late = replace(around, start_seconds=LATE_SECONDS)
    alone = replace(around, looks=False)
    broad = replace(around, partitions=MANY_PARTITIONS)

    def day(films: arrivals.Films) -> list[Footage]:
        return arrivals.studio_day(films)

    def large(films: arrivals.Films) -> list[Footage]:
        return arrivals.studio_day(films, TIMES)

    def tooth(period: int) -> Case:
        return Case("", keda, around, lambda films: arrivals.sawtooth(films, keda.most, period), keda.most)

    def edge(period: int) -> Case:
        return Case("", keda, around, lambda films: arrivals.threshold(films, period), keda.most)

    return [
        Case("studio day, KEDA", keda, around, day, keda.most),
        Case("studio day x 12.5, KEDA, 16 pods of 13 processors", wide, around, large, wide.most),
        Case("studio day x 12.5, KEDA, 200 pods, 256 partitions", keda.with_most(MANY_PODS), broad, large, MANY_PODS),
        Case(f"studio day, KEDA, pods start after {LATE_SECONDS:.0f} s", keda, late, day, keda.most),
        Case("studio day, HPA", hpa, around, day, hpa.most),
        Case("steps of 4 h, KEDA", keda, around, lambda films: arrivals.steps(films, keda.most), keda.most),
        worst("sawtooth, KEDA", tooth),
        worst("one footage at a time, KEDA", edge),
        Case("studio day, KEDA, " + ", ".join(BEFORE), before, around, day, before.most),
        Case("studio day, KEDA, nobody asks", keda, alone, day, keda.most),
        Case("studio day, HPA, nobody asks", hpa, alone, day, hpa.most),
    ]


def row(case: Case, found: Figures, always: Figures, allowed: float, more: float) -> dict[str, object]:
    """One line of the table."""
    return {
        "day and rules": case.name,
        "footage": found.footage,
        "not finished": found.unfinished,
        "most left": found.most_left,
        "bound": round(allowed),
        "all pods always: most left": always.most_left,
        "wait p50, s": round(found.wait_median),
        "wait p95, s": round(found.wait_p95),
        "all pods always: p95": round(always.wait_p95),
        "most by the rules, s": round(more),
        "pods": f"{case.rules.least}-{found.most_pods}",
        "pod hours": round(found.pod_hours),
        "turns": found.turns,
        "turns in the worst hour": found.most_turns_in_an_hour,
        "shortest life of a pod, s": round(found.shortest_life),
        "longest end, s (grace)": f"{found.longest_end:.0f} ({case.rules.ending.grace_seconds:.0f})",
        "done twice, %": round(100 * found.repeated_share, 2),
    }


def main() -> None:
    rows, columns = [], []
    for case in cases():
        history, always = replay(case), replay(case, always=True)
        found, compared = figures(history, LENGTH_SECONDS), figures(always, LENGTH_SECONDS)
        rows.append(row(case, found, compared, bound(case, always), most_by_the_rules(history, always)))
        if len(columns) < 3:
            columns.append(Column(case.name, history, always, bound(case, always), LENGTH_SECONDS))
    (RESULTS / "scaling.svg").write_text(draw(columns))
    cost, around = arrivals.measured(), Surroundings()
    record(
        "scaling",
        "Days of footage against the chart's rules of scaling, in simulation",
        rows,
        [
            "![footage not finished, and pods, through three days](scaling.svg)",
            f"A second of 1080p film takes {cost.film:.3f} s of a processor (make bench), a pod "
            f"{around.start_seconds:.0f} s until it is ready (on a loaded node). Taken for granted, not "
            f"measured: a footage takes {cost.footage:.1f} s beside its film, and the "
            f"group settles within {around.rebalance_seconds:.0f} s.",
            "Left: arrived and not finished. Bound: what is left where all pods are always there, and what can arrive "
            "in the time that KEDA and the HPA take to go from no pod to all of them. Wait: until somebody has the "
            "footage in hand; what it waits with all pods there is for want of processors, or behind another in its "
            "partition. By the rules: the longest that one waits more than there.",
            "Turns: changes of direction, from more pods to fewer or back. Two in each ten minutes are the most that "
            "the window and the cooldown allow; a pod lives at least as long as the shorter of them.",
            "`scaleDownSeconds=120` is how the chart was before: a pod could go two minutes after it came.",
            "A pod with nothing to do looks every 5 s for footage that waits in a partition of a busy one, and asks "
            "for it the second time. The last two lines are without that: a long film keeps what waits in the other "
            "partitions of its pod.",
            "KEDA reports the whole lag (`allowIdleConsumers`), and `max` keeps the pods to the partitions: were it "
            "cut to what partitions can use, 15 pods would be near enough to 16 for the HPA, whatever waits.",
            "200 pods: the rules alone. A topic has 16 partitions, so that the chart refuses more than 16 pods and "
            "gives each more processors.",
            "A pod takes one processor while it works. Nodes are there, but in the line with late pods.",
        ],
    )


if __name__ == "__main__":
    main()
