"""Reading the SQLite event log without a group, in the order of publication over all topics."""

import json
import sqlite3
from collections.abc import Mapping

from celstream_platform.eventlog.port import TopicPartition
from celstream_platform.eventlog.sqlite_database import Database
from celstream_platform.eventlog.sqlite_leases import KEY_BUCKETS
from celstream_platform.eventlog.sqlite_watch import Watch
from celstream_platform.events import Delivery, Event

QUERY = (
    "SELECT sequence, topic, bucket, key, headers, value FROM events WHERE sequence >= ?"
    " AND topic IN (SELECT value FROM json_each(?)) ORDER BY sequence LIMIT ?"
)


class SqliteReader:
    """Follows topics. What it has read lies below one sequence; positions matter until they are caught up with."""

    def __init__(self, database: Database, topics: dict[str, int], positions: Mapping[TopicPartition, int]) -> None:
        self._database = database
        self._watch = Watch(database)
        self._names = {id_: name for name, id_ in topics.items()}
        self._positions = {
            (topics[topic], bucket): offset for (topic, bucket), offset in positions.items() if topic in topics
        }
        self._ids = json.dumps(list(self._names))
        self._floor = database.read(self._first_waiting)

    def poll(self, max_events: int, timeout_seconds: float) -> list[Delivery]:
        """See the port."""
        return self._watch.wait_for(lambda: self._take(max_events), timeout_seconds) or []

    def at_end(self) -> bool:
        """See the port."""
        while True:
            waiting, floor = self._database.read(lambda connection: self._next(connection, 1))
            if waiting:
                return False
            if floor == self._floor:
                return True
            self._floor = floor

    def close(self) -> None:
        """See the port."""
        self._database.close()

    def _take(self, max_events: int) -> list[Delivery]:
        """The next events, without waiting."""
        while True:
            deliveries, floor = self._database.read(lambda connection: self._next(connection, max_events))
            moved, self._floor = floor != self._floor, floor
            if deliveries or not moved:
                return deliveries

    def _next(self, connection: sqlite3.Connection, max_events: int) -> tuple[list[Delivery], int]:
        """Up to `max_events` events from the floor on, less those below the caller's positions; and the floor after."""
        last = connection.execute("SELECT max(sequence) FROM events").fetchone()[0] or 0
        rows = connection.execute(QUERY, (self._floor, self._ids, max_events)).fetchall()
        deliveries = [
            Delivery(Event(self._names[topic], key, value, json.loads(headers)), bucket, sequence)
            for sequence, topic, bucket, key, headers, value in rows
            if sequence >= self._positions.get((topic, bucket), 0)
        ]
        return deliveries, rows[-1][0] + 1 if len(rows) == max_events else max(last + 1, self._floor)

    def _first_waiting(self, connection: sqlite3.Connection) -> int:
        """The lowest sequence that the caller has not seen; past the end where there is none."""
        floor = (connection.execute("SELECT max(sequence) FROM events").fetchone()[0] or 0) + 1
        for topic in self._names:
            for bucket in range(KEY_BUCKETS):
                first = connection.execute(
                    "SELECT min(sequence) FROM events WHERE topic = ? AND bucket = ? AND sequence >= ?",
                    (topic, bucket, self._positions.get((topic, bucket), 0)),
                ).fetchone()[0]
                floor = min(floor, first) if first is not None else floor
        return int(floor)
