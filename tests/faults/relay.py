"""Two chained stages that need all three servers: each input costs an artefact and an inference.

sealer  texts → words    stores the text as an artefact, asks the model, passes on where it is and what was answered
opener  words → letters  fetches that artefact, asks the model again, says what it found
The model is `halves` of tests/contracts/repository.py. All three levels use the message of footage: its name says
all there is to say. Topics carry a suffix, so that several tests can share servers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from celstream_platform import identity
from celstream_platform.artefacts.port import ArtefactStore
from celstream_platform.events import Event, encode
from celstream_platform.models.port import ModelServer
from celstream_platform.outcomes import level_of
from celstream_platform.stage import Context, Item, Result
from celstream_platform.topics import Topic
from celstream_protos.v1.envelope_pb2 import ArtefactRef, ItemHeader
from celstream_protos.v1.footage_pb2 import Footage
from google.protobuf.message import Message

from tests.contracts.repository import MODEL

PARTITIONS = 6


@dataclass(frozen=True, slots=True)
class Names:
    """Topics and stages of one test."""

    suffix: str

    @property
    def topics(self) -> tuple[Topic, Topic, Topic]:
        """Texts, words and letters."""
        levels = (f"celstream.{level}-{self.suffix}" for level in ("texts", "words", "letters"))
        texts, words, letters = (Topic(name, partitions=PARTITIONS) for name in levels)
        return texts, words, letters

    @property
    def stages(self) -> tuple[str, str]:
        """Names of the two stages, which are their groups as well."""
        return f"sealer-{self.suffix}", f"opener-{self.suffix}"

    def offer(self, number: int) -> Event:
        """The event that offers a text."""
        id_, topic = text_id(number), self.topics[0].name
        header = ItemHeader(id=id_, version=identity.item_version("", "1"), level=level_of(topic), footage_id=id_)
        event_id = identity.event_id(id_, header.version)
        return encode(topic, id_, Footage(item=header, name=str(number)), event_id=event_id, source="test")


def text_id(number: int) -> str:
    """Id of a text."""
    return identity.digest("text", number)


def expected_letter(number: int) -> str:
    """What the last topic must say of a text, worked out without any of the servers."""
    return f"{number} {_half_sum(number)} {_half_sum(number + 1)}"


def _passed_on(message: Footage, topic: Topic, says: str, recipe: str) -> Item:
    """The one item that comes of a message."""
    parent, level = message.item, level_of(topic.name)
    header = ItemHeader(
        id=identity.item_id(parent.id, level, 0, 1),
        version=identity.item_version(parent.version, recipe),
        level=level,
        parent_id=parent.id,
        parent_version=parent.version,
        footage_id=parent.footage_id,
    )
    return Item(topic, Footage(item=header, name=says))


def _half_sum(number: int) -> float:
    return 3.0 * (number % 256)  # six pixels, halved


def _ask(models: ModelServer, number: int) -> float:
    picture = np.full((1, 2, 3), number % 256, np.uint8)
    return float(models.infer(MODEL, 1, {"picture": picture}).result()["sum"][0, 0])  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Sealer:
    """Texts to words."""

    names: Names
    store: ArtefactStore
    models: ModelServer
    message_type: type[Message] = Footage
    recipe: str = identity.recipe("sealer 1", {})

    @property
    def name(self) -> str:
        return self.names.stages[0]

    @property
    def consumes(self) -> Topic:
        return self.names.topics[0]

    @property
    def produces(self) -> Sequence[Topic]:
        return self.names.topics[1:2]

    def process(self, message: Any, context: Context) -> Result:
        number = int(message.name)
        sealed = self.store.put(f"text {number}".encode(), "text/plain")
        says = f"{sealed.sha256} {sealed.size} {_ask(self.models, number)}"
        word = _passed_on(message, self.names.topics[1], says, self.recipe)
        return Result([word], attachments={"text": sealed})


@dataclass(frozen=True, slots=True)
class Opener:
    """Words to letters."""

    names: Names
    store: ArtefactStore
    models: ModelServer
    message_type: type[Message] = Footage
    recipe: str = identity.recipe("opener 1", {})

    @property
    def name(self) -> str:
        return self.names.stages[1]

    @property
    def consumes(self) -> Topic:
        return self.names.topics[1]

    @property
    def produces(self) -> Sequence[Topic]:
        return self.names.topics[2:3]

    def process(self, message: Any, context: Context) -> Result:
        sha256, size, answered = message.name.split()
        with self.store.open(ArtefactRef(sha256=sha256, size=int(size), media_type="text/plain")) as file:
            number = int(file.read().decode().removeprefix("text "))
        says = f"{number} {answered} {_ask(self.models, number + 1)}"
        return Result([_passed_on(message, self.names.topics[2], says, self.recipe)])
