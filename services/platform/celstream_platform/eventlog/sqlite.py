"""The event log in one SQLite file, for one machine: no more of Kafka than the port needs.

An offset is the event's place in the order of publication over all topics, so offsets of a partition have gaps, as
Kafka's have. The partitions are `KEY_BUCKETS` key buckets whatever a topic declares for a broker.
"""

import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from celstream_platform import metrics
from celstream_platform.errors import Invalid, NotFound, Unavailable
from celstream_platform.eventlog import sqlite_compaction as compaction
from celstream_platform.eventlog.liveness import Process, now_seconds, process
from celstream_platform.eventlog.port import TopicPartition
from celstream_platform.eventlog.sqlite_database import Database
from celstream_platform.eventlog.sqlite_leases import bucket_of
from celstream_platform.eventlog.sqlite_reader import SqliteReader
from celstream_platform.eventlog.sqlite_session import SqliteSession
from celstream_platform.events import Event
from celstream_platform.topics import Topic

LEASE_SECONDS = 15.0  # a silent worker loses its leases then; a dead one of this machine loses them at once
BEATS_PER_LEASE = 5
RETENTION_SECONDS = 600.0  # how often events past their retention are looked for


class SqliteEventLog:
    """Topics in one file.

    supervisor_pid: the process that restarts workers. Where a worker dies and its supervisor lives on, the events it
    had in hand count one failed attempt; where both are gone somebody ended the whole tree, and nothing is counted.
    0: no supervisor; every death counts.
    """

    def __init__(self, path: Path, *, supervisor_pid: int = 0, lease_seconds: float = LEASE_SECONDS) -> None:
        self._path = path
        self._lease_seconds = lease_seconds
        self._supervisor = process(supervisor_pid) if supervisor_pid else Process("", 0, "")
        self._me = process(os.getpid())
        self._database = Database(path)
        self._topics: dict[str, int] = {}
        self._sessions: set[SqliteSession] = set()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._heart: threading.Thread | None = None

    def ensure_topics(self, topics: Iterable[Topic]) -> None:
        """See the port."""

        def transaction(connection: sqlite3.Connection) -> None:
            for topic in topics:
                row = connection.execute("SELECT partitions FROM topics WHERE name = ?", (topic.name,)).fetchone()
                if row is None:
                    connection.execute(
                        "INSERT INTO topics (name, partitions, compacted, retention_hours) VALUES (?, ?, ?, ?)",
                        (topic.name, topic.partitions, topic.compacted, topic.retention_hours),
                    )
                elif row[0] != topic.partitions:
                    raise Invalid(
                        f"{topic.name}: exists with {row[0]} partitions, expected {topic.partitions}."
                        " Keep to the number it has, or use a new event log."
                    )

        topics = list(topics)
        self._database.write(transaction)

    def topics(self) -> list[str]:
        """See the port."""
        rows = self._database.read(lambda c: c.execute("SELECT name FROM topics ORDER BY name").fetchall())
        return [name for (name,) in rows]

    def publish(self, events: Sequence[Event]) -> None:
        """See the port."""
        if events:
            with metrics.EVENTLOG_SECONDS.labels("publish").time():
                self._database.write(lambda connection: self._append(connection, events))

    def session(self, group: str, topics: Sequence[str], member: str) -> SqliteSession:
        """See the port."""
        database = Database(self._path)
        try:
            session = SqliteSession(
                database,
                group=group,
                member=member,
                topics=database.read(lambda connection: self._ids(connection, topics)),
                me=self._me,
                supervisor=self._supervisor,
                lease_seconds=self._lease_seconds,
                append=self._append,
                on_close=self._sessions.discard,
            )
        except BaseException:
            database.close()
            raise
        with self._lock:
            self._sessions.add(session)
            if self._heart is None:
                heart = Database(self._path)
                self._heart = threading.Thread(
                    target=self._beat, args=(heart,), name="event-log-heartbeat", daemon=True
                )
                self._heart.start()
        return session

    def reader(self, topics: Sequence[str], positions: Mapping[TopicPartition, int]) -> SqliteReader:
        """See the port."""
        database = Database(self._path)
        try:
            return SqliteReader(database, database.read(lambda connection: self._ids(connection, topics)), positions)
        except BaseException:
            database.close()
            raise

    def positions(self, group: str, topics: Sequence[str]) -> dict[TopicPartition, int]:
        """See the port."""

        def query(connection: sqlite3.Connection) -> dict[TopicPartition, int]:
            return {
                (name, bucket): position
                for name, topic in self._ids(connection, topics).items()
                for bucket, position in connection.execute(
                    "SELECT bucket, next_sequence FROM cursors"
                    " WHERE consumer_group = ? AND topic = ? AND next_sequence > 0",
                    (group, topic),
                )
            }

        return self._database.read(query)

    def lag(self, group: str, topics: Sequence[str]) -> int:
        """See the port."""

        def query(connection: sqlite3.Connection) -> int:
            total = 0
            for topic in self._ids(connection, topics).values():
                waiting = connection.execute(
                    "SELECT sum((SELECT count(*) FROM events e WHERE e.topic = c.topic AND e.bucket = c.bucket"
                    " AND e.sequence >= c.next_sequence)) FROM cursors c WHERE c.consumer_group = ? AND c.topic = ?",
                    (group, topic),
                ).fetchone()[0]
                if waiting is None:  # the group was never here: all is waiting
                    waiting = connection.execute("SELECT count(*) FROM events WHERE topic = ?", (topic,)).fetchone()[0]
                total += waiting
            return total

        return self._database.read(query)

    def compact(self) -> int:
        """Drop what compaction and retention allow; the number of events dropped. Raises Unavailable."""
        return self._database.write(lambda connection: compaction.compact(connection) + compaction.expire(connection))

    def close(self) -> None:
        """See the port."""
        self._closing.set()
        if self._heart is not None:
            self._heart.join()
        for session in list(self._sessions):
            session.close()
        self._database.close()

    def _append(self, connection: sqlite3.Connection, events: Sequence[Event]) -> None:
        ids = self._ids(connection, {event.topic for event in events})
        now = time.time()
        connection.executemany(
            "INSERT INTO events (topic, bucket, published_seconds, key, headers, value) VALUES (?, ?, ?, ?, ?, ?)",
            (
                (
                    ids[e.topic],
                    bucket_of(e.key),
                    now,
                    e.key,
                    json.dumps(dict(e.headers), separators=(",", ":")),
                    e.value,
                )
                for e in events
            ),
        )

    def _ids(self, connection: sqlite3.Connection, names: Iterable[str]) -> dict[str, int]:
        found = {}
        for name in names:
            if name not in self._topics:
                row = connection.execute("SELECT id FROM topics WHERE name = ?", (name,)).fetchone()
                if row is None:
                    raise NotFound(f"{name}: no such topic in {self._path}. Create it with ensure_topics.")
                self._topics[name] = row[0]
            found[name] = self._topics[name]
        return found

    def _beat(self, database: Database) -> None:
        """Show that this process lives, and clean up now and then; on a connection and a thread of its own."""
        clean_up = now_seconds() + RETENTION_SECONDS
        while not self._closing.wait(self._lease_seconds / BEATS_PER_LEASE):
            ids = [(now_seconds(), session.id) for session in list(self._sessions)]
            try:
                database.write(
                    lambda c, ids=ids: c.executemany("UPDATE sessions SET seen_seconds = ? WHERE id = ?", ids),  # type: ignore[misc]
                    durable=False,
                )
                if now_seconds() > clean_up:
                    clean_up = now_seconds() + RETENTION_SECONDS
                    database.write(compaction.expire)
            except Unavailable:
                continue  # the next beat tries again; whoever works meets the same error and reports it
        database.close()
