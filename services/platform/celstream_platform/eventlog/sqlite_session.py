"""A worker's place in a consumer group of the SQLite event log."""

import sqlite3
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from celstream_platform import metrics
from celstream_platform.errors import Fenced, Unavailable
from celstream_platform.eventlog import sqlite_leases as leases
from celstream_platform.eventlog.liveness import Process, now_seconds
from celstream_platform.eventlog.sqlite_database import Database
from celstream_platform.eventlog.sqlite_watch import Watch
from celstream_platform.events import Delivery, Event

Bucket = tuple[int, int]  # topic's id, key bucket
BURIAL_SECONDS = 0.25  # how often dead members are looked for


class SqliteSession:
    """One member of a group. Order of a commit: positions (which fences), events, COMMIT; then the hand is emptied."""

    def __init__(
        self,
        database: Database,
        *,
        group: str,
        member: str,
        topics: dict[str, int],
        me: Process,
        supervisor: Process,
        lease_seconds: float,
        append: Callable[[sqlite3.Connection, Sequence[Event]], None],
        on_close: Callable[["SqliteSession"], None],
    ) -> None:
        self._database = database
        self._group = group
        self._member = member
        self._topics = topics
        self._names = {id_: name for name, id_ in topics.items()}
        self._me = me
        self._supervisor = supervisor
        self._lease_seconds = lease_seconds
        self._append = append
        self._on_close = on_close
        self._watch = Watch(database)
        self._in_hand: dict[Bucket, list[Delivery]] = {}
        self._paused: dict[Bucket, float] = {}
        self._alone = False
        self._closed = False
        self._next_burial_seconds = 0.0
        self._void = False
        self._id = 0
        self._id = self._join(replace=True)

    @property
    def id(self) -> int:
        """The session's id in the file; the heartbeat names it."""
        return self._id

    def poll(self, max_events: int, timeout_seconds: float) -> list[Delivery]:
        """See the port."""
        return self._watch.wait_for(lambda: self._take(max_events), timeout_seconds) or []

    def commit(self, consumed: Sequence[Delivery], events: Sequence[Event]) -> None:
        """See the port."""
        done = self._group_by_bucket(consumed)
        rest = {}
        for bucket, deliveries in done.items():
            hand = self._in_hand.get(bucket, [])
            if hand[: len(deliveries)] != deliveries:
                raise ValueError(
                    f"{self._names[bucket[0]]}: consumed is not a prefix of what is in hand. Poll it first."
                )
            rest[bucket] = hand[len(deliveries) :]

        def transaction(connection: sqlite3.Connection) -> None:
            for bucket, deliveries in done.items():
                until = deliveries[-1].offset + 1
                held = leases.advance(
                    connection, self._group, self._id, *bucket, done_until=until, more_in_hand=bool(rest[bucket])
                )
                if not held:
                    raise Fenced(f"{self._group}: another worker holds {self._names[bucket[0]]} {bucket[1]} by now.")
                if self._alone:
                    leases.forget_failures(connection, self._group, *bucket, until)
            self._append(connection, events)

        try:
            with metrics.EVENTLOG_SECONDS.labels("commit").time():
                self._database.write(transaction)
        except Fenced:
            self._in_hand.clear()
            self._alone = False
            self._void = True  # the next poll comes back under a new id: nothing of the past can be committed then
            raise
        self._replace_hand(rest)

    def release(self, deliveries: Sequence[Delivery], *, failed: bool = False, pause_seconds: float = 0.0) -> None:
        """See the port."""
        back = {b: ds for b, ds in self._group_by_bucket(deliveries).items() if ds[0] in self._in_hand.get(b, [])}
        rest = {b: [d for d in self._in_hand[b] if d.offset < ds[0].offset] for b, ds in back.items()}

        def transaction(connection: sqlite3.Connection) -> None:
            for bucket, given in back.items():
                held = leases.give_back(
                    connection,
                    self._group,
                    self._id,
                    *bucket,
                    start=given[0].offset,
                    more_in_hand=bool(rest[bucket]),
                )
                for delivery in given if held and failed else ():
                    leases.count_failure(connection, self._group, *bucket, delivery.offset)

        if back:
            self._database.write(transaction, durable=False)
            self._replace_hand(rest)
            self._paused.update(dict.fromkeys(back, now_seconds() + pause_seconds))

    def close(self) -> None:
        """See the port."""
        if self._closed:
            return
        self._closed = True
        try:
            self._database.write(lambda connection: leases.leave(connection, self._id), durable=False)
        finally:
            self._in_hand.clear()
            self._on_close(self)
            self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except Unavailable:
            if kind is None:  # else the first error says more; the lease ends with this process in any case
                raise

    def _join(self, *, replace: bool) -> int:
        def transaction(connection: sqlite3.Connection) -> int:
            leases.leave(connection, self._id)
            if replace:
                leases.replace(connection, self._group, self._member)
            return leases.join(
                connection, self._group, self._member, list(self._topics.values()), self._me, self._supervisor
            )

        return self._database.write(transaction, durable=False)

    def _take(self, max_events: int) -> list[Delivery]:
        """The next events, without waiting; looks first, so that an idle worker never takes a turn at writing."""
        if self._alone or max_events < 1:
            return []
        if not self._in_hand and not self._database.read(self._is_member):
            self._id = self._join(replace=False)
            self._void = False
        self._bury_the_dead()
        if not self._database.read(self._candidates):
            return []
        with metrics.EVENTLOG_SECONDS.labels("poll").time():
            taken = self._database.write(lambda connection: self._lease(connection, max_events), durable=False)
        for delivery in taken:
            self._in_hand.setdefault((self._topics[delivery.event.topic], delivery.partition), []).append(delivery)
        self._alone = any(delivery.attempt > 1 for delivery in taken)
        return taken

    def _is_member(self, connection: sqlite3.Connection) -> bool:
        return not self._void and leases.is_member(connection, self._id)

    def _candidates(self, connection: sqlite3.Connection) -> list[leases.Candidate]:
        """Buckets to take events from, the longest waiting first."""
        now = now_seconds()
        self._paused = {bucket: until for bucket, until in self._paused.items() if until > now}
        found = [
            candidate
            for topic in self._topics.values()
            for candidate in leases.candidates(connection, self._group, topic, self._id)
            if (candidate.topic, candidate.bucket) not in self._paused
        ]
        return sorted(found, key=lambda candidate: candidate.first)

    def _bury_the_dead(self) -> None:
        """Free the leases of sessions that are dead; looked for now and then, also while there is enough to do."""
        if now_seconds() < self._next_burial_seconds:
            return
        self._next_burial_seconds = now_seconds() + BURIAL_SECONDS

        def dead(connection: sqlite3.Connection) -> list[leases.Holder]:
            found = leases.holders(connection, self._group)
            return [holder for holder in found if holder.id != self._id and holder.is_dead(self._lease_seconds)]

        def transaction(connection: sqlite3.Connection) -> None:
            for holder in dead(connection):
                leases.bury(connection, holder)

        if self._database.read(dead):
            self._database.write(transaction, durable=False)

    def _lease(self, connection: sqlite3.Connection, max_events: int) -> list[Delivery]:
        """Take what was a suspect before alone, else as many as are wanted."""
        if not leases.is_member(connection, self._id):
            return []  # taken for dead: what is in hand is void, which its commit will say
        suspects = leases.suspects(connection, self._group)
        candidates = self._candidates(connection)
        for candidate in candidates if not self._in_hand else ():
            sequence, failures = suspects.get((candidate.topic, candidate.bucket), (0, 0))
            if candidate.first == sequence:
                return self._hand_out(connection, candidate, limit=1, before=None, attempt=failures + 1)
        taken: list[Delivery] = []
        for candidate in candidates:
            if len(taken) >= max_events:
                break
            before = suspects.get((candidate.topic, candidate.bucket), (None, 0))[0]
            taken += self._hand_out(connection, candidate, limit=max_events - len(taken), before=before, attempt=1)
        return taken

    def _hand_out(
        self,
        connection: sqlite3.Connection,
        candidate: leases.Candidate,
        *,
        limit: int,
        before: int | None,
        attempt: int,
    ) -> list[Delivery]:
        name = self._names[candidate.topic]
        return leases.hand_out(
            connection, self._group, self._id, candidate, name, limit=limit, before=before, attempt=attempt
        )

    def _group_by_bucket(self, deliveries: Sequence[Delivery]) -> dict[Bucket, list[Delivery]]:
        grouped: dict[Bucket, list[Delivery]] = {}
        for delivery in deliveries:
            grouped.setdefault((self._topics[delivery.event.topic], delivery.partition), []).append(delivery)
        for ordered in grouped.values():
            ordered.sort(key=lambda delivery: delivery.offset)
        return grouped

    def _replace_hand(self, rest: dict[Bucket, list[Delivery]]) -> None:
        for bucket, deliveries in rest.items():
            if deliveries:
                self._in_hand[bucket] = deliveries
            else:
                del self._in_hand[bucket]
        self._alone = self._alone and bool(self._in_hand)
