"""What a service implements: one input in; items, rejections and attachments out.

The worker (`worker.py`) turns the result into events: each item on its level's topic, each rejection, and exactly one
outcome that lists them, in one transaction with the input's position (design: rule 1).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from celstream_protos.v1 import envelope_pb2
from google.protobuf.message import Message

from celstream_platform.topics import Topic


@dataclass(frozen=True, slots=True)
class Item:
    """A message of a level. Its field `item` is the header."""

    topic: Topic
    message: Message

    @property
    def header(self) -> envelope_pb2.ItemHeader:
        """The header, field 1 of every level's message."""
        header: envelope_pb2.ItemHeader = self.message.item  # type: ignore[attr-defined]
        return header


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one input."""

    items: Sequence[Item] = ()
    rejections: Sequence[envelope_pb2.Rejection] = ()
    attachments: Mapping[str, envelope_pb2.ArtefactRef] = field(default_factory=dict)
    awaiting_review: bool = False


@dataclass(frozen=True, slots=True)
class Context:
    """What the worker offers a stage while it processes one input.

    progress: call with (done, total, unit) as often as you like; it is published a few times a second at most.
    stopping: true once the process shall end; raise `Stopping` at the next good moment. stop_at_once: true once there
    is no time left to wait for one.
    load_checkpoint: what interrupted attempts at this input, of this version under this recipe, saved, part by part;
    nothing at the first attempt. save_checkpoint: save what came of a long input since, about once a minute of footage.
    """

    progress: Callable[[int, int, str], None]
    stopping: Callable[[], bool]
    load_checkpoint: Callable[[], Sequence[bytes]] = lambda: ()
    save_checkpoint: Callable[[bytes], None] = lambda part: None
    stop_at_once: Callable[[], bool] = lambda: True


class Stopping(Exception):
    """Raised by a stage that gives up because the process shall end; the input is given back."""


class Stage(Protocol):
    """One step of the hierarchy."""

    @property
    def name(self) -> str:
        """Name of the service, for example `segmenter`; also its consumer group."""

    @property
    def consumes(self) -> Topic:
        """The level topic that it reads."""

    @property
    def produces(self) -> Sequence[Topic]:
        """The level topics that it writes."""

    @property
    def message_type(self) -> type[Message]:
        """The protobuf message of the topic that it reads."""

    @property
    def recipe(self) -> str:
        """Digest of settings, models and software."""

    def process(self, message: Message, context: Context) -> Result:
        """Process one input.

        Raises Invalid where the input can never succeed (the worker writes one rejection of the whole input with
        reason UNREADABLE, or LIMIT_EXCEEDED for LimitExceeded), Unavailable, Overloaded, Stopping;
        anything else is a bug.
        """
