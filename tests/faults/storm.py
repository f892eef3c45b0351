"""A relay of workers between real servers, and the troubles that befall them on the way.

Troubles come by progress, not by the clock: each when its share of the events has reached the last topic. So a slow
machine meets as many of them as a quick one, and none is met by a relay that has nothing to do.
"""

import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from celstream_platform import topics
from celstream_platform.errors import Unavailable
from celstream_platform.eventlog import EventLog, Reader, open_event_log
from celstream_platform.events import Event, decode
from celstream_protos.v1.envelope_pb2 import OUTCOME_STATE_COMPLETED, Outcome
from celstream_protos.v1.footage_pb2 import Footage

from tests.faults.relay import Names, expected_letter

PUBLISHED_AT_ONCE = 500
SLICE_SECONDS = 0.1
Trouble = tuple[float, Callable[["Storm"], None]]  # (share of the events that has arrived, 0-1; what happens then)


@dataclass
class Member:
    """One worker process. working: set once it has had events in hand."""

    process: subprocess.Popen[str]
    working: threading.Event = field(default_factory=threading.Event)


class Storm:
    """Workers of both stages over one set of servers. servers: the variables that say where they are."""

    def __init__(self, servers: Mapping[str, str], folder: Path, *, transactions: bool = True) -> None:
        self.names = Names(secrets.token_hex(4))
        self.happened: Counter[str] = Counter()
        self._servers, self._folder = servers, folder
        self._mode = "transactions" if transactions else "separate"
        self._members: dict[str, Member] = {}
        self._log: EventLog = open_event_log(servers["CELSTREAM_EVENTS"])
        self._log.ensure_topics([*self.names.topics, topics.OUTCOMES, *map(topics.dead_letters, self.names.stages)])
        self._letters: list[str] = []

    def start(self, *members: str) -> None:
        """Start workers; the number at the end of a name says which stage, even or odd."""
        for name in members:
            arguments = [self.names.suffix, self._stage(name), name, self._mode]
            with (self._folder / f"{name}.log").open("a") as said:
                process = subprocess.Popen(
                    [sys.executable, "-m", "tests.faults.relay_worker", *arguments],
                    env={**os.environ, **self._servers},
                    stdout=subprocess.PIPE,
                    stderr=said,
                    text=True,
                )
            member = self._members[name] = Member(process)
            threading.Thread(target=_listen, args=(member,), daemon=True).start()

    def kill(self, name: str) -> None:
        """Kill a worker and start it again under its name."""
        with self._members.pop(name).process as process:
            process.kill()
        self.happened["workers killed"] += 1
        self.start(name)

    def join(self, name: str) -> None:
        """One more replica, until it has its share."""
        self.start(name)
        self.until(self._members[name].working.is_set)
        self.happened["replicas joined"] += 1

    def leave(self, name: str) -> None:
        """A replica ends in good order."""
        with self._members.pop(name).process as process:
            process.send_signal(signal.SIGTERM)
            assert process.wait() == 0, (self._folder / f"{name}.log").read_text()
        self.happened["replicas left"] += 1

    def run(self, events: int, troubles: list[Trouble]) -> None:
        """Offer events, and see the troubles through; returns once nothing is on its way any more."""
        for first in range(0, events, PUBLISHED_AT_ONCE):
            numbers = range(first, min(events, first + PUBLISHED_AT_ONCE))
            self._log.publish([self.names.offer(number) for number in numbers])
        with self._reading(self.names.topics[2].name) as self._reader:
            for share, trouble in sorted(troubles, key=lambda trouble: trouble[0]):
                self.until(lambda share=share: len(self._letters) >= share * events)  # type: ignore[misc]
                trouble(self)
            self.until(self._is_idle)

    def until(self, holds: Callable[[], bool]) -> None:
        """Follow the last topic until something holds; no worker may end by itself meanwhile."""
        while not holds():
            self.watch(SLICE_SECONDS)

    def watch(self, seconds: float) -> None:
        """Follow the last topic for so long, also where the brokers are away."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            with suppress(Unavailable):
                self._take(self._reader, left)
            for name, member in self._members.items():
                assert member.process.poll() is None, (self._folder / f"{name}.log").read_text()

    def close(self) -> None:
        """End all."""
        for name in list(self._members):
            with self._members.pop(name).process as process:
                process.kill()
        self._log.close()

    def letters(self) -> Counter[str]:
        """What the last topic says, how often."""
        return Counter(self._letters)

    def expected_letters(self, events: int) -> Counter[str]:
        """What it must say: each text once."""
        return Counter(expected_letter(number) for number in range(events))

    def outcomes(self) -> Counter[tuple[str, int]]:
        """How many outcomes each stage gave of each state."""
        mine = [
            outcome
            for event in self._read(topics.OUTCOMES.name)
            if (outcome := decode(event, Outcome)).stage in self.names.stages
        ]
        twice = [key for key, many in Counter((o.stage, o.input_id) for o in mine).items() if many > 1]
        assert not twice, f"{len(twice)} inputs with more than one outcome"
        return Counter((outcome.stage, outcome.state) for outcome in mine)

    def expected_outcomes(self, events: int) -> Counter[tuple[str, int]]:
        """One of each stage for each text, none of them parked."""
        return Counter({(stage, int(OUTCOME_STATE_COMPLETED)): events for stage in self.names.stages})

    def dead_letters(self) -> int:
        """How many events were given up."""
        return sum(len(self._read(topics.dead_letters(stage).name)) for stage in self.names.stages)

    def _read(self, topic: str) -> list[Event]:
        found = []
        with self._reading(topic) as reader:
            while not reader.at_end():
                found += [delivery.event for delivery in reader.poll(1000, 1.0)]
        return found

    def _take(self, reader: Reader, seconds: float) -> None:
        self._letters += [decode(d.event, Footage).name for d in reader.poll(1000, seconds)]

    def _is_idle(self) -> bool:
        """Whether both groups have consumed all there is, and all that came of it is read."""
        try:
            stages = zip(self.names.stages, self.names.topics, strict=False)
            return not any(self._log.lag(stage, [topic.name]) for stage, topic in stages) and self._reader.at_end()
        except Unavailable:
            return False

    def _reading(self, topic: str) -> "_Reading":
        return _Reading(self._log.reader([topic], {}))

    @staticmethod
    def _stage(member: str) -> str:
        return str(int(member.rpartition("-")[2]) % 2)


@dataclass
class _Reading:
    """Closes a reader, whatever the brokers say to it."""

    reader: Reader

    def __enter__(self) -> Reader:
        return self.reader

    def __exit__(self, *_: object) -> None:
        with suppress(Unavailable):
            self.reader.close()


def _listen(member: Member) -> None:
    assert member.process.stdout is not None
    for _ in member.process.stdout:
        member.working.set()
