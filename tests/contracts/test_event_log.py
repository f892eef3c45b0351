"""The contract of the event log: publish, poll, commit, release, fencing, readers."""

import os
from collections.abc import Sequence

import pytest
from celstream_platform.errors import Fenced, Invalid, NotFound
from celstream_platform.eventlog import EventLog, Session, open_event_log
from celstream_platform.events import Delivery, Event
from celstream_platform.topics import Topic
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

WAIT_SECONDS = 60.0  # for what is there: poll returns as soon as it has something
GROUP = f"readers-{os.getpid()}"  # processes of one run share a broker, and members of one name put each other out


def numbered(topic: str, numbers: Sequence[int], key: str = "key") -> list[Event]:
    return [Event(topic, key, str(number).encode()) for number in numbers]


def values(deliveries: Sequence[Delivery]) -> list[int]:
    return [int(delivery.event.value) for delivery in deliveries]


def drain(session: Session, expected: int) -> list[Delivery]:
    """Poll and commit until `expected` events came."""
    found: list[Delivery] = []
    while len(found) < expected:
        deliveries = session.poll(100, WAIT_SECONDS)
        assert deliveries, f"{len(found)} of {expected} events came"
        session.commit(deliveries, [])
        found += deliveries
    return found


def read_all(log: EventLog, topic: str) -> list[Delivery]:
    reader = log.reader([topic], {})
    found: list[Delivery] = []
    while not reader.at_end():
        found += reader.poll(100, WAIT_SECONDS)
    reader.close()
    return found


def test_a_new_group_begins_with_the_oldest_event(event_log: EventLog, topic: str) -> None:
    event_log.publish(numbered(topic, range(5)))
    with event_log.session(GROUP, [topic], "a") as session:
        assert values(drain(session, 5)) == [0, 1, 2, 3, 4]


def test_events_of_one_key_come_in_the_order_of_publication(event_log: EventLog, topic: str) -> None:
    keys = [f"key-{number % 7}" for number in range(140)]
    for start in range(0, 140, 20):
        event_log.publish([Event(topic, keys[number], str(number).encode()) for number in range(start, start + 20)])
    with event_log.session(GROUP, [topic], "a") as session:
        found = drain(session, 140)
    for key in set(keys):
        mine = [int(delivery.event.value) for delivery in found if delivery.event.key == key]
        assert mine == [number for number in range(140) if keys[number] == key]


def test_offsets_of_a_partition_rise_and_a_key_keeps_its_partition(event_log: EventLog, topic: str) -> None:
    event_log.publish(numbered(topic, range(3), "a") + numbered(topic, range(3), "b"))
    found = read_all(event_log, topic)
    for key in "ab":
        mine = [delivery for delivery in found if delivery.event.key == key]
        assert len({delivery.partition for delivery in mine}) == 1
        assert [d.offset for d in mine] == sorted({d.offset for d in mine})


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    key=st.text(st.characters(codec="utf-8"), max_size=20),
    value=st.binary(max_size=200),
    headers=st.dictionaries(st.text("abcdefghij_-", min_size=1), st.text(st.characters(codec="utf-8")), max_size=4),
)
def test_an_event_is_read_as_it_was_published(
    event_log: EventLog, topic: str, key: str, value: bytes, headers: dict[str, str]
) -> None:
    event = Event(topic, key, value, headers)
    event_log.publish([event])
    assert event in [delivery.event for delivery in read_all(event_log, topic)]


def test_a_publication_happens_wholly_or_not_at_all(event_log: EventLog, topic: str) -> None:
    with pytest.raises(NotFound, match="no such topic"):
        event_log.publish([*numbered(topic, [1]), Event("celstream.nowhere", "k", b"")])
    assert not read_all(event_log, topic)


def test_a_session_hands_nothing_out_twice(event_log: EventLog, topic: str) -> None:
    event_log.publish(numbered(topic, range(4)))
    with event_log.session(GROUP, [topic], "a") as session:
        first = session.poll(2, WAIT_SECONDS)
        second = session.poll(10, WAIT_SECONDS)
        assert values(first + second) == [0, 1, 2, 3]
        assert not session.poll(10, 0.0)


def test_a_commit_of_a_part_keeps_the_rest_in_hand(event_log: EventLog, topic: str) -> None:
    event_log.publish(numbered(topic, range(4)))
    with event_log.session(GROUP, [topic], "a") as session:
        deliveries = session.poll(4, WAIT_SECONDS)
        session.commit(deliveries[:2], [])
        assert not session.poll(4, 0.0)
        session.commit(deliveries[2:], [])
    assert event_log.lag(GROUP, [topic]) == 0


