"""The event log's port: publish, poll, commit, with what is consumed and what comes of it in one transaction.

Two implementations: `sqlite:///…` (one file) and `kafka://host:9092`; one contract suite runs against both.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Protocol, Self

from celstream_platform.events import Delivery, Event
from celstream_platform.topics import Topic

TopicPartition = tuple[str, int]


class Session(Protocol):
    """One worker's place in a consumer group. Not for use from several threads at once."""

    def poll(self, max_events: int, timeout_seconds: float) -> list[Delivery]:
        """Up to `max_events` next events of the partitions that this worker holds, in order per partition.

        What was polled and neither committed nor released is not handed out again by this session. An empty list after
        `timeout_seconds` without events. Raises Unavailable where the log cannot be reached.
        """

    def commit(self, consumed: Sequence[Delivery], events: Sequence[Event]) -> None:
        """In one transaction: publish `events` and mark `consumed` as done, for this group.

        Both happen or neither. Per partition `consumed` is a prefix of what is in hand. Raises Fenced where another
        worker holds a partition by now, or where the end of the transaction is unknown: nothing may be assumed then,
        the deliveries in hand are void, and the next poll begins at the committed positions.
        """

    def release(self, deliveries: Sequence[Delivery]) -> None:
        """Give deliveries back: they, and all later ones of their partitions, are polled again."""

    def close(self) -> None:
        """Give all back and leave the group."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Reader(Protocol):
    """Reads topics from positions that the caller keeps, for instance in its own database transaction."""

    def poll(self, max_events: int, timeout_seconds: float) -> list[Delivery]:
        """Up to `max_events` next committed events, in order per partition; empty after `timeout_seconds`."""

    def at_end(self) -> bool:
        """Whether everything that was committed when this is called has been polled."""

    def close(self) -> None:
        """Stop reading."""


class EventLog(Protocol):
    """Topics of events."""

    def ensure_topics(self, topics: Iterable[Topic]) -> None:
        """Create what is missing. Raises Invalid where a topic exists with other partitions."""

    def publish(self, events: Sequence[Event]) -> None:
        """Append events, all or none, outside any consumption. Raises Unavailable."""

    def session(self, group: str, topics: Sequence[str], member: str) -> Session:
        """Join a group. member: a name that is unique in the group and stays over a restart."""

    def reader(self, topics: Sequence[str], positions: Mapping[TopicPartition, int]) -> Reader:
        """Read without a group; `positions` gives the next offset per (topic, partition), 0 where absent."""

    def lag(self, group: str, topics: Sequence[str]) -> int:
        """How many committed events the group has not consumed yet."""

    def close(self) -> None:
        """Let go of files and connections."""
