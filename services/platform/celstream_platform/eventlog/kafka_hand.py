"""What a worker of a group holds of each partition: events waiting, events in hand, failures. No network in here.

An event that failed before comes alone, while nothing else is in hand; so a bad one can take nobody with it.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from operator import attrgetter
from typing import Any

from celstream_platform.eventlog.kafka_bookmarks import Failures
from celstream_platform.eventlog.kafka_records import place as place_of
from celstream_platform.events import Delivery

OFFSET = attrgetter("offset")


@dataclass(slots=True)
class Place:
    """One partition.

    position: the committed one. waiting: (time in ms, delivery), fetched and not handed out. marked_until: the
    committed bookmark says that we have the events below it in hand; 0 where it says that we have none.
    """

    position: int
    failures: Failures
    waiting: deque[tuple[int, Delivery]] = field(default_factory=deque)
    hand: list[Delivery] = field(default_factory=list)
    paused_until: float = 0.0
    marked_until: int = 0

    def hand_until(self) -> int:
        """The offset after the last in hand; 0 where nothing is."""
        return self.hand[-1].offset + 1 if self.hand else 0

    def next_offset(self) -> int | None:
        """The first offset that is not done; None where nothing is known to come."""
        if self.hand:
            return self.hand[0].offset
        return self.waiting[0][1].offset if self.waiting else None


class Hand:
    """The partitions that a session holds. `busy` may be read from any thread."""

    def __init__(self) -> None:
        self.places: dict[Any, Place] = {}
        self.busy: frozenset[Any] = frozenset()
        self.alone = False
        self._void: set[tuple[Any, int]] = set()  # handed out, and lost since with their partition

    def gain(self, partition: Any, position: int, failures: Failures) -> None:
        """A partition is ours from now on."""
        self.places[partition] = Place(position, failures)

    def lose(self, partitions: Sequence[Any]) -> None:
        """Partitions are not ours any more; what is in hand of them is void."""
        for partition in partitions:
            place = self.places.pop(partition, None)
            if place is not None:
                self._void |= {(partition, delivery.offset) for delivery in place.hand}
        self._changed()

    def is_void(self, deliveries: Sequence[Delivery]) -> bool:
        """Whether one of them was handed out before its partition was lost."""
        given = {(place_of(d.event.topic, d.partition), d.offset) for d in deliveries} if self._void else set()
        return not self._void.isdisjoint(given)

    def void_all(self) -> None:
        """Nothing counts as handed out any more; what is still ours waits again."""
        self._void.clear()
        for partition in self.busy:
            self.put_back(partition, 0)

    def receive(self, partition: Any, fetched: Sequence[tuple[int, Delivery]]) -> None:
        """Events were fetched, in order."""
        self.places[partition].waiting.extend(fetched)

    def waiting(self) -> int:
        """How many events are fetched and not handed out."""
        return sum(len(place.waiting) for place in self.places.values())

    def take(self, max_events: int, now: float) -> list[Delivery]:
        """The next events: one that failed before, alone; else as many as are wanted, the longest waiting first."""
        if self.alone or max_events < 1:
            return []
        ready = [place for _, place in self._ready(now)]
        if not self.busy:
            for place in ready:
                if place.failures.count(place.waiting[0][1].offset):
                    self.alone = True
                    return self._hand_out(place, 1)
        taken: list[Delivery] = []
        for place in ready:
            taken += self._hand_out(place, max_events - len(taken), stop_at_failed=True)
        return taken

    def coming(self, max_events: int, now: float) -> dict[Any, int]:
        """What a `take` would bring once the hand is empty: partition -> the offset after the last of it.

        Empty where that would be an event that failed before.
        """
        found: dict[Any, int] = {}
        left = max_events
        ready = self._ready(now)
        if any(place.failures.count(place.waiting[0][1].offset) for _, place in ready):
            return {}
        for partition, place in ready:
            if left < 1:
                break
            for _, delivery in islice(place.waiting, left):
                if place.failures.count(delivery.offset):
                    break
                found[partition] = delivery.offset + 1
                left -= 1
        return found

    def _ready(self, now: float) -> list[tuple[Any, Place]]:
        """The partitions that have events to hand out, the longest waiting first."""
        ready = [(tp, place) for tp, place in self.places.items() if place.waiting and place.paused_until <= now]
        return sorted(ready, key=lambda found: found[1].waiting[0][0])

    def take_back(self, deliveries: Sequence[Delivery]) -> None:
        """Undo a `take` whose bookmark could not be written."""
        for partition, given in by_partition(deliveries).items():
            if partition in self.places:
                self.put_back(partition, given[0].offset)

    def rest_after(self, consumed: Mapping[Any, list[Delivery]]) -> dict[Any, list[Delivery]]:
        """What stays in hand of each partition once `consumed` is done. Raises ValueError where it is not in hand."""
        rest = {}
        for partition, done in consumed.items():
            hand = self.places[partition].hand if partition in self.places else []
            if hand[: len(done)] != done:
                raise ValueError(f"{partition.topic}: consumed is not a prefix of what is in hand. Poll it first.")
            rest[partition] = hand[len(done) :]
        return rest

    def done(self, partition: Any, position: int) -> None:
        """Everything below `position` is committed."""
        place = self.places[partition]
        place.position = position
        place.hand = [delivery for delivery in place.hand if delivery.offset >= position]
        place.failures.forget(position)
        place.marked_until = place.hand_until()
        self._changed()

    def put_back(self, partition: Any, offset: int) -> None:
        """Everything in hand from `offset` on waits again."""
        place = self.places[partition]
        back = [delivery for delivery in place.hand if delivery.offset >= offset]
        place.hand = [delivery for delivery in place.hand if delivery.offset < offset]
        place.waiting.extendleft((0, replace(delivery, attempt=1)) for delivery in reversed(back))
        self._changed()

    def _hand_out(self, place: Place, most: int, *, stop_at_failed: bool = False) -> list[Delivery]:
        taken: list[Delivery] = []
        while place.waiting and len(taken) < most:
            delivery = place.waiting[0][1]
            failures = place.failures.count(delivery.offset)
            if failures and stop_at_failed:
                break
            place.waiting.popleft()
            taken.append(replace(delivery, attempt=failures + 1) if failures else delivery)
        place.hand += taken
        self._void -= {(place_of(d.event.topic, d.partition), d.offset) for d in taken} if self._void else set()
        self._changed()
        return taken

    def _changed(self) -> None:
        self.busy = frozenset(partition for partition, place in self.places.items() if place.hand)
        self.alone = self.alone and bool(self.busy)


def by_partition(deliveries: Sequence[Delivery]) -> dict[Any, list[Delivery]]:
    """Deliveries by partition, in order."""
    grouped: dict[tuple[str, int], list[Delivery]] = {}
    for delivery in deliveries:
        grouped.setdefault((delivery.event.topic, delivery.partition), []).append(delivery)
    return {place_of(*where): sorted(found, key=OFFSET) for where, found in grouped.items()}
