"""Dead letters: looked at, replayed exactly once, or forgotten; those that nobody asked for stay."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from celstream_platform import dead_letters
from celstream_platform.dead_letter_replay import replay
from celstream_platform.eventlog import EventLog, open_event_log, sqlite_url
from celstream_platform.events import Delivery, Event
from celstream_platform.topics import CLIPS
from celstream_platform.topics import dead_letters as dead_letter_topic

STAGE = "pose"
DEADLY = Path(__file__).with_name("deadly_replay.py")


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
    assert replay(log, STAGE, lambda letter: letter.event.key in "bc") == 2
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
    assert replay(log, STAGE, lambda _: True) == 1
    assert pending(log) == []
    assert [(event.key, event.value) for event in clips(log)] == [("a", b"1"), ("a", b"2"), ("b", b"\x00\xff")]


def test_what_comes_while_a_letter_is_put_back_stays_the_last_word(log: EventLog) -> None:
    log.publish([Event(CLIPS.name, "a", b"1", {})])
    (delivery,) = log.reader([CLIPS.name], {}).poll(10, 0.0)
    log.publish([dead_letters.letter(STAGE, delivery, RuntimeError("failed"), 3)])

    def wanted(letter: dead_letters.DeadLetter) -> bool:
        log.publish([Event(CLIPS.name, "a", b"2", {"ce_id": "a.2"}), Event(CLIPS.name, "b", b"3", {})])
        return True

    assert replay(log, STAGE, wanted) == 1
    assert [(event.key, event.value) for event in clips(log)] == [
        ("a", b"1"),
        ("a", b"2"),
        ("b", b"3"),
        ("a", b"1"),
        ("a", b"2"),
    ]
    assert clips(log)[-1].headers == {"ce_id": "a.2"}


@pytest.mark.parametrize("step", ["mend", "mended", "forget"])
def test_a_replay_that_is_killed_at_any_step_is_ended_by_the_next(tmp_path: Path, log: EventLog, step: str) -> None:
    log.publish([Event(CLIPS.name, "a", b"0", {}), Event(CLIPS.name, "a", b"1", {})])
    delivery = log.reader([CLIPS.name], {}).poll(10, 0.0)[1]
    log.publish([dead_letters.letter(STAGE, delivery, RuntimeError("failed"), 3)])
    park(log, "b")
    url = sqlite_url(tmp_path / "events.sqlite")
    killed = subprocess.run([sys.executable, DEADLY, url, STAGE, step], timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert pending(log) == [], "what was put back is no letter any more"
    assert replay(log, STAGE, lambda _: True) == 0
    told = [(event.key, event.value) for event in clips(log)]
    assert [value for key, value in told if key == "a"] == [b"0", b"1", b"2", b"1", b"2"], "the newer is the last word"
    assert told.count(("b", b"\x00\xff")) == 1
    assert list(dead_letters.lying(log, STAGE)) == [], "nothing is owed any more"
    assert replay(log, STAGE, lambda _: True) == 0
    assert len(clips(log)) == len(told)


def test_forgetting_letters_does_not_forget_what_a_killed_replay_owes(tmp_path: Path, log: EventLog) -> None:
    log.publish([Event(CLIPS.name, "a", b"1", {})])
    (delivery,) = log.reader([CLIPS.name], {}).poll(10, 0.0)
    log.publish([dead_letters.letter(STAGE, delivery, RuntimeError("failed"), 3)])
    subprocess.run([sys.executable, DEADLY, sqlite_url(tmp_path / "events.sqlite"), STAGE, "mend"], timeout=60)
    assert clips(log)[-1].value == b"1"
    park(log, "b")
    assert dead_letters.discard(log, STAGE, lambda _: True) == 1
    assert replay(log, STAGE, lambda _: False) == 0
    assert clips(log)[-1].value == b"2"


def test_replaying_again_replays_nothing(log: EventLog) -> None:
    park(log, *(f"key-{number}" for number in range(120)))
    assert replay(log, STAGE, lambda _: True) == 120
    assert replay(log, STAGE, lambda _: True) == 0
    assert len(clips(log)) == 120


def test_a_replay_that_is_stopped_by_its_question_changes_nothing(log: EventLog) -> None:
    def wanted(letter: dead_letters.DeadLetter) -> bool:
        if letter.event.key == "b":
            raise KeyboardInterrupt
        return True

    park(log, "a", "b")
    with pytest.raises(KeyboardInterrupt):
        replay(log, STAGE, wanted)
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
