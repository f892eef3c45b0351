"""What the Kafka event log decides without a network: shares, bookmarks, what is handed out, what a URL means."""

import json
import os
import threading

import pytest
from celstream_platform.errors import Invalid, Unavailable
from celstream_platform.eventlog import open_event_log
from celstream_platform.eventlog.kafka import instance_name
from celstream_platform.eventlog.kafka_assignor import ASKS, KeepWhatIsInHand, shares
from celstream_platform.eventlog.kafka_bookmarks import Bookmark, Failures, Holder, decode, encode
from celstream_platform.eventlog.kafka_connection import parse
from celstream_platform.eventlog.kafka_hand import Hand, by_partition
from celstream_platform.eventlog.kafka_lookout import LOOK_SECONDS, Lookout
from celstream_platform.eventlog.kafka_records import place
from celstream_platform.eventlog.kafka_watchdog import Watchdog
from celstream_platform.eventlog.liveness import Process, machine, process
from celstream_platform.events import Delivery, Event
from hypothesis import given
from hypothesis import strategies as st

TOPIC = "celstream.parts"
NOBODY = Process("", 0, "")
GONE = Process(machine(), 2**22, "1")  # a number past the largest that Linux gives out
ELSEWHERE = Process("another boot/another namespace", 1, "1")


def partitions(*numbers: int) -> list[object]:
    return [place(TOPIC, number) for number in numbers]


def deliveries(*offsets: int, partition: int = 0) -> list[Delivery]:
    return [Delivery(Event(TOPIC, "key", b""), partition, offset) for offset in offsets]


@st.composite
def groups(draw: st.DrawFn) -> tuple[list[object], dict[str, set[object]], dict[str, set[object]]]:
    """Partitions, and members that own some of them and are busy with some of those."""
    all_of_them = partitions(*range(draw(st.integers(0, 24))))
    members = [f"member-{number}" for number in range(draw(st.integers(1, 8)))]
    owned: dict[str, set[object]] = {member: set() for member in members}
    for partition in all_of_them:
        owner = draw(st.sampled_from([None, *members]))
        if owner is not None:
            owned[owner].add(partition)
    busy = {member: {p for p in sorted(has) if draw(st.booleans())} for member, has in owned.items()}  # type: ignore[type-var]
    return all_of_them, owned, busy


@given(groups())
def test_every_partition_has_one_owner_and_what_is_in_hand_stays(
    group: tuple[list[object], dict[str, set[object]], dict[str, set[object]]],
) -> None:
    all_of_them, owned, busy = group
    target, fair = shares(all_of_them, owned, busy)
    given_out = [partition for has in target.values() for partition in has]
    assert sorted(given_out) == sorted(all_of_them)  # type: ignore[type-var]
    assert sum(fair.values()) == len(all_of_them)
    for member, has in busy.items():
        assert has <= set(target[member])
        assert len(target[member]) <= max(fair[member], len(has))


@given(groups())
def test_where_nothing_is_in_hand_the_shares_are_even_and_as_much_stays_as_can(
    group: tuple[list[object], dict[str, set[object]], dict[str, set[object]]],
) -> None:
    all_of_them, owned, _ = group
    target, fair = shares(all_of_them, owned, {member: set() for member in owned})
    assert {member: len(has) for member, has in target.items()} == fair
    assert max(fair.values()) - min(fair.values()) <= 1
    for member, has in target.items():
        assert len(set(has) & owned[member]) == min(len(owned[member]), fair[member])


@given(groups(), st.data())
def test_what_idle_members_ask_for_and_a_busy_one_has_besides_its_work_is_theirs(
    group: tuple[list[object], dict[str, set[object]], dict[str, set[object]]], data: st.DataObject
) -> None:
    all_of_them, owned, busy = group
    idle = [member for member in owned if not busy[member]]
    asked = {
        member: {p for p in all_of_them if data.draw(st.booleans())} for member in idle if data.draw(st.booleans())
    }
    target, _ = shares(all_of_them, owned, busy, asked)
    assert sorted(p for has in target.values() for p in has) == sorted(all_of_them)  # type: ignore[type-var]
    for member, has in busy.items():
        assert has <= set(target[member])
    owner = {p: member for member, has in owned.items() for p in has}
    for p in {p for wanted in asked.values() for p in wanted}:
        (gets,) = (member for member, has in target.items() if p in has)
        if p in busy.get(owner.get(p, ""), ()):
            assert gets == owner[p]
        elif owner.get(p) in idle:
            assert gets == owner[p], "who is as idle takes it at once"
        else:
            assert p in asked[gets]


class Told:
    """One member as its leader sees it: what its metadata says."""

    def __init__(self, name: str, owned: set[object], busy: set[object], asked: list[object]) -> None:
        assignor = KeepWhatIsInHand(lambda: owned, lambda: busy)
        assignor.ask(asked)
        self.member_id, self.metadata = name, assignor.metadata([TOPIC])


