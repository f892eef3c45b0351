"""The simulated autoscalers decide as Kubernetes' and KEDA's pages say: their examples, worked by hand."""

from dataclasses import replace

import pytest

from tests.scaling.activation import Activation, reported
from tests.scaling.autoscaler import Autoscaler, for_processor_time, for_total
from tests.scaling.rules import DOWN, UP, ByLag, Direction, Ending, Policy, Rules

LAG = ByLag(
    per_pod=10, activation=0, idle_consumers=False, only_with_lag=False, polling_seconds=5, cooldown_seconds=300
)
RULES = Rules(1, 100, UP, DOWN, LAG, Ending(5, 30, 60), 1)


def scaler(rules: Rules = RULES, pods: int = 1) -> Autoscaler:
    """One that has just begun."""
    return Autoscaler(rules, 0.0, pods)


@pytest.mark.parametrize(
    ("percents", "pods"),
    [
        ([200.0], 2),  # "if the current metric value is 200m, and the desired value is 100m", the number doubles
        ([50.0] * 4, 2),  # "50m": it is halved
        ([109.0] * 10, 10),  # "sufficiently close to 1.0", within a tenth: no action
        ([111.0] * 10, 12),
        ([91.0] * 10, 10),
    ],
)
def test_the_ratio_of_the_documentation(percents: list[float], pods: int) -> None:
    assert for_processor_time(percents, 0, 100.0, len(percents)) == pods


def test_a_pod_that_is_not_ready_yet_damps_growth_and_does_not_hinder_shrinking() -> None:
    assert for_processor_time([300.0], 0, 100.0, 3) == 3
    assert for_processor_time([300.0, 300.0], 1, 100.0, 3) == 6  # ceil(600 / 300 * 3): the third counts as idle
    assert for_processor_time([120.0, 120.0], 1, 100.0, 3) == 3  # 0.8 with it: growth would turn into shrinking
    assert for_processor_time([40.0, 40.0], 1, 100.0, 3) == 1  # ceil(0.4 * 2), without it
    assert for_processor_time([], 1, 100.0, 1) == 1


@pytest.mark.parametrize(
    ("total", "pods", "wanted"), [(95, 10, 10), (110, 10, 10), (111, 10, 12), (89, 10, 9), (0, 5, 0)]
)
def test_a_total_is_shared_out_among_pods(total: int, pods: int, wanted: int) -> None:
    assert for_total(total, 10, pods) == wanted


def test_growth_goes_by_four_pods_or_doubles_whichever_is_more_every_fifteen_seconds() -> None:
    found, autoscaler, pods = [], scaler(), 1
    for sync in range(7):
        pods = autoscaler.decide(15.0 * sync, pods, 100)
        found.append(pods)
    assert found == [5, 10, 20, 40, 80, 100, 100]


def test_a_tenth_a_minute_goes_as_the_documentation_counts_it() -> None:
    """80, then 72, then 64: a tenth of 72 is 7.2, "but the number is rounded up to 8"; below 40, 4 at a time."""
    policies = (Policy("Pods", 4, 60.0), Policy("Percent", 10, 60.0))
    autoscaler = scaler(replace(RULES, down=Direction(0.0, policies)), 80)
    found, pods = [], 80
    for minute in range(10):
        pods = autoscaler.decide(1 + 60.0 * minute, pods, 10)
        assert autoscaler.decide(31 + 60.0 * minute, pods, 10) == pods, "not twice in a minute"
        found.append(pods)
    assert found == [72, 64, 57, 51, 45, 40, 36, 32, 28, 24]


@pytest.mark.parametrize(("select", "first"), [("Max", 72), ("Min", 76), ("Disabled", 80)])
def test_of_two_policies_the_one_that_is_selected_counts(select: str, first: int) -> None:
    policies = (Policy("Pods", 4, 60.0), Policy("Percent", 10, 60.0))
    autoscaler = scaler(replace(RULES, down=Direction(0.0, policies, select)), 80)
    assert autoscaler.decide(1.0, 80, 10) == first


def test_pods_go_only_when_nothing_in_the_window_has_asked_for_them() -> None:
    autoscaler, found, pods = scaler(pods=8), {}, 8
    for sync in range(1, 40):
        wanted = 8 if sync == 8 else 2
        found[15 * sync] = pods = autoscaler.decide(15.0 * sync, pods, wanted)
    assert next(at for at in found if found[at] < 8) == 15 * 8 + 300
    assert found[15 * 39] == 2


def test_pods_come_only_as_far_as_the_whole_window_asks_for_them() -> None:
    autoscaler, pods = scaler(replace(RULES, up=replace(UP, window_seconds=60.0))), 1
    for at, wanted, expected in ((15.0, 3, 1), (30.0, 5, 1), (45.0, 3, 1), (61.0, 4, 3), (92.0, 4, 3), (106.0, 4, 4)):
        pods = autoscaler.decide(at, pods, wanted)
        assert (at, pods) == (at, expected)


def test_more_than_the_most_is_mended_at_once() -> None:
    assert scaler(RULES.with_most(16), 20).decide(1.0, 20, 20) == 16


def test_keda_tells_of_no_more_lag_than_partitions_can_use() -> None:
    assert reported([5, 0, 7], LAG) == 12
    assert reported([500, 0, 7], LAG) == 30
    assert reported([500, 0, 7], replace(LAG, only_with_lag=True)) == 20
    assert reported([500, 0, 7], replace(LAG, idle_consumers=True)) == 507


def test_keda_wakes_the_first_pod_and_lets_the_last_go_when_it_has_been_quiet_for_long_enough() -> None:
    keda = Activation(LAG, 0)
    assert keda.decide(0.0, 0, [0, 0]) == 0
    assert keda.decide(5.0, 0, [0, 1]) == 1
    assert keda.decide(10.0, 3, [0, 1]) == 3
    assert keda.decide(310.0, 3, [0, 0]) == 3
    assert keda.decide(310.1, 3, [0, 0]) == 0
    assert Activation(replace(LAG, activation=1), 0).decide(5.0, 0, [0, 1]) == 0


def test_keda_lets_the_last_pod_stay_where_one_is_the_fewest() -> None:
    assert Activation(LAG, 1).decide(1e6, 1, [0]) == 1


def test_a_lag_that_is_cut_to_the_partitions_leaves_the_last_pod_out() -> None:
    """Why the chart lets KEDA report all of it: 16 pods' worth is within a tenth of 15."""
    lags = [50] * 16
    cut = for_total(reported(lags, LAG), LAG.per_pod, 15)
    whole = for_total(reported(lags, replace(LAG, idle_consumers=True)), LAG.per_pod, 15)
    assert (cut, min(whole, 16)) == (15, 16)
