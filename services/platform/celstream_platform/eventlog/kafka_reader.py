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
LOOK_EVENTS = 1000  # that a look at the end may bring along


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
        self._passed = {p: positions.get((p.topic, p.partition), 0) for p in self._partitions}  # at least so far
        with speaking(connection, "opening a reader"):
            self._consumer: Any = make(KafkaConsumer, connection.reader())
        self._consumer.assign(self._partitions)
        for partition in self._partitions:
            self._consumer.seek(partition, self._passed[partition])

    def poll(self, max_events: int, timeout_seconds: float) -> list[Delivery]:
        """See the port."""
        if not self._waiting:
            self._fetch(max_events, timeout_seconds)
        while len(self._waiting) < max_events and self._take(max_events - len(self._waiting), 0.0):
            continue  # what has arrived meanwhile: a caller's transaction costs the same for one event or for thousands
        found, self._waiting = self._waiting[:max_events], self._waiting[max_events:]
        return found

    def at_end(self) -> bool:
        """See the port. What it finds by looking is handed out by the next poll."""
        ends = self._ends(self._partitions)
        while not self._waiting:
            if not any(self._is_behind(partition, end) for partition, end in ends.items()):
                return True
            self._fetch(LOOK_EVENTS, SLICE_SECONDS)
        return False

    def _is_behind(self, partition: Any, end: int) -> bool:
        """Whether there is something before `end`. Markers of transactions are passed without a delivery.

        The client looks at all partitions whenever it is asked for one, so it is asked only where the end has moved.
        """
        if self._passed[partition] < end:
            with speaking(self._connection, "asking for a position"):
                self._passed[partition] = self._consumer.position(partition) or 0
        return bool(self._passed[partition] < end)

    def close(self) -> None:
        """See the port."""
        with speaking(self._connection, "closing a reader"):
            self._consumer.close(autocommit=False)

    def _fetch(self, max_events: int, timeout_seconds: float) -> None:
        """Wait for events, at most so long."""
        deadline = time.monotonic() + timeout_seconds
        while not self._take(max_events, max(0.0, deadline - time.monotonic())):
            if time.monotonic() >= deadline:
                return

    def _take(self, max_events: int, seconds: float) -> int:
        """Take what the client has, or gets in that time; how many events."""
        with speaking(self._connection, "reading"):
            records = self._consumer.poll(timeout_ms=int(1000 * seconds), max_records=max(1, max_events))
        taken = [to_delivery(record) for found in records.values() for record in found]
        self._waiting += taken
        return len(taken)
