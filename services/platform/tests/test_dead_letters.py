"""Dead letters: looked at, replayed exactly once, or forgotten; those that nobody asked for stay."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from celstream_platform import dead_letters
from celstream_platform.eventlog import EventLog, open_event_log, sqlite_url
from celstream_platform.events import Delivery, Event
from celstream_platform.topics import CLIPS
from celstream_platform.topics import dead_letters as dead_letter_topic

STAGE = "pose"


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    log = open_event_log(sqlite_url(tmp_path / "events.sqlite"))
    log.ensure_topics([CLIPS, dead_letter_topic(STAGE)])
    yield log
    log.close()


def park(log: EventLog, *names: str) -> None:
    for offset, name in enumerate(names):
        delivery = Delivery(Event(CLIPS.name, name, b"\x00\xff", {"ce_type": "x", "é": "ü"}), 3, offset)
        log.publish([dead_letters.letter(STAGE, delivery, RuntimeError(f"{name}\nfailed"), 3)])


def pending(log: EventLog) -> list[str]:
    return sorted(letter.event.key for letter in dead_letters.pending(log, STAGE))


def clips(log: EventLog) -> list[Event]:
    reader = log.reader([CLIPS.name], {})
    found: list[Event] = []
    while not reader.at_end():
        found += [delivery.event for delivery in reader.poll(1000, 1.0)]
    reader.close()
    return found


def test_a_letter_says_what_went_wrong_where(log: EventLog) -> None:
    park(log, "a")
    (letter,) = dead_letters.pending(log, STAGE)
    assert (letter.stage, letter.attempts, letter.error) == (STAGE, 3, "RuntimeError: a failed")
    assert (letter.origin_topic, letter.origin_partition, letter.origin_offset) == (CLIPS.name, 3, 0)
    assert dead_letters.stages(log) == [STAGE]


def test_replaying_and_forgetting_leave_the_other_letters(log: EventLog) -> None:
    park(log, "a", "b", "c", "d")
    ids = {letter.event.key: letter.id for letter in dead_letters.pending(log, STAGE)}
    assert dead_letters.replay(log, STAGE, lambda letter: letter.event.key in "bc") == 2
    assert dead_letters.discard(log, STAGE, lambda letter: letter.event.key == "a") == 1
    assert pending(log) == ["d"]
    assert [letter.id for letter in dead_letters.pending(log, STAGE)] == [ids["d"]]
    assert [(event.key, event.value, event.headers) for event in clips(log)] == [
        (name, b"\x00\xff", {"ce_type": "x", "é": "ü"}) for name in "bc"
    ]


def test_a_letter_whose_input_has_come_again_as_something_newer_is_forgotten(log: EventLog) -> None:
    older, newer = (Event(CLIPS.name, "a", value, {}) for value in (b"1", b"2"))
    log.publish([older])
    (delivery,) = log.reader([CLIPS.name], {}).poll(10, 0.0)
    log.publish([dead_letters.letter(STAGE, delivery, RuntimeError("failed"), 3)])
    log.publish([newer])
    park(log, "b")
    assert dead_letters.replay(log, STAGE, lambda _: True) == 1
    assert pending(log) == []
    assert [(event.key, event.value) for event in clips(log)] == [("a", b"1"), ("a", b"2"), ("b", b"\x00\xff")]


def test_what_comes_while_a_letter_is_put_back_stays_the_last_word(log: EventLog) -> None:
    log.publish([Event(CLIPS.name, "a", b"1", {})])
    (delivery,) = log.reader([CLIPS.name], {}).poll(10, 0.0)
    log.publish([dead_letters.letter(STAGE, delivery, RuntimeError("failed"), 3)])

    def wanted(letter: dead_letters.DeadLetter) -> bool:
        log.publish([Event(CLIPS.name, "a", b"2", {"ce_id": "a.2"}), Event(CLIPS.name, "b", b"3", {})])
        return True

    assert dead_letters.replay(log, STAGE, wanted) == 1
    assert [(event.key, event.value) for event in clips(log)] == [
        ("a", b"1"),
        ("a", b"2"),
        ("b", b"3"),
        ("a", b"1"),
        ("a", b"2"),
    ]
    assert clips(log)[-1].headers == {"ce_id": "a.2"}


def test_replaying_again_replays_nothing(log: EventLog) -> None:
    park(log, *(f"key-{number}" for number in range(120)))
    assert dead_letters.replay(log, STAGE, lambda _: True) == 120
    assert dead_letters.replay(log, STAGE, lambda _: True) == 0
    assert len(clips(log)) == 120


def test_a_replay_that_is_stopped_by_its_question_changes_nothing(log: EventLog) -> None:
    def wanted(letter: dead_letters.DeadLetter) -> bool:
        if letter.event.key == "b":
            raise KeyboardInterrupt
        return True

    park(log, "a", "b")
    with pytest.raises(KeyboardInterrupt):
        dead_letters.replay(log, STAGE, wanted)
    assert pending(log) == ["a", "b"]
    assert not clips(log)


def test_the_same_bug_has_the_same_digest_whatever_its_text() -> None:
    digests = []
    for text in ("one", "two"):
        try:
            int(text)
        except ValueError as error:
            digests.append(dead_letters.traceback_digest(error))
    assert digests[0] == digests[1]
    assert digests[0] != dead_letters.traceback_digest(KeyError("x"))
