"""The event log on Kafka, for a cluster.

Publications and commits are transactions; readers see what is committed. Groups have static members: a worker that
comes back under its name finds its partitions. What a group remembers beside positions is in `kafka_bookmarks.py`.
"""

import re
import secrets
import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.admin import MemberToRemove

from celstream_platform import metrics
from celstream_platform.errors import NotFound
from celstream_platform.eventlog import kafka_offsets as offsets
from celstream_platform.eventlog import kafka_topics
from celstream_platform.eventlog.kafka_connection import REQUEST_SECONDS, Connection, make, parse, speaking
from celstream_platform.eventlog.kafka_knock import knock
from celstream_platform.eventlog.kafka_reader import KafkaReader
from celstream_platform.eventlog.kafka_records import place, to_record
from celstream_platform.eventlog.kafka_session import KafkaSession
from celstream_platform.eventlog.kafka_transactions import Transactions
from celstream_platform.eventlog.liveness import Process, process
from celstream_platform.eventlog.port import TopicPartition
from celstream_platform.events import Event
from celstream_platform.topics import Topic

INTERNAL = "__"  # Kafka's own topics begin so
COUNT_SECONDS = 60.0


class KafkaEventLog:
    """Topics on a cluster. supervisor_pid: see `SqliteEventLog`. Raises Invalid, Unavailable."""

    def __init__(self, url: str, *, supervisor_pid: int = 0) -> None:
        self._connection: Connection = parse(url)
        self._supervisor = process(supervisor_pid) if supervisor_pid else Process("", 0, "")
        self._lock = threading.RLock()  # Kafka's clients are for one thread at a time
        self._partitions: dict[str, int] = {}
        self._consumers: dict[str, Any] = {}
        self._producer: Any = None
        self._transactions = Transactions(self._connection, f"celstream.publish/{secrets.token_hex(16)}")
        self._sessions: set[KafkaSession] = set()
        with speaking(self._connection, "connecting"):
            knock(self._connection)
            self._connection.tell_of_certificates()
            self._admin: Any = make(KafkaAdminClient, self._connection.admin())

    def ensure_topics(self, topics: Iterable[Topic]) -> None:
        """See the port. Raises Invalid as well where a topic forgets earlier than declared."""
        with self._lock, speaking(self._connection, "making topics"):
            self._partitions |= kafka_topics.ensure(self._admin, topics)

    def topics(self) -> list[str]:
        """See the port."""
        with self._lock, speaking(self._connection, "listing topics"):
            return sorted(name for name in self._admin.list_topics() if not name.startswith(INTERNAL))

    def publish(self, events: Sequence[Event]) -> None:
        """See the port. One event alone needs no transaction. After Unavailable it may have happened all the same."""
        if not events:
            return
        with self._lock, metrics.EVENTLOG_SECONDS.labels("publish").time():
            self._know({event.topic for event in events})
            if len(events) > 1:
                self._transactions.run(events, {}, None)
                return
            with speaking(self._connection, "publishing"):
                if self._producer is None:
                    self._producer = make(KafkaProducer, self._connection.producer())
                self._producer.send(**to_record(events[0])).get(timeout=2 * REQUEST_SECONDS)

    def session(self, group: str, topics: Sequence[str], member: str) -> KafkaSession:
        """See the port."""
        self._know(topics)
        session = KafkaSession(
            self._connection,
            group,
            instance_name(member),
            topics,
            self._supervisor,
            know=self._know,
            alive=self._clients_of,
            leave=self._remove,
            on_close=self._sessions.discard,
        )
        self._sessions.add(session)
        return session

    def reader(self, topics: Sequence[str], positions: Mapping[TopicPartition, int]) -> KafkaReader:
        """See the port."""
        return KafkaReader(self._connection, self._know(topics), positions, self._ends)

    def positions(self, group: str, topics: Sequence[str]) -> dict[TopicPartition, int]:
        """See the port."""
        found = self._committed(group, self._places(topics))
        return {(partition.topic, partition.partition): at for partition, at in found.items() if at > 0}

    def lag(self, group: str, topics: Sequence[str]) -> int:
        """See the port. Where thousands are waiting, markers of transactions count as well."""
        places = self._places(topics)
        ends = self._ends(places)
        committed = self._committed(group, places)
        with self._lock, speaking(self._connection, "counting"):
            missing = [partition for partition in places if partition not in committed]
            begin = committed | (offsets.beginnings(self._admin, missing) if missing else {})
            if all(begin[partition] >= ends[partition] for partition in places):
                return 0
            return offsets.count(self._consumer(""), begin, ends, COUNT_SECONDS)

    def close(self) -> None:
        """See the port."""
        for session in list(self._sessions):
            session.close()
        with self._lock, speaking(self._connection, "closing"):
            self._transactions.close()
            if self._producer is not None:
                self._producer.close(timeout=REQUEST_SECONDS)
            for consumer in self._consumers.values():
                consumer.close(autocommit=False)
            self._admin.close()

    def _know(self, names: Collection[str]) -> dict[str, int]:
        """Topic -> number of partitions. Raises NotFound."""
        with self._lock:
            unknown = [name for name in names if name not in self._partitions]
            if unknown:
                with speaking(self._connection, "looking for topics"):
                    self._partitions |= kafka_topics.partitions_of(self._admin, unknown)
            for name in unknown:
                if name not in self._partitions:
                    raise NotFound(f"{name}: no such topic in {self._connection}. Create it with ensure_topics.")
            return {name: self._partitions[name] for name in names}

    def _places(self, topics: Sequence[str]) -> list[Any]:
        return [place(topic, number) for topic, many in self._know(topics).items() for number in range(many)]

    def _ends(self, places: Iterable[Any]) -> dict[Any, int]:
        with self._lock, speaking(self._connection, "asking for the ends"):
            return offsets.ends(self._admin, places)

    def _committed(self, group: str, places: Iterable[Any]) -> dict[Any, int]:
        with self._lock, speaking(self._connection, "asking for positions"):
            return offsets.committed(self._consumer(group), places, REQUEST_SECONDS)

    def _consumer(self, group: str) -> Any:
        """A consumer that only asks: for a group's positions, or, without one, for events to count."""
        if group not in self._consumers:
            self._consumers[group] = make(KafkaConsumer, {"group_id": group or None, **self._connection.reader()})
        return self._consumers[group]

    def _clients_of(self, group: str) -> set[str]:
        """Client ids of a group's members."""
        with self._lock, speaking(self._connection, "looking at a group"):
            members = self._admin.describe_groups([group])[group]["members"]
            return {member["client_id"] for member in members}

    def _remove(self, group: str, identity: Any) -> None:
        """Take a member out of its group: a static one does not leave by itself. One that was replaced stays in."""
        who = MemberToRemove(member_id=identity.member_id, group_instance_id=identity.group_instance_id)
        with self._lock, speaking(self._connection, "leaving a group"):
            self._admin.remove_group_members(group, [who])


def instance_name(member: str) -> str:
    """A member's name in the letters that Kafka takes; different names stay different."""
    return re.sub(r"[^A-Za-z0-9.-]", lambda found: f"_{ord(found[0]):x}_", member)[:249]