def test_what_is_not_in_hand_cannot_be_committed(event_log: EventLog, topic: str) -> None:
    event_log.publish(numbered(topic, range(3)))
    with event_log.session(GROUP, [topic], "a") as session:
        deliveries = session.poll(3, WAIT_SECONDS)
        with pytest.raises(ValueError, match="prefix"):
            session.commit(deliveries[1:], [])
        session.commit(deliveries, [])
        with pytest.raises(ValueError, match="prefix"):
            session.commit(deliveries, [])


def test_consuming_and_producing_happen_together(event_log: EventLog, topic: str, sink: str) -> None:
    event_log.publish(numbered(topic, range(3)))
    with event_log.session(GROUP, [topic], "a") as session:
        deliveries = session.poll(3, WAIT_SECONDS)
        assert not read_all(event_log, sink)
        assert event_log.lag(GROUP, [topic]) == 3
        session.commit(deliveries, numbered(sink, [10, 11]))
    assert values(read_all(event_log, sink)) == [10, 11]
    assert event_log.lag(GROUP, [topic]) == 0


def test_a_commit_that_fails_neither_publishes_nor_moves_on(event_log: EventLog, topic: str, sink: str) -> None:
    event_log.publish(numbered(topic, range(3)))
    with event_log.session(GROUP, [topic], "a") as session:
        deliveries = session.poll(3, WAIT_SECONDS)
        with pytest.raises(NotFound):
            session.commit(deliveries, [*numbered(sink, [1]), Event("celstream.nowhere", "k", b"")])
    assert not read_all(event_log, sink)
    assert event_log.lag(GROUP, [topic]) == 3


def test_a_session_that_lost_its_place_cannot_commit(event_log: EventLog, topic: str, sink: str) -> None:
    event_log.publish(numbered(topic, range(3)))
    old = event_log.session(GROUP, [topic], "same member")
    stale = old.poll(3, WAIT_SECONDS)
    with event_log.session(GROUP, [topic], "same member") as new:
        deliveries = new.poll(3, WAIT_SECONDS)
        assert values(deliveries) == [0, 1, 2]
        with pytest.raises(Fenced):
            old.commit(stale, numbered(sink, [1]))
        assert not read_all(event_log, sink)
        new.commit(deliveries, numbered(sink, [2]))
    assert values(read_all(event_log, sink)) == [2]
    old.close()


def test_a_fenced_session_can_poll_again(event_log: EventLog, topic: str) -> None:
    event_log.publish(numbered(topic, range(3)))
    old = event_log.session(GROUP, [topic], "same member")
    stale = old.poll(3, WAIT_SECONDS)
    event_log.session(GROUP, [topic], "same member").close()
    with pytest.raises(Fenced):
        old.commit(stale, [])
    assert values(drain(old, 3)) == [0, 1, 2]
    old.close()


def test_what_is_released_comes_again_with_all_that_follows_it(event_log: EventLog, topic: str) -> None:
    event_log.publish(numbered(topic, range(5)))
    with event_log.session(GROUP, [topic], "a") as session:
        deliveries = session.poll(5, WAIT_SECONDS)
        session.release(deliveries[2:3])
        session.commit(deliveries[:2], [])
        again = session.poll(5, WAIT_SECONDS)
        assert values(again) == [2, 3, 4]
        assert {delivery.attempt for delivery in again} == {1}


def test_a_paused_partition_is_left_alone_by_this_worker_only(event_log: EventLog, topic: str) -> None:
    event_log.publish(numbered(topic, [1]))
    with event_log.session(GROUP, [topic], "a") as first:
        first.release(first.poll(1, WAIT_SECONDS), pause_seconds=3600.0)
        assert not first.poll(1, 0.0)
    with event_log.session(GROUP, [topic], "b") as second:
        second.release(second.poll(1, WAIT_SECONDS), pause_seconds=0.01)
        assert values(second.poll(1, WAIT_SECONDS)) == [1]


def test_what_is_released_can_be_had_by_another_worker(event_log: EventLog, topic: str) -> None:
    event_log.publish(numbered(topic, range(2)))
    first = event_log.session(GROUP, [topic], "a")
    first.release(first.poll(2, WAIT_SECONDS))
    first.close()
    with event_log.session(GROUP, [topic], "b") as second:
        assert values(second.poll(2, WAIT_SECONDS)) == [0, 1]