class Topics:
    """A cluster with four partitions of each topic."""

    def partitions_for_topic(self, topic: str) -> set[int]:
        return set(range(4)) if topic == TOPIC else set()


def test_who_asks_is_given_in_two_rounds_what_waits_behind_work_in_hand() -> None:
    all_of_them = partitions(0, 1, 2, 3)
    busy = Told("busy", set(all_of_them[:3]), set(all_of_them[:1]), all_of_them[3:])
    asks = Told("idle", set(all_of_them[3:]), set(), all_of_them[1:2])
    leader = KeepWhatIsInHand(set, set)
    first = leader.assign(Topics(), [busy, asks])
    assert numbers(first) == {"busy": [0, 2], "idle": [3]}, "what moves is given up first"
    gave_up = Told("busy", {all_of_them[0], all_of_them[2]}, set(all_of_them[:1]), [])
    assert numbers(leader.assign(Topics(), [gave_up, asks])) == {"busy": [0, 2], "idle": [1, 3]}


def numbers(assignments: dict[str, object]) -> dict[str, list[int]]:
    return {member: sorted(p for _, ps in one.assigned_partitions for p in ps) for member, one in assignments.items()}  # type: ignore[attr-defined]


def test_each_question_is_another_one_and_members_of_before_see_no_topic_in_it() -> None:
    assignor = KeepWhatIsInHand(set, set)
    assignor.ask(partitions(1))
    first = assignor.metadata([TOPIC]).user_data
    assignor.ask(partitions(1))
    again = assignor.metadata([TOPIC]).user_data
    assert first != again
    assert all(name.startswith(ASKS) and all(isinstance(n, int) for n in ns) for name, ns in json.loads(again).items())
    assignor.ask([])
    assert assignor.metadata([TOPIC]).user_data == b"{}"


def test_what_was_seen_twice_where_it_was_is_asked_for_and_ever_more_rarely_in_vain() -> None:
    now = [0.0]
    lookout = Lookout(lambda: now[0])

    def seconds_until_due() -> float:
        began = now[0]
        while not lookout.is_due:
            now[0] += LOOK_SECONDS
        return now[0] - began

    assert seconds_until_due() == LOOK_SECONDS
    assert lookout.saw({"a": 3, "b": 0}) == frozenset()
    assert seconds_until_due() == LOOK_SECONDS
    assert lookout.saw({"a": 4, "b": 0}) == {"b"}
    found = []
    for _ in range(8):
        found.append(seconds_until_due() / LOOK_SECONDS)
        assert lookout.saw({"b": 0}) == {"b"}
    assert found == [1, 2, 4, 8, 16, 32, 64, 64]
    lookout.rest()
    assert seconds_until_due() == LOOK_SECONDS
    assert lookout.saw({"b": 0}) == frozenset()


def test_a_bookmark_is_read_as_it_was_written() -> None:
    bookmark = Bookmark(Failures([(3, 7, 2)]), Holder("client", process(os.getpid()), NOBODY), 9)
    assert decode(encode(bookmark)) == bookmark
    assert encode(Bookmark()) == ""
    assert decode("written by somebody else") == decode(None) == Bookmark()


@pytest.mark.parametrize(
    ("holder", "alive", "failures"),
    [
        (Holder("dead", GONE, NOBODY), (), 1),
        (Holder("dead, and its supervisor as well", GONE, GONE), (), 0),
        (Holder("dead, its supervisor lives", GONE, process(os.getpid())), (), 1),
        (Holder("alive", process(os.getpid()), NOBODY), (), 0),
        (Holder("elsewhere", ELSEWHERE, NOBODY), ("elsewhere",), 0),
        (Holder("elsewhere, gone", ELSEWHERE, NOBODY), ("somebody",), 1),
        (Holder("heir", ELSEWHERE, NOBODY), (), 0),
    ],
)
def test_what_a_dead_worker_had_in_hand_counts_as_failed(holder: Holder, alive: tuple[str, ...], failures: int) -> None:
    inherited = Bookmark(Failures(), holder, 12).inherit(10, "heir", alive)
    assert [inherited.count(offset) for offset in (9, 10, 11, 12)] == [0, failures, failures, 0]


def test_failures_are_forgotten_with_what_is_done() -> None:
    failures = Failures()
    for _ in range(2):
        failures.add(5, 8)
    failures.add(6, 6)
    assert [failures.count(offset) for offset in range(4, 10)] == [0, 2, 3, 2, 2, 0]
    failures.forget(7)
    assert failures.ranges == [(7, 8, 2)]


