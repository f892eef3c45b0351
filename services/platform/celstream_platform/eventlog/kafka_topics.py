"""Topics on Kafka: made as `topics.py` declares them, or checked where they exist."""

from collections.abc import Iterable, Sequence
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import TopicAlreadyExistsError

from celstream_platform.errors import Invalid
from celstream_platform.eventlog.kafka_connection import REQUEST_SECONDS
from celstream_platform.topics import Topic

HOUR_MILLISECONDS = 3_600_000
NO_LIMIT = -1  # Kafka's retention for ever
CHECKED = ("cleanup.policy", "retention.ms")


def partitions_of(admin: KafkaAdminClient, names: Sequence[str]) -> dict[str, int]:
    """Name -> number of partitions, of those of the topics that exist."""
    described = admin.describe_topics(list(names)) if names else []
    return {found["name"]: len(found["partitions"]) for found in described if found["error_code"] == 0}


def ensure(admin: KafkaAdminClient, topics: Iterable[Topic]) -> dict[str, int]:
    """Make what is missing, check what exists; the number of partitions of each. Raises Invalid, KafkaError."""
    wanted = {topic.name: topic for topic in topics}
    existing = partitions_of(admin, list(wanted))
    missing = {name: _creation(topic) for name, topic in wanted.items() if name not in existing}
    if missing:
        for name, creation in missing.items():
            try:
                admin.create_topics({name: creation})
            except TopicAlreadyExistsError:
                continue  # another worker was faster; it is checked below
        admin.wait_for_topics(list(missing), timeout_ms=int(REQUEST_SECONDS * 1000))
        existing = partitions_of(admin, list(wanted))
    for name, topic in wanted.items():
        if existing[name] != topic.partitions:
            raise Invalid(
                f"{name}: exists with {existing[name]} partitions, expected {topic.partitions}."
                " Keep to the number it has, or use a new event log."
            )
    _check_settings(admin, [topic for name, topic in wanted.items() if name not in missing])
    return existing


def _creation(topic: Topic) -> dict[str, Any]:
    if topic.compacted:
        kept = {"cleanup.policy": "compact"}
    else:
        kept = {"cleanup.policy": "delete", "retention.ms": str(topic.retention_hours * HOUR_MILLISECONDS)}
    return {"num_partitions": topic.partitions, "replication_factor": -1, "configs": kept}


def _check_settings(admin: KafkaAdminClient, topics: list[Topic]) -> None:
    """A topic that forgets earlier than declared loses data; one that keeps longer does no harm."""
    if not topics:
        return
    asked = [ConfigResource(ConfigResourceType.TOPIC, topic.name, dict.fromkeys(CHECKED)) for topic in topics]
    found = admin.describe_configs(asked, config_filter="all")["topic"]
    for topic in topics:
        policy = found[topic.name]["cleanup.policy"]["value"]
        expected = "compact" if topic.compacted else "delete"
        if policy != expected:
            raise Invalid(f"{topic.name}: cleanup.policy={policy}, expected {expected}. Alter the topic's setting.")
        kept = int(found[topic.name]["retention.ms"]["value"])
        least = topic.retention_hours * HOUR_MILLISECONDS
        if not topic.compacted and kept != NO_LIMIT and kept < least:
            raise Invalid(f"{topic.name}: retention.ms={kept}, expected at least {least}. Alter the topic's setting.")
