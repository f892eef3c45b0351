"""One SQLite file: its tables, its transactions, and what its errors mean.

Write-ahead logging lets everybody read while one writes. Writers take turns: a transaction that finds the file taken
tries again after a jittered pause, because SQLite's own pauses grow to 100 ms and starve whoever waited longest.
"""

import random
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from celstream_platform.errors import Invalid, Unavailable

T = TypeVar("T")

APPLICATION_ID = 0x43454C31  # "CEL1": tells an event log from any other SQLite file
PATIENCE_SECONDS = 30.0  # a write waits so long for its turn; a healthy transaction takes milliseconds
READ_PATIENCE_MILLISECONDS = 10_000  # readers wait only while another process recovers or removes the journal
LONGEST_PAUSE_SECONDS = 0.004  # about the time of one durable commit
JOURNAL_BYTES = 64 * 1024 * 1024  # the journal is cut back to this size after a checkpoint

SCHEMA = (
    """
    CREATE TABLE topics (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, partitions INTEGER NOT NULL,
        compacted INTEGER NOT NULL, retention_hours INTEGER NOT NULL)
    """,
    """
    CREATE TABLE events (  -- `sequence`, the order of publication, is the offset; AUTOINCREMENT: never used twice
        sequence INTEGER PRIMARY KEY AUTOINCREMENT, topic INTEGER NOT NULL, bucket INTEGER NOT NULL,
        published_seconds REAL NOT NULL, key TEXT NOT NULL, headers TEXT NOT NULL, value BLOB NOT NULL)
    """,
    """
    CREATE INDEX events_by_bucket ON events (topic, bucket)
    """,
    """
    CREATE TABLE sessions (  -- AUTOINCREMENT: the id fences, so it must never come back
        id INTEGER PRIMARY KEY AUTOINCREMENT, consumer_group TEXT NOT NULL, member TEXT NOT NULL,
        seen_seconds REAL NOT NULL, machine TEXT NOT NULL, pid INTEGER NOT NULL, started TEXT NOT NULL,
        supervisor_pid INTEGER NOT NULL, supervisor_started TEXT NOT NULL)
    """,
    """
    CREATE TABLE cursors (  -- [next_sequence, handed_until) is in the hands of `holder`, a session's id
        consumer_group TEXT NOT NULL, topic INTEGER NOT NULL, bucket INTEGER NOT NULL,
        next_sequence INTEGER NOT NULL, holder INTEGER, handed_until INTEGER NOT NULL,
        PRIMARY KEY (consumer_group, topic, bucket)) WITHOUT ROWID
    """,
    """
    CREATE TABLE failures (  -- how often an event failed, or took its worker down with it
        consumer_group TEXT NOT NULL, topic INTEGER NOT NULL, bucket INTEGER NOT NULL, sequence INTEGER NOT NULL,
        count INTEGER NOT NULL, PRIMARY KEY (consumer_group, topic, bucket, sequence)) WITHOUT ROWID
    """,
)


class Database:
    """A connection to the file. One transaction at a time; threads wait for each other."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._durable = True
        self._version: object = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0)
        except (OSError, sqlite3.Error) as error:
            raise Unavailable(
                f"{path}: event log cannot be opened: {error}. Give a path that can be written."
            ) from error
        try:
            self._prepare()
        except BaseException:
            self._connection.close()
            raise

    def _prepare(self) -> None:
        self._pragma(f"busy_timeout = {READ_PATIENCE_MILLISECONDS}")
        if self._pragma("application_id") != APPLICATION_ID:
            self._pragma("journal_mode = WAL")
            self.write(self._create)
        for pragma in ("synchronous = FULL", f"journal_size_limit = {JOURNAL_BYTES}", "temp_store = MEMORY"):
            self._pragma(pragma)

    def _pragma(self, pragma: str) -> object:
        row = self._guard(lambda: self._connection.execute(f"PRAGMA {pragma}").fetchone())
        return row[0] if row else None

    def _create(self, connection: sqlite3.Connection) -> None:
        if connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID:
            return  # another process was faster
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise Invalid(f"{self.path}: a database of something else, expected an event log. Give another path.")
        for statement in SCHEMA:
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` on one snapshot. Raises Unavailable."""
        with self._lock:
            return self._guard(lambda: self._transaction("BEGIN", work))

    def write(self, work: Callable[[sqlite3.Connection], T], *, durable: bool = True) -> T:
        """Run `work` in a write transaction: all of it happens or nothing. It may run again, so it has no other effect.

        durable: survives a power cut; leases and heartbeats need not (and cost no fsync then); all survives a kill.
        Raises Unavailable where the file cannot be written or stays taken.
        """
        with self._lock:
            if durable != self._durable:
                self._connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
                self._durable = durable
            deadline = time.monotonic() + PATIENCE_SECONDS
            while True:
                try:
                    return self._guard(lambda: self._transaction("BEGIN IMMEDIATE", work))
                except _Taken:
                    if time.monotonic() > deadline:
                        raise Unavailable(
                            f"{self.path}: event log taken by another process for {PATIENCE_SECONDS:.0f} s."
                            " Look for a process that stopped in the middle of a write."
                        ) from None
                time.sleep(random.uniform(0, LONGEST_PAUSE_SECONDS))

    def changed(self) -> bool:
        """Whether another connection has written since the last call; costs microseconds."""
        with self._lock:
            before, self._version = self._version, self._pragma("data_version")
            return self._version != before

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._connection.close()

    def _transaction(self, begin: str, work: Callable[[sqlite3.Connection], T]) -> T:
        if begin == "BEGIN IMMEDIATE":
            self._connection.execute("PRAGMA busy_timeout = 0")
            try:
                self._connection.execute(begin)
            finally:
                self._connection.execute(f"PRAGMA busy_timeout = {READ_PATIENCE_MILLISECONDS}")
        else:
            self._connection.execute(begin)
        try:
            result = work(self._connection)
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:  # SQLite itself rolls back on a full disk
                self._connection.execute("ROLLBACK")
            raise
        return result

    def _guard(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except sqlite3.DatabaseError as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise _Taken(f"{self.path}: event log is taken by another process: {error}.") from error
            if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
                raise Invalid(f"{self.path}: not an event log: {error}. Give another path.") from error
            if code in _AWAY:
                raise Unavailable(
                    f"{self.path}: event log cannot be used: {error}. Check free space and permissions."
                ) from error
            raise


class _Taken(Unavailable):
    """Another process writes right now."""


_AWAY = frozenset(
    (
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_NOMEM,
    )
)
