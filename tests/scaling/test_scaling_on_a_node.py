"""The simulated autoscalers, shown the lag that a node's KEDA saw, do what the real ones did."""

import json
from itertools import product

import numpy as np
import pytest

from tests.benchmarks.recording import RESULTS
from tests.scaling.activation import Activation, reported
from tests.scaling.autoscaler import Autoscaler, for_total
from tests.scaling.rules import ByLag, Rules, rendered

pytestmark = pytest.mark.slow
NEAR_SECONDS = 4.0  # a look at the lag is a second old at most, and the HPA's syncs come a little late each time
STEPS = 4  # from one look at the lag to the next: footage ends quicker than once a second
Changes = list[tuple[float, int]]


def between(lag: Changes) -> Changes:
    """The lag with what it went through from one look to the next: a straight line, for nobody knows better."""
    at, many = zip(*lag, strict=True)
    finer = np.interp(np.arange(len(lag) * STEPS - STEPS + 1) / STEPS, np.arange(len(lag)), at)
    return [(float(now), round(float(np.interp(now, at, many)))) for now in finer]


def simulated(rules: Rules, lag: Changes, end: float, look: float, sync: float, every: float) -> Changes:
    """Changes of the number of pods, from 0. look, sync: the first looks of KEDA and the HPA; every: the HPA's."""
    assert isinstance(rules.metric, ByLag)
    keda, hpa = Activation(rules.metric, rules.least), Autoscaler(rules, lag[0][0], 0)
    found, pods = [], 0
    seen, now = iter([*lag, (float("inf"), 0)]), lag[0][0]
    (_, value), (due, following) = next(seen), next(seen)
    while now < end:
        now = min(look, sync)
        while due <= now:
            value = following
            due, following = next(seen)
        before = pods
        if now == look:
            look += rules.metric.polling_seconds
            pods = keda.decide(now, pods, [value])
        else:
            sync += every
            if pods:
                pods = hpa.decide(now, pods, for_total(reported([value], rules.metric), rules.metric.per_pod, pods))
        if pods != before:
            found.append((now, pods))
    return found


@pytest.mark.parametrize("run", ["cluster_keda_series", "cluster_keda_two_a_pod_series"])
def test_the_simulation_does_what_keda_and_the_hpa_did_on_a_node(run: str) -> None:
    """When the two had their first look is not known: one pair of moments has to explain all that they did."""
    series = json.loads((RESULTS / f"{run}.json").read_text())
    numbers = [many for _, many in series["pods"]]
    real = series["pods"][numbers.index(0) + 1 :]
    begin = series["pods"][numbers.index(0)][0]
    lag = between([(at, many) for at, many in series["lag"] if at >= begin])
    rules, every, end = rendered("keda", *series["sets"]), series["sync_seconds"], real[-1][0] + NEAR_SECONDS
    moments = product([part / 2 for part in range(10)], [every * part / 4 for part in range(4)])
    tried = [simulated(rules, lag, end, begin + look, begin + sync, every) for look, sync in moments]
    same = [one for one in tried if [many for _, many in one] == [many for _, many in real]]
    apart = [max(abs(at - when) for (at, _), (when, _) in zip(one, real, strict=True)) for one in same]
    assert same, f"the node: {real}; no moments give these numbers"
    assert min(apart) <= NEAR_SECONDS