def test_the_longest_waiting_comes_first_and_what_failed_comes_alone() -> None:
    hand = Hand()
    for number, failures in ((0, Failures([(1, 1, 1)])), (1, Failures())):
        hand.gain(place(TOPIC, number), 0, failures)
    hand.receive(place(TOPIC, 0), [(20, delivery) for delivery in deliveries(0, 1, 2)])
    hand.receive(place(TOPIC, 1), [(10, delivery) for delivery in deliveries(5, 6, partition=1)])
    first = hand.take(10, now=0.0)
    assert [(d.partition, d.offset, d.attempt) for d in first] == [(1, 5, 1), (1, 6, 1), (0, 0, 1)]
    assert hand.take(10, now=0.0) == []
    hand.done(place(TOPIC, 0), 1)
    hand.done(place(TOPIC, 1), 7)
    (suspect,) = hand.take(10, now=0.0)
    assert (suspect.offset, suspect.attempt) == (1, 2)
    assert hand.take(10, now=0.0) == []
    hand.done(place(TOPIC, 0), 2)
    assert [delivery.offset for delivery in hand.take(10, now=0.0)] == [2]


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5), st.sets(st.integers(0, 5)), st.booleans()), max_size=6),
    st.integers(0, 12),
)
def test_what_is_said_to_come_is_what_comes(held: list[tuple[int, int, set[int], bool]], most: int) -> None:
    hand = Hand()
    for number, (milliseconds, many, failed, paused) in enumerate(held):
        hand.gain(place(TOPIC, number), 0, Failures([(offset, offset, 1) for offset in sorted(failed)]))
        hand.receive(place(TOPIC, number), [(milliseconds, d) for d in deliveries(*range(many), partition=number)])
        hand.places[place(TOPIC, number)].paused_until = 2.0 if paused else 0.0
    coming = hand.coming(most, now=1.0)
    taken = hand.take(most, now=1.0)
    alone = any(delivery.attempt > 1 for delivery in taken)
    last = {place(TOPIC, delivery.partition): delivery.offset + 1 for delivery in taken}
    assert coming == ({} if alone else last)
    assert {tp: held.hand_until() for tp, held in hand.places.items() if held.hand} == last


def test_what_was_in_hand_of_a_lost_partition_is_void() -> None:
    hand = Hand()
    hand.gain(place(TOPIC, 0), 0, Failures())
    hand.receive(place(TOPIC, 0), [(0, delivery) for delivery in deliveries(0, 1)])
    taken = hand.take(1, now=0.0)
    assert hand.busy == {place(TOPIC, 0)}
    hand.lose([place(TOPIC, 0)])
    assert hand.is_void(taken)
    assert not hand.is_void(deliveries(1))
    assert not hand.busy
    hand.void_all()
    with pytest.raises(ValueError, match="prefix"):
        hand.rest_after(by_partition(taken))


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("kafka://", "Give kafka://HOST:PORT"),
        ("kafka://host", "Give kafka://HOST:PORT"),
        ("kafka://host:9092/topic", "Give kafka://HOST:PORT"),
        ("kafka://host:9092?password=secret", "Unknown: password"),
        ("kafka://host:9092?security=none", "give one of PLAINTEXT, SSL"),
        ("kafka://host:9092?security=SASL_SSL", "Set CELSTREAM_KAFKA_USERNAME"),
        ("kafka://host:9092?session_seconds=long", "give a number"),
    ],
)
def test_a_wrong_url_is_refused_in_one_line(url: str, complaint: str) -> None:
    with pytest.raises(Invalid, match=complaint):
        open_event_log(url)


def test_a_url_names_servers_and_security_and_never_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELSTREAM_KAFKA_USERNAME", "segmenter")
    monkeypatch.setenv("CELSTREAM_KAFKA_PASSWORD", "s3cret")
    connection = parse(
        "kafka://one:9092,two:9093?security=sasl_ssl&ca=/etc/ca.pem&session_seconds=12&rebalance_seconds=5"
    )
    settings = connection.member("group", "instance", "client")
    assert settings["bootstrap_servers"] == ["one:9092", "two:9093"]
    assert (settings["security_protocol"], settings["sasl_mechanism"]) == ("SASL_SSL", "SCRAM-SHA-512")
    assert (settings["ssl_cafile"], settings["session_timeout_ms"]) == ("/etc/ca.pem", 12_000)
    assert settings["max_poll_interval_ms"] == 5_000
    assert settings["isolation_level"] == "read_committed"
    assert "s3cret" not in f"{connection} {connection!r}"


def test_members_with_different_names_stay_different() -> None:
    names = ["same member", "same_member", "same-member", "same_20_member", "é"]
    assert len({instance_name(name) for name in names}) == len(names)
    assert instance_name("host-1.2") == "host-1.2"


def test_a_call_that_hangs_is_given_up_in_one_line() -> None:
    watchdog = Watchdog()
    assert watchdog.call(lambda: 3, 10.0, "counting") == 3
    with pytest.raises(ZeroDivisionError):
        watchdog.call(lambda: 1 // 0, 10.0, "dividing")
    ever = threading.Event()
    with pytest.raises(Unavailable, match="waiting did not end"):
        watchdog.call(ever.wait, 0.01, "waiting")
    ever.set()
    watchdog.close()
