"""The job of the Kafka benchmark, and one process that does it with our worker, for a while.

The job: of each event one item of the same content and one outcome. The process says `ready` when it has a session,
and reports a JSON line once it has consumed as many events as it was told.
"""

import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from celstream_platform import identity, logs
from celstream_platform.artefacts import directory_url, open_artefact_store
from celstream_platform.eventlog import EventLog, Session, open_event_log
from celstream_platform.events import Delivery, Event, encode
from celstream_platform.shutdown import Shutdown
from celstream_platform.stage import Context, Item, Result
from celstream_platform.topics import PREFIX, Topic
from celstream_platform.worker import Worker, WorkerSettings
from celstream_protos.v1.envelope_pb2 import ItemHeader, Origin
from celstream_protos.v1.footage_pb2 import Footage
from google.protobuf.message import Message

JOBS, DONE = Topic("celstream.bench-jobs"), Topic("celstream.bench-done")
TRANSACTION_EVENTS = 100  # consumed; twice as many are published
NAME = "x" * 600  # with ids, versions and headers about 1 KiB
RECIPE = identity.recipe("bench 1", {})


def offer(number: int) -> Event:
    """An event that asks for the job."""
    id_ = identity.digest("job", number)
    version = identity.item_version("", "1")
    header = ItemHeader(id=id_, version=version, level=JOBS.name.removeprefix(PREFIX), footage_id=id_)
    footage = Footage(item=header, name=NAME)
    return encode(JOBS.name, id_, footage, event_id=identity.event_id(id_, version), source="bench")


def done(message: Footage) -> Footage:
    """The item that comes of one event."""
    parent, level = message.item, DONE.name.removeprefix(PREFIX)
    header = ItemHeader(
        id=identity.item_id(parent.id, level, 0, 1),
        version=identity.item_version(parent.version, RECIPE),
        level=level,
        parent_id=parent.id,
        parent_version=parent.version,
        footage_id=parent.footage_id,
        origin=Origin(method="bench", recipe=RECIPE, confidence=1.0),
    )
    return Footage(item=header, name=message.name)


class Bench:
    """The stage."""

    name = "bench-worker"
    consumes = JOBS
    produces: Sequence[Topic] = (DONE,)
    message_type: type[Message] = Footage
    recipe = RECIPE

    def process(self, message: Message, context: Context) -> Result:
        assert isinstance(message, Footage)
        return Result([Item(DONE, done(message))])


class Counted:
    """A session that ends its worker after so many events, and knows when the first came and the last was committed."""

    def __init__(self, session: Session, events: int, ends: Shutdown) -> None:
        self._session, self._most, self._ends = session, events, ends
        self.events, self.begin, self.end = 0, 0.0, 0.0

    def poll(self, max_events: int, timeout_seconds: float) -> list[Delivery]:
        found = self._session.poll(max_events, timeout_seconds)
        if found and not self.begin:
            self.begin = time.monotonic()
        return found

    def commit(self, consumed: Sequence[Delivery], events: Sequence[Event]) -> None:
        self._session.commit(consumed, events)
        self.events, self.end = self.events + len(consumed), time.monotonic()
        if self.events >= self._most:
            self._ends.request()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)


class CountedLog:
    """An event log whose only session is counted."""

    def __init__(self, log: EventLog, events: int, ends: Shutdown) -> None:
        self._log, self._events, self._ends = log, events, ends
        self.counted: Counted | None = None

    def session(self, group: str, topics: Sequence[str], member: str) -> Any:
        self.counted = Counted(self._log.session(group, topics, member), self._events, self._ends)
        print("ready", flush=True)
        return self.counted

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)


def main() -> None:
    url, events = sys.argv[1], int(sys.argv[2])
    logs.configure("bench", level="warning")
    ends = Shutdown()
    log = open_event_log(url)
    counted: Any = CountedLog(log, events, ends)
    # A transaction is full by what it publishes: an item and an outcome for each event.
    settings = WorkerSettings(max_events=2 * TRANSACTION_EVENTS)
    with tempfile.TemporaryDirectory() as folder:
        store = open_artefact_store(directory_url(Path(folder)))
        busy = time.process_time()
        Worker(Bench(), counted, store, settings, member="bench").run(ends)
    found: Counted = counted.counted
    busy = time.process_time() - busy
    log.close()
    print(json.dumps({"events": found.events, "begin": found.begin, "end": found.end, "busy": busy}), flush=True)


if __name__ == "__main__":
    main()
