"""One worker of the coordination benchmark: `python -m tests.benchmarks.coordination_worker URL TOPIC MEMBER`.

It says `working` once its transactions are full, ends at a line on standard input, and reports its commits as JSON.
"""

import json
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from celstream_platform import identity, logs
from celstream_platform.artefacts import directory_url, open_artefact_store
from celstream_platform.eventlog import EventLog, Session, open_event_log
from celstream_platform.events import Delivery, Event, encode
from celstream_platform.shutdown import Shutdown
from celstream_platform.stage import Context, Result
from celstream_platform.topics import PREFIX, Topic
from celstream_platform.worker import Worker, WorkerSettings
from celstream_protos.v1.envelope_pb2 import ItemHeader
from celstream_protos.v1.footage_pb2 import Footage
from google.protobuf.message import Message

WAIT_SECONDS = 0.05
TRANSACTION_EVENTS = 10
PARTITIONS = 16
STEADY_TRANSACTIONS = 5  # full ones; before, a worker finds out how many events it can take at once


def new_topic(name: str) -> Topic:
    """The topic that the workers consume."""
    return Topic(f"{PREFIX}{name}", partitions=PARTITIONS)


def offer(topic: Topic, number: int) -> Event:
    """An event to wait for."""
    id_ = identity.digest(topic.name, number)
    version = identity.item_version("", "1")
    header = ItemHeader(id=id_, version=version, level=topic.name.removeprefix(PREFIX), footage_id=id_)
    return encode(topic.name, id_, Footage(item=header), event_id=identity.event_id(id_, version), source="bench")


class Waits:
    """The stage: nothing comes of an event but its outcome."""

    produces: Sequence[Topic] = ()
    message_type: type[Message] = Footage
    recipe = "recipe"

    def __init__(self, topic: Topic) -> None:
        self.consumes, self.name = topic, f"{topic.name.removeprefix(PREFIX)}-stage"

    def process(self, message: Message, context: Context) -> Result:
        time.sleep(WAIT_SECONDS)  # the work
        return Result()


class Noted:
    """A session that notes when how many events were committed."""

    def __init__(self, session: Session) -> None:
        self._session, self._full = session, 0
        self.commits: list[tuple[float, int]] = []

    def commit(self, consumed: Sequence[Delivery], events: Sequence[Event]) -> None:
        self._session.commit(consumed, events)
        self.commits.append((time.monotonic(), len(consumed)))
        self._full += len(consumed) == TRANSACTION_EVENTS
        if self._full == STEADY_TRANSACTIONS and len(consumed) == TRANSACTION_EVENTS:
            print("working", flush=True)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)


class NotedLog:
    """An event log whose only session is noted."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self.noted: Noted | None = None

    def session(self, group: str, topics: Sequence[str], member: str) -> Any:
        self.noted = Noted(self._log.session(group, topics, member))
        return self.noted

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)


def main() -> None:
    url, topic_name, member = sys.argv[1:]
    logs.configure("bench", level="error")
    log = open_event_log(url)
    noted: Any = NotedLog(log)
    ends = Shutdown()
    stage = Waits(new_topic(topic_name.removeprefix(PREFIX)))
    settings = WorkerSettings(max_events=TRANSACTION_EVENTS)
    with tempfile.TemporaryDirectory() as folder:
        store = open_artefact_store(directory_url(Path(folder)))
        worker = threading.Thread(target=Worker(stage, noted, store, settings, member=member).run, args=(ends,))
        worker.start()
        begin, busy = time.monotonic(), time.process_time()
        sys.stdin.readline()
        share = (time.process_time() - busy) / (time.monotonic() - begin)
        ends.request()
        worker.join()
    log.close()
    print(json.dumps({"commits": noted.noted.commits, "busy_share": share}), flush=True)


if __name__ == "__main__":
    main()
