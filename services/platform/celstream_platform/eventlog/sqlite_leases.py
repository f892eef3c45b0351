"""Leases in the SQLite event log: which session holds which key bucket, and what happens when it dies.

A key always falls into the same bucket, and a bucket is held by one session at a time, so one key's events stay in
order. A lease lasts as long as something is in hand: it is taken at poll, for buckets that have events waiting, and
ends with the commit. So an input never waits behind another worker's long work, short of a shared bucket.

All functions here run inside a transaction of the caller.
"""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

from celstream_platform.eventlog.liveness import Process, is_gone, now_seconds
from celstream_platform.events import Delivery, Event

KEY_BUCKETS = 256  # two of ten films share a bucket in 16 % of runs; looking through all takes 0.2 ms


def bucket_of(key: str) -> int:
    """The bucket of a key: stable over processes and versions."""
    return crc32(key.encode()) % KEY_BUCKETS


@dataclass(frozen=True, slots=True)
class Candidate:
    """A bucket with events that a session could take. first: the first sequence waiting. held: by this session."""

    topic: int
    bucket: int
    first: int
    held: bool


@dataclass(frozen=True, slots=True)
class Holder:
    """A session as others see it."""

    id: int
    member: str
    process: Process
    supervisor: Process
    seen_seconds: float

    def is_dead(self, lease_seconds: float) -> bool:
        """Whether its leases are free for others."""
        return is_gone(self.process) or now_seconds() - self.seen_seconds > lease_seconds

    def is_to_blame(self) -> bool:
        """Whether its death may have been the work of what it had in hand.

        Not where its process lives (it was replaced), nor where its supervisor is gone too: then somebody ended it all.
        """
        if not is_gone(self.process):
            return False
        return self.supervisor.pid == 0 or not is_gone(self.supervisor)


def replace(connection: sqlite3.Connection, group: str, member: str) -> None:
    """Whoever was this member loses its place."""
    for holder in holders(connection, group):
        if holder.member == member:
            bury(connection, holder)


