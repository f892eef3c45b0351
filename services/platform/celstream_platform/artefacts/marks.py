"""Marks: which artefacts the events name. What is not marked is left over, once it is old enough (collection.py).

An artefact is named by 64 hexadecimal digits, in every message and for ever, so a mark is any such text in an event's
bytes: also in messages that this version does not know, in dead letters and in reviews. Ids look the same; that marks a
little too much, never too little. Two kinds of events name artefacts that name others: a live checkpoint, whose parts
hold what was made so far, is followed; an outcome's long listing holds ids alone.

What was taken down marks nothing, with all that was derived from it and said of it; a dead letter keeps what it names.
Of its outcomes the long listings stay, which hold ids alone: a catalog that is made anew reads them.

Where what was withdrawn shall go as well, only what is current marks: the last event of a key, and of items and
rejections those alone that an outcome of their input lists, and that of its input, up to the footage. A person's
corrections stay.
"""

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache

import celstream_protos.v1
from celstream_protos.v1.envelope_pb2 import (
    ORIGIN_KIND_HUMAN,
    ArtefactRef,
    Checkpoint,
    ItemHeader,
    Outcome,
    OutcomeListing,
    Rejection,
    Review,
    Takedown,
)
from google.protobuf.descriptor_pool import Default, DescriptorPool
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from celstream_platform.artefacts.port import ArtefactStore
from celstream_platform.errors import Invalid
from celstream_platform.eventlog.port import EventLog
from celstream_platform.events import Event
from celstream_platform.topics import INBOX, OUTCOMES, PREFIX, PROGRESS, TAKEDOWNS

NAME = re.compile(rb"(?=([0-9a-f]{64}))")  # every one, also inside a longer run of such digits
NAMES_NONE = frozenset({INBOX.name, PROGRESS.name})
BATCH = 1000
Names = frozenset[str]
Told = Callable[[int], None]
"""Told how many events were read so far."""


def mark(log: EventLog, store: ArtefactStore, *, keep_withdrawn: bool, told: Told = lambda _: None) -> set[str]:
    """The names of all artefacts that events name, but those of what was taken down. Raises Unavailable.

    keep_withdrawn: whether what is no longer current marks as well.
    """
    topics = [name for name in log.topics() if name.startswith(PREFIX) and name not in NAMES_NONE]
    marks = _Marks(store, keep_withdrawn=keep_withdrawn)
    read = 0
    # Takedowns come first: where there are none, most events need not be understood. Outcomes come last: they are
    # published together with the items that they list, so none of those is missed.
    for turn in sorted({_turn(name) for name in topics}):
        for event in _events(log, [name for name in topics if _turn(name) == turn]):
            marks.take(event)
            read += 1
            if read % BATCH == 0:
                told(read)
    told(read)
    return marks.all()


def _turn(topic: str) -> int:
    return {TAKEDOWNS.name: 0, OUTCOMES.name: 2}.get(topic, 1)


def names_in(data: bytes) -> Names:
    """All names of artefacts in some bytes."""
    return frozenset(found.decode() for found in NAME.findall(data))


@dataclass(slots=True)
class _Item:
    """An item, a rejection or a review. stays: for its own sake."""

    parent_id: str
    footage_id: str
    names: Names
    stays: bool


@dataclass(slots=True)
class _Outcome:
    """What an outcome lists; None where its listing cannot be read, or nobody asks. listing: its name, or empty."""

    input_id: str
    footage_id: str
    listed: Names | None
    listing: str
    names: Names


