"""Days of footage against the chart's own rules: what waits is bounded, the number of pods does not flap."""

import functools
from dataclasses import replace

import pytest

from tests.benchmarks.scaling import LENGTH_SECONDS, Case, bound, most_by_the_rules, replay
from tests.scaling import arrivals
from tests.scaling.figures import figures, turns
from tests.scaling.group import Footage, Group
from tests.scaling.replay import Surroundings
from tests.scaling.rules import ByLag, Rules, rendered

pytestmark = pytest.mark.slow
CASES = ["studio day", "steps", "one at a time", "by processor time"]


@functools.cache
def keda() -> Rules:
    """The rules with KEDA, from 0 pods."""
    return rendered("keda", "segmenter.autoscaling.min=0")


@functools.cache
def case(name: str) -> Case:
    """A day by its name."""
    around = Surroundings()
    if name == "steps":
        return Case(name, keda(), around, lambda films: arrivals.steps(films, keda().most), keda().most)
    if name == "one at a time":
        return Case(name, keda(), around, lambda films: arrivals.threshold(films, 660), keda().most)
    rules = rendered("hpa") if name == "by processor time" else keda()
    return Case(name, rules, around, lambda films: arrivals.studio_day(films), rules.most)


@pytest.mark.parametrize("name", CASES)
def test_what_waits_is_bounded_and_all_is_finished(name: str) -> None:
    always = replay(case(name), always=True)
    found = figures(replay(case(name)), LENGTH_SECONDS)
    assert found.unfinished == 0
    assert found.most_left <= bound(case(name), always)


@pytest.mark.parametrize("name", CASES)
def test_no_pod_goes_before_the_window_is_over_and_none_is_killed(name: str) -> None:
    rules = case(name).rules
    least = rules.down.window_seconds
    if isinstance(rules.metric, ByLag):
        least = min(least, rules.metric.cooldown_seconds)
    found = figures(replay(case(name)), LENGTH_SECONDS)
    assert found.shortest_life >= least
    assert found.most_turns_in_an_hour <= 2 * 3600 / least
    assert found.longest_end < rules.ending.grace_seconds


@pytest.mark.parametrize("name", ["studio day", "steps", "by processor time"])
def test_no_footage_waits_behind_a_long_film_of_another_partition_while_pods_are_idle(name: str) -> None:
    """Less than without asking; what is left is pods that are not there yet, and films of the same partition."""
    as_is = case(name)
    alone = replace(as_is, around=replace(as_is.around, looks=False))
    always = replay(as_is, always=True)
    assert most_by_the_rules(replay(as_is), always) < most_by_the_rules(replay(alone), always) / 3


def test_idle_pods_share_what_waits_behind_work_in_hand() -> None:
    group = Group(4)
    for partition in range(4):
        group.arrive(Footage(0.0, partition, 1, 10.0, 1.0))
    group.share([1])
    assert group.take(1) is not None
    group.share([1, 2, 3])
    group.share([1, 2, 3], sorted(group.waiting()))
    assert group.owned[1] == {0}
    assert {len(group.owned[2]), len(group.owned[3])} == {1, 2}


def test_each_footage_is_finished_once_by_one_pod_after_the_other() -> None:
    history = replay(case("studio day"))
    assert all(one.done >= one.chapters and one.taken is not None for one in history.footage)
    assert sum(many for _, many in history.left[-1:]) == 0


def test_one_footage_calls_one_pod_and_when_it_is_done_none_is_left() -> None:
    alone = replace(case("studio day"), footage=lambda films: [films.one(100.0, 60.0, "1080p")])
    assert [many for _, many in replay(alone).pods] == [0, 1, 0]


def test_who_has_a_footage_in_hand_keeps_its_partition_when_others_come() -> None:
    group = Group(4)
    group.arrive(Footage(0.0, 3, 1, 10.0, 1.0))
    group.share([1])
    assert group.take(1) is not None
    group.share([1, 2, 3, 4])
    assert {member: len(has) for member, has in group.owned.items()} == {1: 1, 2: 1, 3: 1, 4: 1}
    assert group.owned[1] == {3}


def test_turns_are_changes_of_direction() -> None:
    assert turns([(0, 1), (1, 5), (2, 10), (3, 8), (4, 8), (5, 9), (6, 9), (7, 3)]) == [3, 5, 7]
