"""An event that takes far longer than Kafka lets a consumer be silent: its worker keeps it, and commits it once.

In earnest a film takes 12 minutes and more: 72 times as long as a session lasts (SESSION_SECONDS, 10 s), and 12 times
as long as the members wait for each other when the group changes (REBALANCE_SECONDS, 60 s: max.poll.interval.ms).
Here the work is as many of the latter, and they are shorter; a session is as short as a broker allows.
"""

import secrets
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from celstream_platform import events, identity, topics
from celstream_platform.artefacts import directory_url, open_artefact_store
from celstream_platform.eventlog import EventLog, open_event_log
from celstream_platform.eventlog.kafka_connection import REBALANCE_SECONDS
from celstream_platform.shutdown import Shutdown
from celstream_platform.stage import Context, Result
from celstream_platform.topics import Topic
from celstream_platform.worker import Worker, WorkerSettings
from celstream_protos.v1.envelope_pb2 import ItemHeader, Outcome
from celstream_protos.v1.footage_pb2 import Footage
from google.protobuf.message import Message

REAL_WORK_SECONDS = 12 * 60.0
SESSION_SECONDS = 6.0
SHORT_REBALANCE_SECONDS = 2.0
WORK_SECONDS = REAL_WORK_SECONDS * SHORT_REBALANCE_SECONDS / REBALANCE_SECONDS
SETTINGS = WorkerSettings(max_events=1, poll_seconds=0.2, lag_seconds=3600.0)
FILMS = 8  # for each visitor; some are on the partition of the long one, and wait
VISITS = 2  # at least, while the long one is worked on


@dataclass
class Long:
    """Takes long for one film, and no time for the others. worked: who worked on what, in order.

    visited: set once enough others have come and gone; the long work is not done before, however slow the machine.
    """

    consumes: Topic
    name: str
    worked: list[str] = field(default_factory=list)
    begun: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    visited: threading.Event = field(default_factory=threading.Event)
    produces: tuple[Topic, ...] = ()
    message_type: type[Message] = Footage
    recipe: str = "recipe"

    def process(self, message: Message, context: Context) -> Result:
        assert isinstance(message, Footage)
        self.worked.append(message.name)
        if message.name == "long":
            self.begun.set()
            time.sleep(WORK_SECONDS)  # the work itself
            self.visited.wait()
            self.ended.set()
        return Result()


def offer(log: EventLog, topic: str, name: str) -> None:
    header = ItemHeader(id=name, version="v1", level=topic.removeprefix(topics.PREFIX), footage_id=name)
    event_id = identity.event_id(name, "v1")
    log.publish([events.encode(topic, name, Footage(item=header, name=name), event_id=event_id, source="test")])


def outcomes(log: EventLog, stage: str) -> Counter[str]:
    """How many outcomes each input has."""
    found: Counter[str] = Counter()
    reader = log.reader([topics.OUTCOMES.name], {})
    while not reader.at_end():
        for delivery in reader.poll(1000, 1.0):
            outcome = events.decode(delivery.event, Outcome)
            found[outcome.input_id] += outcome.stage == stage
    reader.close()
    return +found


@pytest.mark.slow
def test_work_of_twelve_minutes_keeps_its_partition_and_commits_once(kafka_url: str, tmp_path: Path) -> None:
    settings = f"session_seconds={SESSION_SECONDS}&rebalance_seconds={SHORT_REBALANCE_SECONDS}"
    url = f"{kafka_url.partition('?')[0]}?{settings}"
    log = open_event_log(url)
    store = open_artefact_store(directory_url(tmp_path))
    topic = Topic(f"{topics.PREFIX}long-{secrets.token_hex(4)}", partitions=4)
    log.ensure_topics([topic, topics.OUTCOMES])
    offer(log, topic.name, "long")
    group = f"long-{secrets.token_hex(4)}"
    stage, ends = Long(topic, group), Shutdown()
    worker = threading.Thread(target=Worker(stage, log, store, SETTINGS, member="long").run, args=(ends,))
    worker.start()
    assert stage.begun.wait(60.0)
    others = Long(topic, group)
    films: list[str] = []
    visits = 0
    while not stage.ended.is_set():  # others come, work and go, all that time without the long one
        new = [f"film {visits}-{number}" for number in range(FILMS)]
        for name in new:
            offer(log, topic.name, name)
        films += new
        leaves = Shutdown()
        visitor = Worker(others, log, store, SETTINGS, member=f"visitor-{visits}")
        visit = threading.Thread(target=visitor.run, args=(leaves,))
        visit.start()
        while not (set(new) & set(others.worked) or stage.ended.is_set()):
            time.sleep(0.05)
        leaves.request()
        visit.join()
        visits += 1
        if visits == VISITS:
            stage.visited.set()
    while log.lag(group, [topic.name]):
        time.sleep(0.1)
    ends.request()
    worker.join()
    found = outcomes(log, group)
    log.close()
    assert visits >= VISITS
    assert "long" not in others.worked, "nobody else was given it"
    assert stage.worked.count("long") == 1
    assert found == Counter(["long", *films])
