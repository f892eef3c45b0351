"""Replaying dead letters: each goes back to the topic that it came from, once, and never stays behind a newer event.

Order: look at the topics → put letters back, each with a note among the letters, in one transaction → look again, and
publish once more whatever newer event a letter has come to lie behind → forget the notes. A replay that is killed on
the way leaves its notes, and the next one begins with what that one owed.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from celstream_platform.dead_letters import BATCH, DeadLetter, lying, note, parse, settle
from celstream_platform.eventlog.port import EventLog
from celstream_platform.events import Delivery, Event


def replay(log: EventLog, stage: str, wanted: Callable[[DeadLetter], bool], *, member: str = "replay") -> int:
    """Put the letters that are wanted back on the topic that they came from; the number of letters.

    The last event of a key counts, so none may come to lie behind a newer one. A letter whose input has come again
    since, as something else, is forgotten instead. Where that happens while the letter is put back, the newer event is
    published once more, behind it: the same content under the same id, which changes nothing else.
    """
    there = list(lying(log, stage))
    if not there:
        return 0
    newest = _Newest(log, {found.origin_topic for found in there})
    outdated: set[str] = set()

    def put_back(parked: Event) -> list[Event]:
        letter = parse(parked)
        last = newest.of(letter.event)
        if last is not None and last.offset > letter.origin_offset and last.event.value != letter.event.value:
            outdated.add(letter.id)
            return []
        newest.put_back(letter)
        return [letter.event, note(parked)]

    def mend() -> None:
        while overtaken := newest.look():
            log.publish(overtaken)
            for event in overtaken:
                newest.published(event)

    try:
        for found in there:
            if found.replayed:
                newest.put_back(found)
        mend()
        settled = settle(log, stage, lambda found: not found.replayed and wanted(found), put_back, member)
        if newest.noted:
            mend()
            settle(log, stage, lambda found: found.replayed and found.id in newest.noted, lambda _: [], member)
    finally:
        newest.close()
    return settled - len(outdated)


@dataclass(slots=True)
class _Ours:
    """What we have published under a key. since: the offset of the letter; what lies before that is older than it."""

    since: int
    values: set[bytes]


class _Newest:
    """The last event of every key of some topics, as far as was looked, and what we have published there ourselves.

    noted: ids of the letters that were put back.
    """

    def __init__(self, log: EventLog, topics: Iterable[str]) -> None:
        self._reader = log.reader(sorted(topics), {})
        self._last: dict[tuple[str, str], Delivery] = {}
        self._ours: dict[tuple[str, str], _Ours] = {}
        self.noted: set[str] = set()

    def of(self, event: Event) -> Delivery | None:
        """The last one of an event's key."""
        return self._last.get((event.topic, event.key))

    def put_back(self, letter: DeadLetter) -> None:
        """A letter was put back, or is about to be."""
        self.noted.add(letter.id)
        ours = self._ours.setdefault((letter.event.topic, letter.event.key), _Ours(letter.origin_offset, set()))
        ours.since = max(ours.since, letter.origin_offset)
        ours.values.add(letter.event.value)

    def published(self, event: Event) -> None:
        """We have published this once more."""
        self._ours[event.topic, event.key].values.add(event.value)

    def look(self) -> list[Event]:
        """Read on to the end; others' events behind which one of ours has come to lie."""
        others: dict[tuple[str, str], Event] = {}
        overtaken: dict[tuple[str, str], Event] = {}
        while not self._reader.at_end():
            for delivery in self._reader.poll(BATCH, 1.0):
                key = (delivery.event.topic, delivery.event.key)
                self._last[key] = delivery
                ours = self._ours.get(key)
                if ours is not None and delivery.offset > ours.since and delivery.event.value not in ours.values:
                    others[key] = delivery.event
                    overtaken.pop(key, None)
                elif key in others:
                    overtaken[key] = others[key]
        return list(overtaken.values())

    def close(self) -> None:
        """Stop reading."""
        self._reader.close()