def test_an_event_that_failed_comes_alone_and_counted(event_log: EventLog, topic: str) -> None:
    event_log.publish(numbered(topic, range(4)))
    with event_log.session(GROUP, [topic], "a") as session:
        deliveries = session.poll(4, WAIT_SECONDS)
        session.commit(deliveries[:1], [])
        session.release(deliveries[1:2], failed=True)
        for attempt in (2, 3):
            suspect = session.poll(4, WAIT_SECONDS)
            assert (values(suspect), suspect[0].attempt) == ([1], attempt)
            assert not session.poll(4, 0.0)
            session.release(suspect, failed=True)
        suspect = session.poll(4, WAIT_SECONDS)
        session.commit(suspect, [])
        rest = session.poll(4, WAIT_SECONDS)
        assert values(rest) == [2, 3]
        assert {delivery.attempt for delivery in rest} == {1}


def test_failed_attempts_are_remembered_when_everything_is_closed(events_url: str) -> None:
    for attempt in (1, 2, 3):
        log = open_event_log(events_url)
        log.ensure_topics([Topic("celstream.contract")])
        if attempt == 1:
            log.publish(numbered("celstream.contract", [7]))
        with log.session(GROUP, ["celstream.contract"], "a") as session:
            (delivery,) = session.poll(1, WAIT_SECONDS)
            assert delivery.attempt == attempt
            session.release([delivery], failed=True)
        log.close()


def test_leaving_gives_back_and_counts_nothing(event_log: EventLog, topic: str) -> None:
    event_log.publish(numbered(topic, range(2)))
    with event_log.session(GROUP, [topic], "a") as session:
        session.poll(2, WAIT_SECONDS)
    with event_log.session(GROUP, [topic], "b") as session:
        assert [delivery.attempt for delivery in session.poll(2, WAIT_SECONDS)] == [1, 1]


def test_every_group_gets_every_event(event_log: EventLog, topic: str) -> None:
    event_log.publish(numbered(topic, range(3)))
    for group in ("one", "two"):
        with event_log.session(group, [topic], "a") as session:
            assert values(drain(session, 3)) == [0, 1, 2]


def test_a_group_may_consume_several_topics(event_log: EventLog, topic: str, sink: str) -> None:
    event_log.publish(numbered(topic, [1]) + numbered(sink, [2]))
    with event_log.session(GROUP, [topic, sink], "a") as session:
        assert sorted(values(drain(session, 2))) == [1, 2]


def test_lag_counts_what_is_not_consumed(event_log: EventLog, topic: str) -> None:
    assert event_log.lag(GROUP, [topic]) == 0
    event_log.publish(numbered(topic, range(4)))
    assert event_log.lag(GROUP, [topic]) == 4
    with event_log.session(GROUP, [topic], "a") as session:
        deliveries = session.poll(4, WAIT_SECONDS)
        assert event_log.lag(GROUP, [topic]) == 4
        session.commit(deliveries[:3], [])
        assert event_log.lag(GROUP, [topic]) == 1


def test_a_reader_goes_on_where_its_caller_was(event_log: EventLog, topic: str) -> None:
    for number in range(20):
        event_log.publish(numbered(topic, [number], f"key-{number % 5}"))
    reader = event_log.reader([topic], {})
    first = reader.poll(8, WAIT_SECONDS)
    reader.close()
    positions = {(topic, delivery.partition): delivery.offset + 1 for delivery in first}
    reader = event_log.reader([topic], positions)
    rest: list[Delivery] = []
    while not reader.at_end():
        rest += reader.poll(3, WAIT_SECONDS)
    assert sorted(values(first + rest)) == list(range(20))
    event_log.publish(numbered(topic, [20]))
    assert not reader.at_end()
    assert values(reader.poll(3, WAIT_SECONDS)) == [20]
    assert reader.at_end()
    reader.close()


def test_a_reader_begins_at_the_positions_of_a_group(event_log: EventLog, topic: str) -> None:
    event_log.publish(numbered(topic, range(6)))
    assert event_log.positions(GROUP, [topic]) == {}
    with event_log.session(GROUP, [topic], "a") as session:
        session.commit(session.poll(4, WAIT_SECONDS), [])
    reader = event_log.reader([topic], event_log.positions(GROUP, [topic]))
    assert values(reader.poll(10, WAIT_SECONDS)) == [4, 5]
    reader.close()


def test_topics_are_made_once(event_log: EventLog, topic: str) -> None:
    event_log.publish(numbered(topic, [1]))
    event_log.ensure_topics([Topic(topic)])
    assert values(read_all(event_log, topic)) == [1]
    assert topic in event_log.topics()
    with pytest.raises(Invalid, match="partitions"):
        event_log.ensure_topics([Topic(topic, partitions=3)])


def test_an_unknown_topic_is_named(event_log: EventLog) -> None:
    with pytest.raises(NotFound, match=r"celstream\.nowhere"):
        event_log.session(GROUP, ["celstream.nowhere"], "a")
    with pytest.raises(NotFound, match=r"celstream\.nowhere"):
        event_log.reader(["celstream.nowhere"], {})
