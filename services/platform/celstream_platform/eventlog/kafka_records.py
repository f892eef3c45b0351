"""Events as Kafka's records and back: key and header texts in UTF-8, the value as it is."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

from kafka.structs import TopicPartition

from celstream_platform.eventlog.kafka_partitions import partitions
from celstream_platform.events import Delivery, Event


def to_record(event: Event) -> dict[str, Any]:
    """The arguments of a producer's `send`."""
    return {
        "topic": event.topic,
        "key": event.key.encode(),
        "value": event.value,
        "headers": [(name, text.encode()) for name, text in event.headers.items()],
    }


def to_records(events: Sequence[Event], partitions_of: Callable[[str], Collection[int]]) -> list[dict[str, Any]]:
    """The arguments of a producer's `send` for each event, its partition among them. partitions_of: of a topic."""
    records = [to_record(event) for event in events]
    by_topic: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        by_topic.setdefault(record["topic"], []).append(record)
    for topic, alike in by_topic.items():
        numbers = partitions([record["key"] for record in alike], len(partitions_of(topic)))
        for record, number in zip(alike, numbers, strict=True):
            record["partition"] = number
    return records


def to_delivery(record: Any) -> Delivery:
    """A record as a consumer gets it. What others than we wrote may lack a key or hold bytes that are no text."""
    headers = {name: (content or b"").decode("utf-8", "replace") for name, content in record.headers}
    event = Event(record.topic, (record.key or b"").decode("utf-8", "replace"), record.value or b"", headers)
    return Delivery(event, record.partition, record.offset)


def place(topic: str, partition: int) -> Any:
    """Kafka's name of a partition."""
    return TopicPartition(topic, partition)