def join(
    connection: sqlite3.Connection, group: str, member: str, topics: Sequence[int], me: Process, supervisor: Process
) -> int:
    """Enter a group. Returns the session's id, which is never reused."""
    cursor = connection.execute(
        "INSERT INTO sessions (consumer_group, member, seen_seconds, machine, pid, started, supervisor_pid,"
        " supervisor_started) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (group, member, now_seconds(), me.machine, me.pid, me.started, supervisor.pid, supervisor.started),
    )
    connection.executemany(
        "INSERT OR IGNORE INTO cursors VALUES (?, ?, ?, 0, NULL, 0)",
        ((group, topic, bucket) for topic in topics for bucket in range(KEY_BUCKETS)),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def holders(connection: sqlite3.Connection, group: str) -> list[Holder]:
    """The group's sessions."""
    rows = connection.execute(
        "SELECT id, member, machine, pid, started, supervisor_pid, supervisor_started, seen_seconds FROM sessions"
        " WHERE consumer_group = ?",
        (group,),
    )
    return [
        Holder(id_, member, Process(machine, pid, started), Process(machine, boss, boss_started), seen)
        for id_, member, machine, pid, started, boss, boss_started, seen in rows
    ]


def is_member(connection: sqlite3.Connection, session: int) -> bool:
    """Whether a session is still in its group; it is not once others took it for dead, or for replaced."""
    return connection.execute("SELECT 1 FROM sessions WHERE id = ?", (session,)).fetchone() is not None


def bury(connection: sqlite3.Connection, holder: Holder) -> None:
    """Free what a dead or replaced session holds; count a failed attempt of what it had in hand, if it is to blame."""
    if holder.is_to_blame():
        connection.execute(
            "INSERT INTO failures SELECT c.consumer_group, c.topic, c.bucket, e.sequence, 1 FROM cursors c"
            " JOIN events e ON e.topic = c.topic AND e.bucket = c.bucket AND e.sequence >= c.next_sequence"
            " AND e.sequence < c.handed_until WHERE c.holder = ?"
            " ON CONFLICT DO UPDATE SET count = count + 1",
            (holder.id,),
        )
    leave(connection, holder.id)


def leave(connection: sqlite3.Connection, session: int) -> None:
    """Free what a session holds, uncounted, and forget it."""
    connection.execute("UPDATE cursors SET holder = NULL, handed_until = next_sequence WHERE holder = ?", (session,))
    connection.execute("DELETE FROM sessions WHERE id = ?", (session,))


def candidates(connection: sqlite3.Connection, group: str, topic: int, me: int) -> list[Candidate]:
    """Buckets with events waiting that are free or held by `me`."""
    rows = connection.execute(
        "SELECT c.bucket, c.holder IS NOT NULL, (SELECT min(e.sequence) FROM events e WHERE e.topic = c.topic"
        " AND e.bucket = c.bucket AND e.sequence >= c.handed_until) AS first FROM cursors c"
        " WHERE c.consumer_group = ? AND c.topic = ? AND (c.holder IS NULL OR c.holder = ?) AND first IS NOT NULL",
        (group, topic, me),
    )
    return [Candidate(topic, bucket, first, bool(held)) for bucket, held, first in rows]


def suspects(connection: sqlite3.Connection, group: str) -> dict[tuple[int, int], tuple[int, int]]:
    """(topic, bucket) -> (sequence, failures) of the first event there that failed before and is still to be done."""
    found: dict[tuple[int, int], tuple[int, int]] = {}
    for topic, bucket, sequence, count in connection.execute(
        "SELECT f.topic, f.bucket, f.sequence, f.count FROM failures f JOIN events e ON e.sequence = f.sequence"
        " JOIN cursors c ON c.consumer_group = f.consumer_group AND c.topic = f.topic AND c.bucket = f.bucket"
        " AND c.next_sequence <= f.sequence WHERE f.consumer_group = ? ORDER BY f.sequence",
        (group,),
    ):
        found.setdefault((topic, bucket), (sequence, count))
    return found


def hand_out(
    connection: sqlite3.Connection,
    group: str,
    me: int,
    candidate: Candidate,
    topic_name: str,
    *,
    limit: int,
    before: int | None,
    attempt: int,
) -> list[Delivery]:
    """Lease a bucket and read up to `limit` of its events, those below sequence `before` only."""
    rows = connection.execute(
        "SELECT sequence, key, headers, value FROM events WHERE topic = ? AND bucket = ? AND sequence >= ?"
        " AND sequence < ? ORDER BY sequence LIMIT ?",
        (candidate.topic, candidate.bucket, candidate.first, before or 2**62, limit),
    ).fetchall()
    if rows:
        connection.execute(
            "UPDATE cursors SET holder = ?, handed_until = ? WHERE consumer_group = ? AND topic = ? AND bucket = ?",
            (me, rows[-1][0] + 1, group, candidate.topic, candidate.bucket),
        )
    return [
        Delivery(Event(topic_name, key, value, json.loads(headers)), candidate.bucket, sequence, attempt)
        for sequence, key, headers, value in rows
    ]


def advance(
    connection: sqlite3.Connection, group: str, me: int, topic: int, bucket: int, *, done_until: int, more_in_hand: bool
) -> bool:
    """Move the group's position in a bucket; the lease ends where nothing more is in hand. False where it was lost."""
    moved = connection.execute(
        "UPDATE cursors SET next_sequence = ?1, holder = CASE WHEN ?2 THEN holder END,"
        " handed_until = CASE WHEN ?2 THEN handed_until ELSE ?1 END"
        " WHERE consumer_group = ?3 AND topic = ?4 AND bucket = ?5 AND holder = ?6",
        (done_until, more_in_hand, group, topic, bucket, me),
    )
    return moved.rowcount == 1


def give_back(
    connection: sqlite3.Connection, group: str, me: int, topic: int, bucket: int, *, start: int, more_in_hand: bool
) -> bool:
    """Give events from `start` on back; the lease ends where nothing more is in hand. False where it was lost."""
    moved = connection.execute(
        "UPDATE cursors SET holder = CASE WHEN ?2 THEN holder END,"
        " handed_until = CASE WHEN ?2 THEN ?1 ELSE next_sequence END"
        " WHERE consumer_group = ?3 AND topic = ?4 AND bucket = ?5 AND holder = ?6",
        (start, more_in_hand, group, topic, bucket, me),
    )
    return moved.rowcount == 1


def count_failure(connection: sqlite3.Connection, group: str, topic: int, bucket: int, sequence: int) -> None:
    """One more failed attempt of one event."""
    connection.execute(
        "INSERT INTO failures VALUES (?, ?, ?, ?, 1) ON CONFLICT DO UPDATE SET count = count + 1",
        (group, topic, bucket, sequence),
    )


def forget_failures(connection: sqlite3.Connection, group: str, topic: int, bucket: int, done_until: int) -> None:
    """Events below `done_until` are done; how often they failed matters no more."""
    connection.execute(
        "DELETE FROM failures WHERE consumer_group = ? AND topic = ? AND bucket = ? AND sequence < ?",
        (group, topic, bucket, done_until),
    )
