"""A stage that takes long for one film, and footage for it: what the tests of long work over an event log share."""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from celstream_platform import events, identity, topics
from celstream_platform.eventlog import EventLog
from celstream_platform.stage import Context, Result
from celstream_platform.topics import Topic
from celstream_protos.v1.envelope_pb2 import ItemHeader, Outcome
from celstream_protos.v1.footage_pb2 import Footage
from google.protobuf.message import Message


@dataclass
class Long:
    """Takes as long for the film `long` as `work` does, and no time for the others.

    worked: on what, in order. begun, ended: set at the long film's.
    """

    consumes: Topic
    name: str
    work: Callable[[], object]
    worked: list[str] = field(default_factory=list)
    begun: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    produces: tuple[Topic, ...] = ()
    message_type: type[Message] = Footage
    recipe: str = "recipe"

    def process(self, message: Message, context: Context) -> Result:
        assert isinstance(message, Footage)
        self.worked.append(message.name)
        if message.name == "long":
            self.begun.set()
            self.work()
            self.ended.set()
        return Result()


def offer(log: EventLog, topic: str, name: str) -> None:
    header = ItemHeader(id=name, version="v1", level=topic.removeprefix(topics.PREFIX), footage_id=name)
    event_id = identity.event_id(name, "v1")
    log.publish([events.encode(topic, name, Footage(item=header, name=name), event_id=event_id, source="test")])


def outcomes(log: EventLog, stage: str) -> Counter[str]:
    """How many outcomes each input has."""
    found: Counter[str] = Counter()
    reader = log.reader([topics.OUTCOMES.name], {})
    while not reader.at_end():
        for delivery in reader.poll(1000, 1.0):
            outcome = events.decode(delivery.event, Outcome)
            found[outcome.input_id] += outcome.stage == stage
    reader.close()
    return +found
