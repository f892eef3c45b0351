"""An event: one message on a topic, a CloudEvent 1.0 in Kafka's binary mode.

Value: a protobuf message of `celstream.v1`. Headers: the CloudEvents attributes with the prefix `ce_`,
`traceparent` (W3C Trace Context) and `content-type` (https://github.com/cloudevents/spec, Kafka protocol binding).
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from celstream_platform.errors import Invalid

MAX_EVENT_BYTES = 64 * 1024  # events are small; pictures, video and long lists are artefacts
CONTENT_TYPE = "application/protobuf"
M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True)
class Event:
    """One message, as it is published and as it is read.

    topic: name of the topic. key: item id (for an outcome the input's id); one key's events stay in order.
    value: the protobuf message's bytes. headers: all headers, text to text.
    """

    topic: str
    key: str
    value: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def type(self) -> str:
        """Full name of the protobuf message, for example `celstream.v1.Clip`; empty where the header is missing."""
        return self.headers.get("ce_type", "")


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event as a consumer gets it.

    partition, offset: its place in the topic; offsets of a partition rise, with gaps.
    attempt: 1 + how often it failed before: was released as failed, or was in the hands of a worker that died.
    """

    event: Event
    partition: int
    offset: int
    attempt: int = 1


def encode(topic: str, key: str, message: Message, *, event_id: str, source: str, traceparent: str = "") -> Event:
    """Wrap a message.

    event_id: unique for what it says: item id + version. source: the service that speaks, for example `segmenter`.
    Raises Invalid where the event would be larger than 64 KiB.
    """
    value = message.SerializeToString(deterministic=True)
    return wrap(topic, key, message, value, event_id=event_id, source=source, traceparent=traceparent)


def wrap(
    topic: str, key: str, message: Message, value: bytes, *, event_id: str, source: str, traceparent: str = ""
) -> Event:
    """Wrap a message whose bytes, `value`, are made already; as `encode` else."""
    if len(value) > MAX_EVENT_BYTES:
        raise Invalid(
            f"{topic} {key}: event of {len(value)} bytes, at most {MAX_EVENT_BYTES} allowed. Store it as artefact."
        )
    headers = {
        "ce_specversion": "1.0",
        "ce_id": event_id,
        "ce_type": message.DESCRIPTOR.full_name,
        "ce_source": f"celstream/{source}",
        "ce_time": _written_time(time.time_ns() // 1_000_000),
        "ce_subject": key,
        "content-type": CONTENT_TYPE,
    }
    if traceparent:
        headers["traceparent"] = traceparent
    return Event(topic=topic, key=key, value=value, headers=headers)


@lru_cache(maxsize=1)
def _written_time(milliseconds: int) -> str:
    """A time since 1970 as RFC 3339 has it. A batch publishes many events in the same millisecond."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")


def decode(event: Event, message_type: type[M]) -> M:
    """Unwrap an event. Raises Invalid where it is not such a message."""
    expected = message_type.DESCRIPTOR.full_name
    if event.type != expected:
        raise Invalid(f"{event.topic} {event.key}: event of type {event.type or 'unknown'!r}, expected {expected!r}.")
    try:
        return message_type.FromString(event.value)
    except DecodeError as error:
        raise Invalid(f"{event.topic} {event.key}: value is not a {expected}: {error}.") from error
