"""What the event log on Kafka has to stand beyond the contract: long work, brokers that go away, operators' tools."""

import os
import secrets
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from celstream_platform.errors import Fenced, Invalid, Unavailable
from celstream_platform.eventlog import EventLog, Session, open_event_log
from celstream_platform.eventlog.kafka_session import KafkaSession
from celstream_platform.eventlog.kafka_transactions import GroupMoved
from celstream_platform.events import Delivery, Event
from celstream_platform.topics import Topic
from celstream_stack.places import cache
from celstream_stack.stack import Stack
from kafka import KafkaAdminClient, OffsetSpec, TopicPartition
from kafka.structs import OffsetAndMetadata

pytestmark = pytest.mark.slow
WAIT_SECONDS = 60.0
SESSION_SECONDS = 6.0  # the least that a broker allows
GROUP = f"kafka-{os.getpid()}"  # processes of one run share a broker


@pytest.fixture
def log(kafka_url: str) -> Iterator[EventLog]:
    opened = open_event_log(f"{kafka_url.partition('?')[0]}?session_seconds={SESSION_SECONDS}")
    yield opened
    opened.close()


@pytest.fixture
def admin(kafka_url: str) -> Iterator[KafkaAdminClient]:
    client = KafkaAdminClient(bootstrap_servers=urlsplit(kafka_url).netloc)
    yield client
    client.close()


def new_topic(log: EventLog, **settings: object) -> str:
    name = f"celstream.kafka-{secrets.token_hex(8)}"
    log.ensure_topics([Topic(name, **settings)])  # type: ignore[arg-type]
    return name


def poll(session: Session, events: int) -> list[Delivery]:
    """Poll until `events` are in hand."""
    found: list[Delivery] = []
    deadline = time.monotonic() + WAIT_SECONDS
    while len(found) < events:
        assert time.monotonic() < deadline, f"{len(found)} of {events} events came"
        found += session.poll(events - len(found), 1.0)
    return found


def test_positions_of_an_aborted_transaction_are_not_committed_with_the_next(log: EventLog) -> None:
    topic = new_topic(log, partitions=2)
    log.publish([Event(topic, f"key-{number}", b"") for number in range(20)])
    with log.session(GROUP, [topic], "a") as session:
        assert isinstance(session, KafkaSession)
        session.release(poll(session, 20))
        assert session._membership is not None
        current = session._membership.metadata()
        assert current is not None
        earlier = current._replace(generation_id=current.generation_id - 1)
        with pytest.raises(GroupMoved):
            session._transactions.run([], {TopicPartition(topic, 0): OffsetAndMetadata(5, "", -1)}, earlier)
        session._transactions.run([], {TopicPartition(topic, 1): OffsetAndMetadata(3, "", -1)}, current)
        assert log.positions(GROUP, [topic]) == {(topic, 1): 3}


def test_shares_are_even_again_once_the_long_work_is_done(log: EventLog) -> None:
    topic = new_topic(log, partitions=4)
    log.publish([Event(topic, f"key-{number}", b"") for number in range(40)])
    with log.session(GROUP, [topic], "first") as first:
        held = poll(first, 40)
        with log.session(GROUP, [topic], "second") as second:
            assert second.poll(1, SESSION_SECONDS) == []
            first.commit(held, [])
            log.publish([Event(topic, f"key-{number}", b"") for number in range(40)])
            taken: dict[str, set[int]] = {"first": set(), "second": set()}
            deadline = time.monotonic() + WAIT_SECONDS
            while not (taken["first"] and taken["second"]):
                assert time.monotonic() < deadline, taken
                for name, session in (("first", first), ("second", second)):
                    deliveries = session.poll(1, 0.2)
                    try:
                        session.commit(deliveries, [Event(topic, d.event.key, b"") for d in deliveries])
                    except Fenced:
                        continue
                    taken[name] |= {delivery.partition for delivery in deliveries}


def test_an_idle_group_shows_no_lag_to_anybodys_tools(log: EventLog, admin: KafkaAdminClient) -> None:
    topic = new_topic(log, partitions=2)
    partitions = [TopicPartition(topic, number) for number in range(2)]
    with log.session(GROUP, [topic], "a") as session:
        for _ in range(2):
            log.publish([Event(topic, f"key-{number}", b"") for number in range(10)])
            session.commit(poll(session, 10), [])
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            assert session.poll(1, 0.2) == []
            ends = {
                p: at.offset
                for p, at in admin.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.LATEST)).items()
            }
            stands = {p: at.offset for p, at in admin.list_group_offsets(GROUP)[GROUP].items() if p in ends}
            if stands == ends:
                break
            assert time.monotonic() < deadline, (stands, ends)


def test_topics_are_made_as_declared_and_checked_where_they_exist(log: EventLog, admin: KafkaAdminClient) -> None:
    kept = new_topic(log, partitions=2)
    forgotten = new_topic(log, partitions=3, compacted=False, retention_hours=48)
    described = admin.describe_topics([kept, forgotten])
    assert {topic["name"]: len(topic["partitions"]) for topic in described} == {kept: 2, forgotten: 3}
    with pytest.raises(Invalid, match=r"cleanup\.policy=compact, expected delete"):
        log.ensure_topics([Topic(kept, partitions=2, compacted=False)])
    log.ensure_topics([Topic(forgotten, partitions=3, compacted=False, retention_hours=24)])
    with pytest.raises(Invalid, match=r"retention\.ms=172800000, expected at least 259200000"):
        log.ensure_topics([Topic(forgotten, partitions=3, compacted=False, retention_hours=72)])


@pytest.mark.timeout(900)
def test_work_goes_on_where_the_broker_was_away(tmp_path: Path) -> None:
    """Nothing is lost or doubled."""
    stack = Stack(tmp_path / "stack", cache())
    try:
        url = f"{stack.up(['kafka'])['CELSTREAM_EVENTS']}?session_seconds=20"
        log = open_event_log(url)
        source, sink = new_topic(log, partitions=2), new_topic(log, partitions=2)
        log.publish([Event(source, f"key-{number}", str(number).encode()) for number in range(30)])
        with log.session(GROUP, [source], "a") as session:
            held = poll(session, 5)
            stack.down(["kafka"])
            ended = threading.Event()

            def commit() -> None:
                """As a worker does: again where nothing happened; not where the end is unknown."""
                done: list[Delivery] = held
                while done:
                    try:
                        session.commit(done, [Event(sink, d.event.key, d.event.value) for d in done])
                    except Unavailable:
                        continue
                    except Fenced:
                        pass
                    done = []
                ended.set()

            worker = threading.Thread(target=commit)
            worker.start()
            stack.up(["kafka"])
            worker.join()
            assert ended.is_set()
            deadline = time.monotonic() + 2 * WAIT_SECONDS
            lag = 1
            while lag:
                assert time.monotonic() < deadline
                try:
                    lag = log.lag(GROUP, [source])
                    deliveries = session.poll(7, 0.5)
                    session.commit(deliveries, [Event(sink, d.event.key, d.event.value) for d in deliveries])
                except (Fenced, Unavailable):
                    continue
        reader = log.reader([sink], {})
        found: list[int] = []
        while not reader.at_end():
            found += [int(delivery.event.value) for delivery in reader.poll(100, 1.0)]
        reader.close()
        log.close()
        assert sorted(found) == list(range(30))
    finally:
        stack.remove()
