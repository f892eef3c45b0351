"""Exactly once, over real servers: whatever is killed or goes away, each event has its effect, and has it once."""

import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from celstream_stack.places import cache
from celstream_stack.stack import Stack
from celstream_stack.triton import REPOSITORY

from tests.benchmarks.recording import record
from tests.contracts.repository import write_repository
from tests.faults.storm import Storm, Trouble

MEMBERS = ("worker-0", "worker-1", "worker-2", "worker-3")  # two of each stage
AWAY_SECONDS = 20.0
SERVERS = ("kafka", "minio", "triton")


def kills(number: int, dice: random.Random) -> list[Trouble]:
    """Workers of either stage, killed at random moments of the way."""

    def kill(storm: Storm) -> None:
        storm.kill(dice.choice(MEMBERS))

    return [(dice.uniform(0.01, 0.95), kill) for _ in range(number)]


def visits(number: int, dice: random.Random) -> list[Trouble]:
    """Replicas that join and leave again."""

    def visit(index: int) -> list[Trouble]:
        name = f"visitor-{4 + index}"
        begin = dice.uniform(0.05, 0.7)
        return [(begin, lambda storm: storm.join(name)), (begin + 0.1, lambda storm: storm.leave(name))]

    return [trouble for index in range(number) for trouble in visit(index)]


def outages(stack: Stack) -> list[Trouble]:
    """Each server is away once, the broker twice."""

    def restart(storm: Storm) -> None:
        stack.down(["kafka"])
        stack.up(["kafka"])
        storm.happened["broker restarts"] += 1

    def killed(server: str, storm: Storm) -> None:
        number = stack.pid(server)
        assert number is not None
        os.killpg(number, signal.SIGKILL)
        os.waitpid(number, 0)
        stack.up([server])

    def kill_broker(storm: Storm) -> None:
        killed("kafka", storm)
        storm.happened["broker restarts"] += 1

    def store_away(storm: Storm) -> None:
        stack.down(["minio"])
        storm.watch(AWAY_SECONDS)
        stack.up(["minio"])
        storm.happened["store away for 20 s"] += 1

    def kill_models(storm: Storm) -> None:
        killed("triton", storm)
        storm.happened["model server killed"] += 1

    return [(0.2, restart), (0.4, store_away), (0.55, kill_models), (0.7, kill_broker)]


@pytest.fixture
def shared_servers(kafka_url: str, bucket_url: str, triton_url: str) -> dict[str, str]:
    """Where the servers of this run are, for a process of the test's own; none of them may be harmed."""
    return {"CELSTREAM_EVENTS": kafka_url, "CELSTREAM_ARTEFACTS": bucket_url, "CELSTREAM_MODELS": triton_url}


@pytest.fixture
def own_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """Servers of the test's own, not started yet."""
    write_repository(tmp_path / "models")
    monkeypatch.setenv(REPOSITORY, str(tmp_path / "models"))
    stack = Stack(tmp_path / "stack", cache())
    yield stack
    stack.remove()


def weathered(storm: Storm, events: int, troubles: list[Trouble]) -> None:
    """Run it through, with two workers of each stage from the beginning, and compare all that came of it."""
    try:
        storm.start(*MEMBERS)
        storm.run(events, troubles)
        assert storm.outcomes() == storm.expected_outcomes(events)
        assert storm.letters() == storm.expected_letters(events)
        assert storm.dead_letters() == 0
    finally:
        storm.close()


@pytest.mark.slow
def test_workers_killed_between_real_servers_lose_and_double_nothing(
    shared_servers: dict[str, str], tmp_path: Path
) -> None:
    storm = Storm(shared_servers, tmp_path)
    weathered(storm, 500, kills(3, random.Random(3)))
    assert storm.happened["workers killed"] == 3


@pytest.mark.slow
def test_the_same_test_finds_workers_without_transactions(shared_servers: dict[str, str], tmp_path: Path) -> None:
    storm = Storm(shared_servers, tmp_path, transactions=False)
    with pytest.raises(AssertionError, match="more than one outcome"):
        weathered(storm, 200, kills(3, random.Random(3)))
    assert storm.letters() - storm.expected_letters(200), "some are doubled"
    assert not storm.expected_letters(200) - storm.letters(), "none is lost"


@pytest.mark.faults
@pytest.mark.timeout(1200)
def test_a_storm_over_all_servers_loses_and_doubles_nothing(own_stack: Stack, tmp_path: Path) -> None:
    events, dice = 10_000, random.Random(10)
    servers = own_stack.up(SERVERS)
    storm = Storm(servers, tmp_path)
    begin = time.monotonic()
    weathered(storm, events, kills(24, dice) + visits(3, dice) + outages(own_stack))
    rows = [
        ("events offered", events),
        ("outcomes of the two stages, one of each input", storm.expected_outcomes(events).total()),
        ("events at the end of the chain, exactly those expected", storm.letters().total()),
        *storm.happened.items(),
        ("minutes", round((time.monotonic() - begin) / 60, 1)),
    ]
    record("exactly_once", "Exactly once over Kafka, MinIO and Triton", [{"what": w, "figure": f} for w, f in rows])