@dataclass(slots=True)
class _Marks:
    """What was read so far."""

    store: ArtefactStore
    keep_withdrawn: bool
    names: set[str] = field(default_factory=set)
    taken_down: set[str] = field(default_factory=set)
    checkpoints: dict[str, ArtefactRef] = field(default_factory=dict)
    items: dict[str, _Item] = field(default_factory=dict)
    outcomes: dict[str, _Outcome] = field(default_factory=dict)

    def take(self, event: Event) -> None:
        """Take one event in; of one key the last one counts, or all where what is withdrawn stays."""
        is_checkpoint = event.topic.endswith(".checkpoints")
        plain = self.keep_withdrawn and not self.taken_down and event.topic != TAKEDOWNS.name
        message = None if plain and not is_checkpoint else _message(event)
        names = names_in(event.value)
        if is_checkpoint and isinstance(message, Checkpoint):
            self.checkpoints.pop(event.key, None)
            if message.HasField("state"):
                self.checkpoints[event.key] = message.state
        elif message is None or event.topic.endswith(".dlq"):
            self.names |= names
        elif isinstance(message, Takedown):
            self.taken_down.add(message.item_id)
        elif isinstance(message, Outcome):
            before = self.outcomes.get(event.key)
            names |= before.names if before and self.keep_withdrawn else frozenset()
            listed = None if self.keep_withdrawn else self._listed(message)
            self.outcomes[event.key] = _Outcome(
                message.input_id, message.footage_id, listed, message.listing.sha256, names
            )
        elif isinstance(message, Rejection):
            self._add(message.id, _Item(message.parent_id, message.footage_id, names, stays=False))
        elif isinstance(message, Review):
            self._add(f"review {message.id}", _Item(message.item.id, "", names, stays=True))
        elif isinstance(header := getattr(message, "item", None), ItemHeader):
            by_hand = header.origin.kind == ORIGIN_KIND_HUMAN
            self._add(header.id, _Item(header.parent_id, header.footage_id, names, stays=by_hand))
        elif getattr(message, "footage_id", "") not in self.taken_down:
            self.names |= names

    def _add(self, item_id: str, item: _Item) -> None:
        before = self.items.get(item_id)
        if before and self.keep_withdrawn:
            item.names |= before.names
        self.items[item_id] = item

    def all(self) -> set[str]:
        """All marks."""
        for state in self.checkpoints.values():
            self.names |= self._made_so_far(state)
        current = self._current()
        for item_id in current:
            self.names |= self.items[item_id].names
        for outcome in self.outcomes.values():
            if self._is_taken_down(outcome.input_id) or outcome.footage_id in self.taken_down:
                self.names |= {outcome.listing} - {""}
            elif outcome.input_id in current or outcome.input_id not in self.items:
                self.names |= outcome.names
        return self.names

    def _current(self) -> set[str]:
        """Ids of the items and rejections that are current; what is unclear counts as current."""
        listed: dict[str, set[str] | None] = {}
        for outcome in self.outcomes.values():
            so_far = listed.setdefault(outcome.input_id, set())
            listed[outcome.input_id] = None if so_far is None or outcome.listed is None else so_far | outcome.listed
        known: dict[str, bool] = {}

        def is_current(item_id: str) -> bool:
            if item_id not in known:
                known[item_id] = True  # also where somebody's broken events lead back to it
                item = self.items.get(item_id)
                if item is not None and item.parent_id and not item.stays:
                    siblings = listed.get(item.parent_id)
                    known[item_id] = (siblings is None or item_id in siblings) and is_current(item.parent_id)
            return known[item_id]

        return {item_id for item_id in self.items if is_current(item_id) and not self._is_taken_down(item_id)}

    def _is_taken_down(self, item_id: str) -> bool:
        """Whether a takedown names it, its footage, or anything above it."""
        seen: set[str] = set()
        while self.taken_down and item_id not in seen:
            if item_id in self.taken_down:
                return True
            seen.add(item_id)
            item = self.items.get(item_id)
            if item is None:
                return False
            if item.footage_id in self.taken_down:
                return True
            item_id = item.parent_id
        return False

    def _listed(self, outcome: Outcome) -> Names | None:
        listing = OutcomeListing(items=outcome.items, rejections=outcome.rejections)
        if outcome.HasField("listing"):
            try:
                with self.store.open(outcome.listing) as file:
                    listing = OutcomeListing.FromString(file.read())
            except (Invalid, DecodeError):
                return None
        return frozenset(ref.id for ref in (*listing.items, *listing.rejections))

    def _made_so_far(self, state: ArtefactRef) -> set[str]:
        """What a live checkpoint names: the list of its parts, the parts, and what those name."""
        found = {state.sha256}
        for part in self._named_by(state):
            found |= {part, *self._named_by(ArtefactRef(sha256=part))}
        return found

    def _named_by(self, ref: ArtefactRef) -> Names:
        try:
            with self.store.open(ref) as file:
                return names_in(file.read())
        except Invalid:
            return frozenset()  # it is gone or damaged: the stage will begin anew


def _events(log: EventLog, topics: list[str]) -> Iterator[Event]:
    if not topics:
        return
    reader = log.reader(topics, {})
    try:
        while not reader.at_end():
            for delivery in reader.poll(BATCH, 1.0):
                yield delivery.event
    finally:
        reader.close()


def _message(event: Event) -> Message | None:
    """The message of an event; None for one that cannot be read."""
    try:
        return GetMessageClass(_contracts().FindMessageTypeByName(event.type)).FromString(event.value)
    except (KeyError, DecodeError):
        return None


@cache
def _contracts() -> DescriptorPool:
    """All message types that there are: a generated module is known once it is imported."""
    for module in pkgutil.iter_modules(celstream_protos.v1.__path__):
        if module.name.endswith("_pb2"):
            importlib.import_module(f"celstream_protos.v1.{module.name}")
    return Default()
