"""A toy chain of two stages: texts → words → letters. Small enough to know by heart what must come of an input.

splitter  a text's words; a word shorter than `shortest` is rejected
speller   a word's letters; a digit is rejected
A text may say what shall go wrong: `invalid` cannot be processed, `bug` raises, `slow` makes a listing too long for one
event, `doubtful` waits for a person.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from celstream_catalog.levels import Chain, Level, StageSpec
from celstream_platform import identity
from celstream_platform.artefacts.port import ArtefactStore
from celstream_platform.errors import Invalid
from celstream_platform.events import Event, encode
from celstream_platform.identity import item_id, item_version, rejection_id
from celstream_platform.stage import Context, Item, Result
from celstream_platform.topics import Topic
from celstream_protos.v1.envelope_pb2 import (
    ORIGIN_KIND_MACHINE,
    REJECTION_REASON_BLACK,
    REJECTION_REASON_TOO_SHORT,
    FrameRange,
    ItemHeader,
    Origin,
    Rejection,
)
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message

TEXTS, WORDS, LETTERS = Topic("celstream.texts"), Topic("celstream.words"), Topic("celstream.letters")


def _message_types() -> list[type[Message]]:
    """Text, Word and Letter: a header, the frames (here: characters) that it covers, and what it says."""
    kind = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name="celstream/test/v1/toy.proto",
        package="celstream.test.v1",
        syntax="proto3",
        dependency=["celstream/v1/envelope.proto"],
    )
    for name in ("Text", "Word", "Letter"):
        message = file.message_type.add(name=name)
        for number, (field_name, type_name) in enumerate((("item", "ItemHeader"), ("range", "FrameRange")), start=1):
            message.field.add(
                name=field_name,
                number=number,
                label=kind.LABEL_OPTIONAL,
                type=kind.TYPE_MESSAGE,
                type_name=f".celstream.v1.{type_name}",
            )
        message.field.add(name="name", number=3, label=kind.LABEL_OPTIONAL, type=kind.TYPE_STRING)
    described = descriptor_pool.Default().AddSerializedFile(file.SerializeToString())
    return [message_factory.GetMessageClass(described.message_types_by_name[n]) for n in ("Text", "Word", "Letter")]


Text, Word, Letter = (_type for _type in _message_types())

CHAIN = Chain(
    levels=(Level("texts", TEXTS, Text), Level("words", WORDS, Word), Level("letters", LETTERS, Letter)),
    stages=(
        StageSpec("splitter", consumes="texts", produces=("words",)),
        StageSpec("speller", consumes="words", produces=("letters",)),
    ),
)


def text_id(name: str) -> str:
    """Id of the text of that name, whatever it says."""
    return identity.digest("text", name)


def text(name: str, says: str, **header: str) -> Any:
    """A text as intake would offer it; `says` is in its version."""
    id_ = text_id(name)
    return Text(
        item=ItemHeader(id=id_, version=item_version("", says), level="texts", footage_id=id_, work=name, **header),
        range=FrameRange(start_frame=0, end_frame=len(says)),
        name=says,
    )


def text_event(name: str, says: str, traceparent: str = "") -> Event:
    """The event that offers a text."""
    message = text(name, says)
    event_id = identity.event_id(message.item.id, message.item.version)
    return encode(TEXTS.name, message.item.id, message, event_id=event_id, source="test", traceparent=traceparent)


def part(parent: Any, topic: Topic, message_type: type[Message], start: int, end: int, name: str, recipe: str) -> Item:
    """An item of characters [start, end) of its parent."""
    level = topic.name.removeprefix("celstream.")
    header = ItemHeader(
        id=item_id(parent.item.id, level, start, end),
        version=item_version(parent.item.version, recipe),
        level=level,
        parent_id=parent.item.id,
        parent_version=parent.item.version,
        footage_id=parent.item.footage_id,
        work=parent.item.work,
        origin=Origin(kind=ORIGIN_KIND_MACHINE, method=level, recipe=recipe, confidence=1.0),
    )
    return Item(topic, message_type(item=header, range=FrameRange(start_frame=start, end_frame=end), name=name))


def refused(parent: Any, level: str, start: int, end: int, reason: Any, detail: str, recipe: str) -> Rejection:
    """A rejection of characters [start, end)."""
    return Rejection(
        id=rejection_id(parent.item.id, level, start, end, reason),
        version=item_version(parent.item.version, recipe),
        level=level,
        parent_id=parent.item.id,
        parent_version=parent.item.version,
        footage_id=parent.item.footage_id,
        range=FrameRange(start_frame=start, end_frame=end),
        reason=reason,
        detail=detail,
    )


@dataclass(frozen=True, slots=True)
class Splitter:
    """Texts to words."""

    store: ArtefactStore
    shortest: int = 1
    broken: bool = True  # whether the bug is still in
    name: ClassVar[str] = "splitter"
    consumes: ClassVar[Topic] = TEXTS
    produces: ClassVar[Sequence[Topic]] = (WORDS,)
    message_type: ClassVar[type[Message]] = Text

    @property
    def recipe(self) -> str:
        return identity.recipe("splitter 1", {"shortest": self.shortest})

    def process(self, message: Any, context: Context) -> Result:
        if message.name.startswith("invalid"):
            raise Invalid(f"{message.name}: cannot be split. Give words.")
        if message.name.startswith("bug") and self.broken:
            raise ZeroDivisionError("the bug")
        items, rejections, start = [], [], 0
        for index, word in enumerate(message.name.split(" ")):
            end = start + len(word)
            context.progress(index + 1, 0, "words")
            if len(word) < self.shortest:
                detail = f"{word}: {len(word)} letters, at least {self.shortest} expected."
                reason = REJECTION_REASON_TOO_SHORT
                rejections.append(refused(message, "words", start, end, reason, detail, self.recipe))
            else:
                items.append(part(message, WORDS, Word, start, end, word, self.recipe))
            start = end + 1
        attachments = {"copy": self.store.put(message.name.encode(), "text/plain")}
        return Result(items, rejections, attachments, awaiting_review=message.name.startswith("doubtful"))


@dataclass(frozen=True, slots=True)
class Speller:
    """Words to letters."""

    kill_file: Path | None = None  # see toy_worker.py
    name: ClassVar[str] = "speller"
    consumes: ClassVar[Topic] = WORDS
    produces: ClassVar[Sequence[Topic]] = (LETTERS,)
    message_type: ClassVar[type[Message]] = Word
    recipe: ClassVar[str] = identity.recipe("speller 1", {})

    def process(self, message: Any, context: Context) -> Result:
        items, rejections = [], []
        for index, letter in enumerate(message.name):
            if letter.isdigit():
                reason, detail = REJECTION_REASON_BLACK, f"{letter} is a digit."
                rejections.append(refused(message, "letters", index, index + 1, reason, detail, self.recipe))
            else:
                items.append(part(message, LETTERS, Letter, index, index + 1, letter, self.recipe))
        return Result(items, rejections)


def says(messages: Sequence[Any]) -> list[str]:
    """What items say, sorted."""
    return sorted(message.name for message in messages)


__all__ = ["CHAIN", "Letter", "Speller", "Splitter", "Text", "Word", "field", "says", "text", "text_event", "text_id"]
