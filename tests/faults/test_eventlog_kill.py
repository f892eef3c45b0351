"""Workers that are killed at random moments lose nothing, double nothing, and keep the order of each key.

On Kafka `test_exactly_once.py` does the same in `make test`, with the store and the model server as well.
"""

import itertools
import random
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from celstream_platform.eventlog import EventLog, open_event_log, sqlite_url
from celstream_platform.events import Event
from celstream_platform.topics import Topic

COPY_EVENTS = Path(__file__).with_name("copy_events.py")
KEYS = 17
SLOW, LONG = pytest.mark.slow, pytest.mark.faults


@dataclass(frozen=True)
class Place:
    """An event log to kill workers of. fixture: gives its URL where it is a real server.

    moment_seconds: a worker is killed up to so long after new events came; it joins and works within about that.
    """

    fixture: str
    moment_seconds: float


SQLITE, KAFKA = Place("", 0.03), Place("kafka_url", 1.5)


@dataclass
class Chain:
    """Two processes copy from the first topic to the second, two from the second to the third."""

    url: str
    log: EventLog
    moment_seconds: float
    topics: list[str] = field(default_factory=lambda: [f"celstream.hop-{secrets.token_hex(8)}" for _ in range(3)])
    workers: dict[str, subprocess.Popen[str]] = field(default_factory=dict)
    published: int = 0

    @property
    def hops(self) -> tuple[tuple[str, str], ...]:
        return tuple(itertools.pairwise(self.topics))

    def start(self, member: str, mode: str = "transaction") -> subprocess.Popen[str]:
        source, sink = self.hops[int(member) % 2]
        worker = subprocess.Popen(
            [sys.executable, COPY_EVENTS, self.url, source, sink, member, mode],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.workers[member] = worker
        return worker

    def kill(self, member: str) -> None:
        worker = self.workers.pop(member)
        with worker:
            worker.kill()

    def publish(self, number: int) -> None:
        names = [f"{self.published + index}" for index in range(number)]
        self.log.publish([Event(self.topics[0], f"key-{int(name) % KEYS}", name.encode()) for name in names])
        self.published += number

    def arrived(self) -> list[int]:
        """All that reached the last topic, once nothing is on its way any more."""
        while any(self.log.lag(f"copy-{source}", [source]) for source, _ in self.hops):
            for member, worker in self.workers.items():
                assert worker.poll() is None, f"worker {member} ended by itself"
            time.sleep(0.02)
        reader = self.log.reader([self.topics[-1]], {})
        found: list[int] = []
        while not reader.at_end():
            found += [int(delivery.event.value) for delivery in reader.poll(1000, 1.0)]
        reader.close()
        return found


@pytest.fixture
def chain(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Chain]:
    place: Place = request.param
    url = request.getfixturevalue(place.fixture) if place.fixture else sqlite_url(tmp_path / "events.sqlite")
    log = open_event_log(url)
    chain = Chain(url, log, place.moment_seconds)
    log.ensure_topics(Topic(name) for name in chain.topics)
    yield chain
    for member in list(chain.workers):
        chain.kill(member)
    log.close()


def in_order(found: list[int]) -> list[int]:
    """What arrived, key by key."""
    return sorted(found, key=lambda number: number % KEYS)


def joined(worker: subprocess.Popen[str]) -> None:
    assert worker.stdout is not None
    assert worker.stdout.readline() == "joined\n"


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("chain", "kills", "events"),
    [
        pytest.param(SQLITE, 5, 200, marks=SLOW, id="sqlite-5"),
        pytest.param(SQLITE, 50, 200, marks=LONG, id="sqlite-50"),
        pytest.param(KAFKA, 25, 400, marks=LONG, id="kafka-25"),
    ],
    indirect=["chain"],
)
def test_workers_killed_at_random_moments_lose_and_double_nothing(chain: Chain, kills: int, events: int) -> None:
    dice = random.Random(kills)
    for member in "0123":
        joined(chain.start(member))
    for _ in range(kills):
        chain.publish(events)
        time.sleep(dice.uniform(0.0, chain.moment_seconds))  # the random moment: the workers are in the middle of it
        member = dice.choice("0123")
        chain.kill(member)
        joined(chain.start(member))
    found = chain.arrived()
    assert in_order(found) == in_order(list(range(chain.published)))


@pytest.mark.parametrize("chain", [pytest.param(SQLITE, id="sqlite")], indirect=True)
def test_this_test_finds_a_worker_without_transactions(chain: Chain) -> None:
    worker = chain.start("0", mode="separate")
    chain.publish(20)
    joined(worker)
    assert worker.stdout is not None
    assert worker.stdout.readline() == "published\n"
    chain.kill("0")
    for member in "01":
        joined(chain.start(member))
    found = chain.arrived()
    assert in_order(found) != in_order(list(range(chain.published)))
    assert set(found) == set(range(chain.published))
