"""The real autoscalers on a node: KEDA by Kafka's lag, from no pod to many and back; the HPA by processor time."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from celstream_cluster import servers
from celstream_platform.eventlog import open_event_log
from celstream_stack.stack import Stack

from tests.benchmarks.recording import RESULTS, record
from tests.cluster.cluster import INSTALLED, Cluster
from tests.cluster.collected import Following
from tests.cluster.load import Inbox, Release
from tests.cluster.pieces import footage_id, pieces
from tests.cluster.scaled import Sampled, start_seconds
from tests.scaling.figures import turns

pytestmark = [pytest.mark.cluster, pytest.mark.faults, pytest.mark.timeout(1800)]
PIECES = 16
PATIENCE_SECONDS = 900.0
SYNC_SECONDS = 2.0  # of the node's HPA controller, as `celstream_cluster.control_plane` tells it
BEFORE_SECONDS = 20.0  # that are written down before the first footage
QUICK = ("segmenter.autoscaling.cooldownSeconds=30", "segmenter.autoscaling.scaleDownSeconds=30")
KEDA = ("segmenter.autoscaling.kind=keda", "segmenter.autoscaling.min=0", "segmenter.autoscaling.max=4", *QUICK)
HPA = ("segmenter.autoscaling.kind=hpa", "segmenter.autoscaling.min=1", "segmenter.autoscaling.max=3", *QUICK)


@pytest.fixture
def scaled(release: Cluster, cluster_values: Path) -> Iterator[Release]:
    """The node's release; as it was afterwards."""
    found = Release(release, INSTALLED, cluster_values)
    yield found
    found.upgrade()


def replay(scaled: Release, own_servers: Stack, folder: Path, sets: tuple[str, ...], least: int) -> Sampled:
    """Scale as `sets` say, wait until there are the fewest pods, drop footage, wait until all is as before."""
    films = pieces(folder, PIECES)
    variables = own_servers.up(servers.NAMES)
    inbox = Inbox(own_servers, variables["CELSTREAM_INBOX"], "pods")
    log = open_event_log(variables["CELSTREAM_EVENTS"])
    following = Following(log, {footage_id(film) for film in films})
    with Sampled(scaled, variables["CELSTREAM_EVENTS"]) as sampled:
        scaled.upgrade(*sets)
        wait(following, lambda: bool(sampled.wanted) and sampled.wanted[-1][1] == least)
        begun = time.time()
        for film in films:
            inbox.drop(film)
        wait(following, lambda: len(following.found.finished) == PIECES)
        wait(following, lambda: sampled.wanted[-1][1] == least and sampled.wanted[-1][0] > begun)
    following.close()
    log.close()
    return sampled


def wait(following: Following, holds: Callable[[], bool]) -> None:
    """Read on until something holds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        following.read(0.5)
        assert time.monotonic() < deadline, f"{len(following.found.outcomes)} of {PIECES} have an outcome"


def table(name: str, title: str, sampled: Sampled, sets: tuple[str, ...]) -> None:
    """Write down what was seen: a line for each change of the number of pods."""
    begun = next(sample.at for sample in sampled.samples if sum(sample.lags))
    lag = {sample.at: sum(sample.lags) for sample in sampled.samples}
    rows = []
    for at, many in sampled.wanted:
        if at < begun - BEFORE_SECONDS:
            continue
        seen = [value for when, value in lag.items() if when <= at]
        ready = [value for when, value in sampled.ready if when <= at]
        rows.append({"second": at - begun, "lag, offsets": seen[-1] if seen else 0, "pods wanted": many,
                     "ready then": ready[-1] if ready else 0})  # fmt: skip
    starts = start_seconds(sampled.pods.changes)
    remarks = [
        f"{PIECES} pieces of two seconds, dropped into the inbox at once; with {', '.join(sets)}.",
        f"From a pod's making until it is ready: {starts[0]:.0f} to {starts[-1]:.0f} s, for {len(starts)} pods.",
    ]
    record(name, title, rows, remarks)
    series = {
        "sets": sets,
        "sync_seconds": SYNC_SECONDS,
        "lag": [(round(at - begun, 2), many) for at, many in lag.items() if at >= begun - BEFORE_SECONDS],
        "pods": [(round(at - begun, 2), many) for at, many in sampled.wanted if at >= begun - BEFORE_SECONDS],
    }
    (RESULTS / f"{name}_series.json").write_text(json.dumps(series) + "\n")


def test_keda_takes_the_segmenter_from_no_pod_to_many_and_back(
    scaled: Release, own_servers: Stack, tmp_path: Path
) -> None:
    sampled = replay(scaled, own_servers, tmp_path / "films", KEDA, 0)
    table("cluster_keda", "KEDA on a node: the segmenter's pods by Kafka's lag", sampled, KEDA)
    numbers = [many for _, many in sampled.wanted]
    first = numbers.index(0)
    assert max(numbers[first:]) == 4
    assert numbers[-1] == 0
    assert len(turns([(at, many) for at, many in sampled.wanted][first:])) == 1, "up, and then down"


def test_the_hpa_follows_processor_time_and_comes_back(scaled: Release, own_servers: Stack, tmp_path: Path) -> None:
    sampled = replay(scaled, own_servers, tmp_path / "films", HPA, 1)
    table("cluster_hpa", "The HPA on a node: the segmenter's pods by processor time", sampled, HPA)
    numbers = [many for _, many in sampled.wanted]
    assert max(numbers) == 3
    assert numbers[-1] == 1
