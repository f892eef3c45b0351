"""Dead letters: events that a stage could not process, byte for byte, with what went wrong in headers.

A letter's value and key are those of the event; its headers are the event's own plus those of this file. Replaying
moves a letter back to the topic that it came from, in one transaction, so it happens exactly once.
"""

import hashlib
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
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
    )


def stages(log: EventLog) -> list[str]:
    """The stages that have a dead-letter topic."""
    return [n.removeprefix(PREFIX).removesuffix(".dlq") for n in log.topics() if n.endswith(".dlq")]


def pending(log: EventLog, stage: str) -> Iterator[DeadLetter]:
    """The stage's letters that were neither replayed nor discarded, the oldest of each key first."""
    topic = dead_letters(stage).name
    reader = log.reader([topic], log.positions(GROUP, [topic]))
    try:
        while not reader.at_end():
            for delivery in reader.poll(BATCH, 1.0):
                yield parse(delivery.event)
    finally:
        reader.close()


def replay(log: EventLog, stage: str, wanted: Callable[[DeadLetter], bool], *, member: str = "replay") -> int:
    """Put the letters that are wanted back on the topic that they came from; the number of letters.

    The last event of a key counts, so none may come to lie behind a newer one. A letter whose input has come again
    since, as something else, is forgotten instead. Where that happens while the letter is put back, the newer event is
    published once more, behind it: the same content under the same id, which changes nothing else.
    """
    origins = {found.origin_topic for found in pending(log, stage)}
    if not origins:
        return 0
    newest = _Newest(log, origins)
    outdated: set[str] = set()

    def settle(letter: DeadLetter) -> list[Event]:
        last = newest.of(letter.event)
        if last is not None and last.offset > letter.origin_offset and last.event.value != letter.event.value:
            outdated.add(letter.id)
            return []
        newest.published(letter.event)
        return [letter.event]

    try:
        newest.look()
        settled = _settle(log, stage, wanted, settle, member)
        while overtaken := newest.look():
            log.publish(overtaken)
            for event in overtaken:
                newest.published(event)
    finally:
        newest.close()
    return settled - len(outdated)


class _Newest:
    """The last event of every key of some topics, as far as was looked, and what we have published there ourselves."""

    def __init__(self, log: EventLog, topics: Iterable[str]) -> None:
        self._reader = log.reader(sorted(topics), {})
        self._last: dict[tuple[str, str], Delivery] = {}
        self._ours: dict[tuple[str, str], set[bytes]] = {}

    def of(self, event: Event) -> Delivery | None:
        """The last one of an event's key."""
        return self._last.get((event.topic, event.key))

    def published(self, event: Event) -> None:
        """We publish this."""
        self._ours.setdefault((event.topic, event.key), set()).add(event.value)

    def look(self) -> list[Event]:
        """Read on to the end; others' events behind which one of ours has come to lie."""
        others: dict[tuple[str, str], Event] = {}
        overtaken: dict[tuple[str, str], Event] = {}
        while not self._reader.at_end():
            for delivery in self._reader.poll(BATCH, 1.0):
                key = (delivery.event.topic, delivery.event.key)
                self._last[key] = delivery
                if key in self._ours and delivery.event.value not in self._ours[key]:
                    others[key] = delivery.event
                    overtaken.pop(key, None)
                elif key in others:
                    overtaken[key] = others[key]
        return list(overtaken.values())

    def close(self) -> None:
        """Stop reading."""
        self._reader.close()


def discard(log: EventLog, stage: str, wanted: Callable[[DeadLetter], bool], *, member: str = "discard") -> int:
    """Forget the letters that are wanted; the number of letters."""
    return _settle(log, stage, wanted, lambda _: [], member)


def _settle(
    log: EventLog,
    stage: str,
    wanted: Callable[[DeadLetter], bool],
    settle: Callable[[DeadLetter], list[Event]],
    member: str,
) -> int:
    """Consume the letters; those that are not wanted go back to the end of their topic, in the same transaction.

    Each letter that was pending at the beginning is looked at once.
    """
    remaining = {found.id for found in pending(log, stage)}
    settled = 0
    with log.session(GROUP, [dead_letters(stage).name], member) as session:
        while remaining:
            deliveries = session.poll(BATCH, 1.0)
            if not deliveries:
                remaining &= {found.id for found in pending(log, stage)}  # somebody else may have settled them
                continue
            outgoing: list[Event] = []
            count = 0
            for delivery in deliveries:
                found = parse(delivery.event)
                if found.id in remaining and wanted(found):
                    outgoing += settle(found)
                    count += 1
                else:
                    outgoing.append(delivery.event)
            try:
                session.commit(deliveries, outgoing)
            except Fenced:
                continue  # nothing happened; they come again
            settled += count
            remaining -= {parse(delivery.event).id for delivery in deliveries}
    return settled
