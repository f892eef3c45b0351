"""Reading Kafka without a group, from positions that the caller keeps."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from kafka import KafkaConsumer

from celstream_platform.eventlog.kafka_connection import Connection, make, speaking
from celstream_platform.eventlog.kafka_records import place, to_delivery
from celstream_platform.eventlog.port import TopicPartition
from celstream_platform.events import Delivery

SLICE_SECONDS = 0.05


class KafkaReader:
    """Follows topics; see the port."""

    def __init__(
        self,
        connection: Connection,
        topics: Mapping[str, int],
        positions: Mapping[TopicPartition, int],
        ends: Callable[[list[Any]], dict[Any, int]],
    ) -> None:
        self._connection = connection
        self._ends = ends
        self._partitions = [place(topic, number) for topic, many in topics.items() for number in range(many)]
        self._waiting: list[Delivery] = []
        with speaking(connection, "opening a reader"):
            self._consumer: Any = make(KafkaConsumer, connection.reader())
        self._consumer.assign(self._partitions)
        for partition in self._partitions:
            self._consumer.seek(partition, positions.get((partition.topic, partition.partition), 0))

    def poll(self, max_events: int, timeout_seconds: float) -> list[Delivery]:
        """See the port."""
        if not self._waiting:
            self._fetch(max_events, timeout_seconds)
        found, self._waiting = self._waiting[:max_events], self._waiting[max_events:]
        return found

    def at_end(self) -> bool:
        """See the port. What it finds by looking is handed out by the next poll."""
        ends = self._ends(self._partitions)
        while not self._waiting:
            with speaking(self._connection, "asking for a position"):
                behind = [p for p in self._partitions if (self._consumer.position(p) or 0) < ends[p]]
            if not behind:
                return True
            self._fetch(1, SLICE_SECONDS)
        return False

    def close(self) -> None:
        """See the port."""
        with speaking(self._connection, "closing a reader"):
            self._consumer.close(autocommit=False)

    def _fetch(self, max_events: int, timeout_seconds: float) -> None:
        deadline = time.monotonic() + timeout_seconds
        while not self._waiting:
            left = max(0.0, deadline - time.monotonic())
            with speaking(self._connection, "reading"):
                records = self._consumer.poll(timeout_ms=int(1000 * left), max_records=max(1, max_events))
            self._waiting += [to_delivery(record) for found in records.values() for record in found]
            if not self._waiting and time.monotonic() >= deadline:
                return
