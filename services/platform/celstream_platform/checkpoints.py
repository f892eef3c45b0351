"""Checkpoints: a stage saves its work on a long input, so that it can go on after an interruption (design: rule 2).

Each part that is saved is an artefact, and so is the list of all of them; a small event on
`celstream.<stage>.checkpoints`, keyed by input, version and recipe, points to the list. Once the input has its outcome,
an event without state ends it, in the outcome's own transaction.

How often an input may fail counts from its last checkpoint: a long film that is interrupted again and again, and gets
on in between, is no input that takes its workers down.
"""

import contextlib
from functools import cached_property

import msgspec
from celstream_protos.v1 import envelope_pb2

from celstream_platform import identity, logs
from celstream_platform.artefacts.port import ArtefactStore
from celstream_platform.errors import Invalid, NotFound
from celstream_platform.eventlog.port import EventLog
from celstream_platform.events import Event, decode, encode
from celstream_platform.outcomes import Input
from celstream_platform.topics import PREFIX, Topic

log = logs.logger(__name__)
Parts = list[tuple[str, int]]
"""SHA-256 and size of each."""
MEDIA_TYPE = "application/octet-stream"


def _reference(part: tuple[str, int]) -> envelope_pb2.ArtefactRef:
    return envelope_pb2.ArtefactRef(sha256=part[0], size=part[1], media_type=MEDIA_TYPE)


def topic_of(stage: str) -> Topic:
    """The topic of a stage's checkpoints."""
    return Topic(f"{PREFIX}{stage}.checkpoints")


class Checkpoint:
    """The checkpoint of one input under one recipe. Used by one worker, which holds the input.

    attempt: which attempt at the input this is, from 1 (`Delivery.attempt`).
    """

    def __init__(
        self, event_log: EventLog, store: ArtefactStore, stage: str, source: Input, recipe: str, attempt: int = 1
    ) -> None:
        self._attempt = attempt
        self._log = event_log
        self._store = store
        self._stage, self._source, self._recipe = stage, source, recipe
        self._saved: envelope_pb2.ArtefactRef | None = None
        self._parts: Parts | None = None
        self._message: envelope_pb2.Checkpoint | None = None

    @cached_property
    def _key(self) -> str:
        """Of its events. Most inputs need none."""
        return identity.digest("checkpoint", self._source.id, self._source.version, self._recipe)

    def attempts(self) -> int:
        """Which attempt this is since the last checkpoint, from 1. Raises Unavailable."""
        if self._attempt == 1:
            return 1
        saved = self._last()
        return 1 + self._attempt - max(1, saved.attempt if saved.HasField("state") else 1)

    def load(self) -> list[bytes]:
        """The parts that were saved, in order. Raises Unavailable."""
        try:
            return [self._read(_reference(part)) for part in self._listed()]
        except (Invalid, NotFound) as error:
            log.warning("a checkpoint is gone, beginning anew", stage=self._stage, error=str(error))
            self._parts = []
            return []

    def _last(self) -> envelope_pb2.Checkpoint:
        """The last event of this checkpoint; an empty one where there is none."""
        if self._message is not None:
            return self._message
        last: Event | None = None
        reader = self._log.reader([topic_of(self._stage).name], {})
        try:
            while not reader.at_end():
                for delivery in reader.poll(1000, 0.0):
                    if delivery.event.key == self._key:
                        last = delivery.event
        finally:
            reader.close()
        self._message = decode(last, envelope_pb2.Checkpoint) if last else envelope_pb2.Checkpoint()
        if self._message.HasField("state"):
            self._saved = self._message.state
        return self._message

    def save(self, part: bytes) -> None:
        """Add a part to what was saved. Raises Unavailable."""
        stored = self._store.put(part, MEDIA_TYPE)
        self._parts = [*self._listed(), (stored.sha256, stored.size)]
        saved = self._store.put(msgspec.msgpack.encode(self._parts), MEDIA_TYPE)
        self._log.publish([self._event(saved)])
        self._forget(self._saved, saved)
        self._saved = saved
        self._message = envelope_pb2.Checkpoint(state=saved, attempt=self._attempt)

    def ended(self) -> list[Event]:
        """The event that ends the checkpoint, to be committed with the outcome; none where nothing was saved."""
        return [self._event(None)] if self._saved else []

    def discard(self) -> None:
        """Delete the state of a checkpoint whose end is committed."""
        for part in self._listed() if self._saved else ():
            self._forget(_reference(part), None)
        self._forget(self._saved, None)
        self._saved, self._parts = None, []

    def _listed(self) -> Parts:
        """The parts that were saved; none where their list is gone. Raises Unavailable."""
        if self._parts is None:
            message = self._last()
            try:
                saved = self._read(message.state) if message.HasField("state") else None
                self._parts = msgspec.msgpack.decode(saved, type=Parts) if saved else []
            except (Invalid, NotFound, msgspec.DecodeError) as error:
                log.warning("a checkpoint is gone, beginning anew", stage=self._stage, error=str(error))
                self._parts = []
        return self._parts

    def _read(self, ref: envelope_pb2.ArtefactRef) -> bytes:
        with self._store.open(ref) as file:
            return file.read()

    def _event(self, state: envelope_pb2.ArtefactRef | None) -> Event:
        message = envelope_pb2.Checkpoint(
            stage=self._stage,
            input_id=self._source.id,
            input_version=self._source.version,
            recipe=self._recipe,
            state=state,
            attempt=self._attempt if state else 0,
        )
        event_id = f"{self._key}.{state.sha256 if state else 'ended'}"
        return encode(topic_of(self._stage).name, self._key, message, event_id=event_id, source=self._stage)

    def _forget(self, old: envelope_pb2.ArtefactRef | None, new: envelope_pb2.ArtefactRef | None) -> None:
        if old is not None and (new is None or old.sha256 != new.sha256):
            with contextlib.suppress(Invalid):
                self._store.delete(old)
