"""A worker's membership in a group on Kafka: its consumer, what it fetches, and the bookmarks it writes.

One thread at a time may call it (the session sees to that); Kafka's client tells of changes of the assignment from a
thread of its own, but only while one of ours waits in `pump`.
"""

import os
import secrets
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from kafka import ConsumerRebalanceListener, KafkaConsumer
from kafka import errors as kafka_errors
from kafka.structs import MemberState, OffsetAndMetadata

from celstream_platform.errors import Fenced, Unavailable
from celstream_platform.eventlog.kafka_assignor import KeepWhatIsInHand
from celstream_platform.eventlog.kafka_bookmarks import Bookmark, Failures, Holder, decode, encode
from celstream_platform.eventlog.kafka_connection import REQUEST_SECONDS, Connection, make, speaking
from celstream_platform.eventlog.kafka_hand import Hand
from celstream_platform.eventlog.kafka_records import place, to_delivery
from celstream_platform.eventlog.kafka_transactions import GroupMoved
from celstream_platform.eventlog.liveness import Process, now_seconds, process

MOST_WAITING = 1_000  # events fetched and not handed out; past it nothing more is fetched
MOST_AT_ONCE = 500
IDLE_SECONDS = 0.1  # the longest wait without a partition to fetch from; the group may change
JOIN_SECONDS = 1.0  # the longest single wait for the other members
MOVED = (
    kafka_errors.CommitFailedError,
    kafka_errors.RebalanceInProgressError,
    kafka_errors.IllegalGenerationError,
    kafka_errors.UnknownMemberIdError,
)


