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

        What was polled and neither committed nor released is not handed out again by this session. An event that failed
        before (`Delivery.attempt` > 1) comes alone: in a list of one, while nothing else is in hand, and nothing else
        comes until it is committed or released; so it can take nobody with it. An empty list after `timeout_seconds`
        without events. Raises Unavailable where the log cannot be reached.
        """

    def commit(self, consumed: Sequence[Delivery], events: Sequence[Event]) -> None:
        """In one transaction: publish `events` and mark `consumed` as done, for this group.

        Both happen or neither. Per partition `consumed` is a prefix of what is in hand. Raises Fenced where another
        worker holds a partition by now, or where the end of the transaction is unknown: nothing may be assumed then,
        the deliveries in hand are void, and the next poll begins at the committed positions. Raises Unavailable where
        nothing happened and the deliveries are still in hand: the same commit may be tried again.
        Raises ValueError where `consumed` is not in hand.
        """

    def release(self, deliveries: Sequence[Delivery], *, failed: bool = False, pause_seconds: float = 0.0) -> None:
        """Give deliveries back: they, and all later ones of their partitions, are polled again.

        failed: count it as a failed attempt of each of `deliveries` (not of the later ones). The count outlives the
        process. pause_seconds: this session takes nothing of their partitions for so long, others may.
        Deliveries that are void by now are passed over.
        """

    def close(self) -> None:
        """Give all back, uncounted, and leave the group."""

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
    """Topics of events. Safe for use from several threads; not over a fork: open it in the child."""

    def ensure_topics(self, topics: Iterable[Topic]) -> None:
        """Create what is missing. Raises Invalid where a topic exists with other partitions."""

    def topics(self) -> list[str]:
        """Names of the topics that exist, sorted."""

    def publish(self, events: Sequence[Event]) -> None:
        """Append events, all or none, outside any consumption. Raises Unavailable; NotFound for an unknown topic."""

    def session(self, group: str, topics: Sequence[str], member: str) -> Session:
        """Join a group. A group that is new begins with the oldest event.

        member: a name that is unique in the group and stays over a restart; a session that still has it is fenced.
        Raises NotFound for an unknown topic.
        """

    def reader(self, topics: Sequence[str], positions: Mapping[TopicPartition, int]) -> Reader:
        """Read without a group; `positions` gives the next offset per (topic, partition), 0 where absent."""

    def positions(self, group: str, topics: Sequence[str]) -> dict[TopicPartition, int]:
        """The next offset per (topic, partition) that the group has to consume; absent where it consumed nothing."""

    def lag(self, group: str, topics: Sequence[str]) -> int:
        """How many committed events the group has not consumed yet."""

    def close(self) -> None:
        """Let go of files and connections."""
