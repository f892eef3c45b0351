"""Dead letters: events that a stage could not process, byte for byte, with what went wrong in headers.

A letter's value and key are those of the event; its headers are the event's own plus those of this file. How a letter
gets back to the topic that it came from is in `dead_letter_replay.py`; until a replay has ended in good order, notes of
what it put back stay among the letters, for the next replay.
"""

import hashlib
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from celstream_platform import identity
from celstream_platform.errors import Fenced
from celstream_platform.eventlog.port import EventLog
from celstream_platform.events import Delivery, Event
from celstream_platform.topics import PREFIX, dead_letters

HEADER = "celstream_dlq_"
GROUP = "celstream.dead-letters"  # whoever replays or discards consumes as this group; what it consumed is settled
TRACEBACK_CHARACTERS = 4_000  # its end; headers must stay small, and the digest tells alike ones apart
ERROR_CHARACTERS = 1_000
BATCH = 100


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One dead letter.

    id: stays the same however often the letter is moved. traceback: its end. event: as it was, for its first topic.
    replayed: no letter any more, but the note that it was put back.
    """

    id: str
    stage: str
    error: str
    traceback: str
    traceback_digest: str
    attempts: int
    parked_at: str
    origin_topic: str
    origin_partition: int
    origin_offset: int
    event: Event
    replayed: bool = False


def letter(stage: str, delivery: Delivery, error: BaseException, attempts: int) -> Event:
    """The dead letter for a delivery that failed with `error` after `attempts` attempts."""
    text = "".join(traceback.format_exception(error)) if error.__traceback__ else ""
    headers = {
        "id": identity.digest("dead letter", stage, delivery.event.topic, delivery.partition, delivery.offset),
        "stage": stage,
        "error": one_line(error),
        "traceback": text[-TRACEBACK_CHARACTERS:],
        "traceback_digest": traceback_digest(error),
        "attempts": str(attempts),
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "topic": delivery.event.topic,
        "partition": str(delivery.partition),
        "offset": str(delivery.offset),
    }
    return Event(
        topic=dead_letters(stage).name,
        key=delivery.event.key,
        value=delivery.event.value,
        headers={**delivery.event.headers, **{HEADER + name: value for name, value in headers.items()}},
    )


def one_line(error: BaseException) -> str:
    """Kind and text of an error in one line of bounded length."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:ERROR_CHARACTERS]


def traceback_digest(error: BaseException) -> str:
    """SHA-256 of kind and place of an error (no text, no values, no folders): the same bug has the same digest."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{Path(frame.filename).name}:{frame.name}:{frame.lineno}" for frame in frames]
    return hashlib.sha256("\n".join([type(error).__qualname__, *places]).encode()).hexdigest()


def parse(event: Event) -> DeadLetter:
    """A letter as read from a dead-letter topic."""
    headers = {name.removeprefix(HEADER): text for name, text in event.headers.items() if name.startswith(HEADER)}
    return DeadLetter(
        id=headers["id"],
        stage=headers["stage"],
        error=headers["error"],
        traceback=headers["traceback"],
        traceback_digest=headers["traceback_digest"],
        attempts=int(headers["attempts"]),
        parked_at=headers["time"],
        origin_topic=headers["topic"],
        origin_partition=int(headers["partition"]),
        origin_offset=int(headers["offset"]),
        event=Event(
            topic=headers["topic"],
            key=event.key,
            value=event.value,
            headers={name: text for name, text in event.headers.items() if not name.startswith(HEADER)},
        ),
        replayed="replayed" in headers,
    )


def note(letter: Event) -> Event:
    """The note that a letter, as read from its topic, was put back."""
    return replace(letter, headers={**letter.headers, f"{HEADER}replayed": datetime.now(UTC).isoformat()})


def stages(log: EventLog) -> list[str]:
    """The stages that have a dead-letter topic."""
    return [n.removeprefix(PREFIX).removesuffix(".dlq") for n in log.topics() if n.endswith(".dlq")]


def pending(log: EventLog, stage: str) -> Iterator[DeadLetter]:
    """The stage's letters that were neither replayed nor discarded, the oldest of each key first."""
    return (found for found in lying(log, stage) if not found.replayed)


def lying(log: EventLog, stage: str) -> Iterator[DeadLetter]:
    """The same, and the notes of letters that an unfinished replay has put back."""
    topic = dead_letters(stage).name
    reader = log.reader([topic], log.positions(GROUP, [topic]))
    try:
        while not reader.at_end():
            for delivery in reader.poll(BATCH, 1.0):
                yield parse(delivery.event)
    finally:
        reader.close()


def discard(log: EventLog, stage: str, wanted: Callable[[DeadLetter], bool], *, member: str = "discard") -> int:
    """Forget the letters that are wanted; the number of letters."""
    return settle(log, stage, lambda found: not found.replayed and wanted(found), lambda _: [], member)


def settle(
    log: EventLog,
    stage: str,
    wanted: Callable[[DeadLetter], bool],
    instead: Callable[[Event], list[Event]],
    member: str,
) -> int:
    """Consume the letters and notes that are wanted, and publish what comes `instead` of each; how many.

    Those that are not wanted go back to the end of their topic, in the same transaction. Each that was lying there at
    the beginning is looked at once.
    """
    remaining = {(found.id, found.replayed) for found in lying(log, stage)}
    settled = 0
    with log.session(GROUP, [dead_letters(stage).name], member) as session:
        while remaining:
            deliveries = session.poll(BATCH, 1.0)
            if not deliveries:
                # Somebody else may have settled them.
                remaining &= {(found.id, found.replayed) for found in lying(log, stage)}
                continue
            outgoing: list[Event] = []
            count = 0
            for delivery in deliveries:
                found = parse(delivery.event)
                if (found.id, found.replayed) in remaining and wanted(found):
                    outgoing += instead(delivery.event)
                    count += 1
                else:
                    outgoing.append(delivery.event)
            try:
                session.commit(deliveries, outgoing)
            except Fenced:
                continue  # nothing happened; they come again
            settled += count
            remaining -= {(found.id, found.replayed) for found in (parse(d.event) for d in deliveries)}
    return settled