class Membership(ConsumerRebalanceListener):  # type: ignore[misc]
    """A static member of a group, from the first pump on; `hand` is kept in step with its assignment."""

    def __init__(
        self,
        connection: Connection,
        group: str,
        instance: str,
        topics: Iterable[str],
        hand: Hand,
        supervisor: Process,
        alive: Callable[[], Collection[str]],
    ) -> None:
        self._connection = connection
        self._hand = hand
        self._alive = alive
        self._client = f"{instance}.{secrets.token_hex(8)}"
        self._me = Holder(self._client, process(os.getpid()), supervisor)
        self._gained: set[Any] = set()
        self._fetched: list[tuple[Any, list[Any]]] = []
        self._too_many = False
        with speaking(connection, "joining a group"):
            self._assignor = KeepWhatIsInHand(lambda: self._consumer.assignment(), lambda: hand.busy)
            settings = connection.member(group, instance, self._client)
            self._consumer: Any = make(KafkaConsumer, {"partition_assignment_strategy": [self._assignor], **settings})
        self._coordinator = self._consumer._coordinator  # the public interface does not tell whether it is joining
        self._consumer.subscribe(topics=list(topics), listener=self)

    def on_partitions_assigned(self, assigned: Collection[Any]) -> None:
        """Called by the client."""
        self._gained |= set(assigned)

    def on_partitions_revoked(self, revoked: Collection[Any]) -> None:
        """Called by the client; also where they were lost."""
        self._gained -= set(revoked)
        self._hand.lose(list(revoked))

    def pump(self, seconds: float) -> None:
        """Take part in the group and fetch, for at most about `seconds`; returns once something came.

        While the group is changing it may take up to `JOIN_SECONDS`. Raises Fenced where another session has this
        member's name by now, Unavailable.
        """
        with speaking(self._connection, "polling"):
            try:
                if self.is_joining() and not self._join():
                    return
                self._hold_back()
                fetching = self._consumer.assignment() - self._consumer.paused()
                milliseconds = int(seconds * 1000) if fetching else 0
                records = self._consumer.poll(timeout_ms=milliseconds, max_records=MOST_AT_ONCE)
                if not fetching:  # the client would ask its other thread fifty times a second whether something came
                    time.sleep(min(seconds, IDLE_SECONDS))
            except kafka_errors.FencedInstanceIdError as error:
                raise Fenced(f"{self._connection}: another session has the name {self._client} by now.") from error
            self._fetched += records.items()
            self._inherit()
        for partition, found in self._fetched:
            if partition in self._hand.places:
                self._hand.receive(partition, [(record.timestamp, to_delivery(record)) for record in found])
        self._fetched.clear()
        self._share_again()

    def is_joining(self) -> bool:
        """Whether it has to join, or waits for the others to."""
        return bool(self._consumer.group_metadata().state == MemberState.REBALANCING or self._coordinator.need_rejoin())

    def metadata(self) -> Any:
        """What the transaction names the group's state by; None while the group is changing, or without us."""
        found = self._consumer.group_metadata()
        # Generation -1 is what a member has that was put out, and the broker would take offsets sent with it.
        return found if found.state == MemberState.STABLE and found.generation_id >= 0 else None

    def bookmark(self, failures: Failures, handed_until: int) -> str:
        """The text for a position; handed_until: 0 where nothing is in hand."""
        return encode(Bookmark(failures, self._me if handed_until else None, handed_until))

    def commit(self, positions: Mapping[Any, tuple[int, str]]) -> None:
        """Write positions and bookmarks outside a transaction. Raises GroupMoved, Fenced, Unavailable."""
        offsets = {partition: OffsetAndMetadata(offset, text, -1) for partition, (offset, text) in positions.items()}
        with speaking(self._connection, "writing a bookmark"):
            try:
                self._consumer.commit(offsets, timeout_ms=int(REQUEST_SECONDS * 1000))
            except kafka_errors.FencedInstanceIdError as error:
                raise Fenced(f"{self._connection}: another session has the name {self._client} by now.") from error
            except MOVED as error:
                raise GroupMoved(str(error)) from error

    def passed(self) -> dict[Any, int]:
        """Where the reading stands in partitions with nothing waiting or in hand: past markers of transactions."""
        places = self._hand.places
        idle = [tp for tp in self._consumer.assignment() if tp in places and places[tp].next_offset() is None]
        found = {}
        with speaking(self._connection, "asking for a position"):
            for partition in idle:
                position = self._consumer.position(partition, timeout_ms=0)
                if position is not None and position > max(0, places[partition].position):
                    found[partition] = position
        return found

    def waiting_elsewhere(self) -> dict[Any, int]:
        """Partitions of others with events that nobody has in hand, and their positions; none where nobody is busy."""
        found, busy = {}, False
        with speaking(self._connection, "looking at the group's work"):
            topics = {topic: self._consumer.partitions_for_topic(topic) for topic in self._consumer.subscription()}
            all_of_them = [place(topic, number) for topic, numbers in topics.items() for number in numbers or ()]
            milliseconds = int(REQUEST_SECONDS * 1000)
            marks = self._coordinator.fetch_committed_offsets(all_of_them, timeout_ms=milliseconds)
            ends = self._consumer.end_offsets(all_of_them, timeout_ms=milliseconds)
        for partition, end in ends.items():
            mark = marks.get(partition)
            position = max(0, mark.offset) if mark else 0
            in_hand = mark is not None and decode(mark.metadata).holder is not None
            busy |= in_hand
            if end > position and not in_hand and partition not in self._hand.places:
                found[partition] = position
        return found if busy else {}

    def ask(self, partitions: Collection[Any]) -> None:
        """Ask for partitions of others, in a round of the group; see `KeepWhatIsInHand.ask`."""
        self._assignor.ask(partitions)
        if partitions and self.metadata() is not None:
            self._coordinator.request_rejoin()

    def identity(self) -> Any:
        """Kafka's names of this member, which fence whoever leaves in its place."""
        return self._consumer.group_metadata()

    def close(self) -> None:
        """Close the consumer. A static member stays in the group until its session times out, or it is removed."""
        try:
            self._consumer.close(autocommit=False, timeout_ms=int(REQUEST_SECONDS * 1000))
        except (kafka_errors.KafkaError, OSError) as error:
            raise Unavailable(f"{self._connection}: leaving a group failed ({error}).") from error

    def _join(self) -> bool:
        """Join, or go on waiting for it; whether it is done.

        kafka-python 3.0 throws a join away that ends while nobody waits for it, and forgets one that new metadata of a
        topic had caused. So it is waited for here without a gap, and never by the many short polls that follow.
        """
        if self._consumer.group_metadata().state == MemberState.REBALANCING:
            self._coordinator.request_rejoin()
        return bool(self._coordinator.poll(timeout_ms=int(JOIN_SECONDS * 1000)))

    def _hold_back(self) -> None:
        """Fetch nothing of what is paused, nor more than is sensible."""
        assigned = self._consumer.assignment()
        full = self._hand.waiting() >= MOST_WAITING
        now = now_seconds()
        places = self._hand.places
        stop = {tp for tp in assigned if full or (tp in places and places[tp].paused_until > now)}
        paused = self._consumer.paused()
        self._consumer.pause(*(stop - paused))
        self._consumer.resume(*((paused - stop) & assigned))

    def _inherit(self) -> None:
        """Read the bookmarks of partitions that are new to us."""
        if not self._gained:
            return
        # One request for all partitions; the public `committed` asks for one at a time.
        found = self._coordinator.fetch_committed_offsets(list(self._gained), timeout_ms=int(REQUEST_SECONDS * 1000))
        alive: Collection[str] | None = None
        for partition in self._gained:
            if partition not in found:
                self._hand.gain(partition, -1, Failures())
                continue
            position, bookmark = found[partition].offset, decode(found[partition].metadata)
            if bookmark.holder is not None and alive is None:
                alive = self._alive()
            self._hand.gain(partition, position, bookmark.inherit(position, self._client, alive or ()))
        self._gained.clear()

    def _share_again(self) -> None:
        """Ask for another round where work in hand kept more partitions here than is fair, and is done by now."""
        fair, assigned = self._assignor.fair_share, len(self._consumer.assignment())
        if fair and assigned > fair and len(self._hand.busy) <= fair:
            if self._too_many and self.metadata() is not None:
                self._coordinator.request_rejoin()
            self._too_many = False
        elif fair and assigned > fair:
            self._too_many = True
