"""Who gets which partition: evenly, with as few moves as can be, and never one that its worker has events of in hand.

Kafka's own assignors know nothing of the work: a film that has been worked on for half an hour would move to the
worker that just joined, and begin again there. Here each member says what it has in hand, and keeps that. Where that
leaves the shares uneven, the leader tells whoever has too many, who asks for another round once it has less in hand.
Who is busy for long keeps its other partitions too, and what waits there would wait: an idle member that sees it
(kafka_lookout.py) asks for these, and gets them from whoever is busy with another one.

Cooperative (KIP-429): what moves is given up in one round and handed on in the next.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from kafka.coordinator.assignors.abstract import AbstractPartitionAssignor, RebalanceProtocol
from kafka.protocol.consumer.metadata import ConsumerProtocolAssignment, ConsumerProtocolSubscription

from celstream_platform.eventlog.kafka_records import place

ASKS = "asks "  # before a topic's name; no topic's name holds a space, so that members of before see no topic of theirs
VERSION = 1  # of the protocol's subscription: the first with the partitions that a member owns


def shares(
    partitions: Collection[Any],
    owned: Mapping[str, Collection[Any]],
    busy: Mapping[str, Collection[Any]],
    asked: Mapping[str, Collection[Any]] | None = None,
) -> tuple[dict[str, list[Any]], dict[str, int]]:
    """What each member shall have in the end, and how many each would have were nothing in hand.

    partitions: all of the group. owned, busy: by member; what is busy stays where it is. asked: partitions in which
    events wait, by members that have nothing in hand: they get these beside their share.
    """
    members = sorted(owned, key=lambda member: (-len(owned[member]), member))
    base, extra = divmod(len(partitions), len(members))
    fair = {member: base + (index < extra) for index, member in enumerate(members)}
    target = {member: sorted(set(busy[member]) & set(partitions)) for member in members}
    taken = {partition for kept in target.values() for partition in kept}
    given = _given(members, set(partitions) - taken, owned, busy, asked or {})
    taken |= {partition for got in given.values() for partition in got}
    for member in members:
        keep = [p for p in sorted(owned[member]) if p in set(partitions) and p not in taken]
        keep = keep[: max(0, fair[member] - len(target[member]))]
        target[member] += given[member] + keep
        taken |= set(keep)
    for partition in sorted(set(partitions) - taken):
        poorest = min(members, key=lambda member: (len(target[member]) - fair[member], member))
        target[poorest].append(partition)
    return target, fair


def _given(
    members: Collection[str],
    free: Collection[Any],
    owned: Mapping[str, Collection[Any]],
    busy: Mapping[str, Collection[Any]],
    asked: Mapping[str, Collection[Any]],
) -> dict[str, list[Any]]:
    """What those who ask get, of what is in nobody's hand: not what another one has who is as idle."""
    idle = [member for member in members if not busy[member]]
    given: dict[str, list[Any]] = {member: [] for member in members}
    for partition in sorted(set(free) & {p for member in idle for p in asked.get(member, ())}):
        who = [member for member in idle if partition in owned[member]] or [
            m for m in idle if partition in asked.get(m, ())
        ]
        given[min(who, key=lambda member: (len(given[member]), member))].append(partition)
    return given


class KeepWhatIsInHand(AbstractPartitionAssignor):  # type: ignore[misc]
    """One member's assignor. owned, busy: its partitions, and those with events in hand; asked from any thread."""

    name = "celstream-in-hand"

    def __init__(self, owned: Callable[[], Collection[Any]], busy: Callable[[], Collection[Any]]) -> None:
        self._owned = owned
        self._busy = busy
        self._asked: frozenset[Any] = frozenset()
        self._asks = 0
        self.fair_share = 0

    def ask(self, partitions: Collection[Any]) -> None:
        """From the next round on ask for these, while nothing is in hand; none: no more.

        The number of the question goes along: a broker answers a member that joins with what it said before by what it
        has, without a round.
        """
        self._asked = frozenset(partitions)
        self._asks += 1

    def supported_protocols(self) -> list[Any]:
        """Cooperative only."""
        return [RebalanceProtocol.COOPERATIVE]

    def metadata(self, topics: Iterable[str]) -> Any:
        """What this member tells the leader."""
        owns = ConsumerProtocolSubscription.TopicPartition
        busy = self._busy()
        asked = {} if busy or not self._asked else {"": [self._asks], **_by_topic(self._asked)}
        claims = {**_by_topic(busy), **{ASKS + topic: numbers for topic, numbers in asked.items()}}
        return ConsumerProtocolSubscription(
            version=VERSION,
            topics=sorted(topics),
            user_data=json.dumps(claims).encode(),
            owned_partitions=[owns(topic=topic, partitions=ps) for topic, ps in _by_topic(self._owned()).items()],
        )

    def assign(self, cluster: Any, members: Any) -> dict[str, Any]:
        """As the leader: what every member gets in this round."""
        owned: dict[str, set[Any]] = {}
        busy: dict[str, set[Any]] = {}
        asked: dict[str, set[Any]] = {}
        topics: set[str] = set()
        for member in members:
            told = member.metadata
            topics |= set(told.topics)
            owned[member.member_id] = {
                place(has.topic, p) for has in told.owned_partitions or () for p in has.partitions
            }
            claims = json.loads(told.user_data or b"{}")
            said = [(topic, p) for topic, ps in claims.items() for p in ps]
            busy[member.member_id] = {place(topic, p) for topic, p in said if not topic.startswith(ASKS)}
            asks = {place(topic.removeprefix(ASKS), p) for topic, p in said if topic.startswith(ASKS)}
            if asks:
                asked[member.member_id] = asks
        partitions = {place(topic, p) for topic in topics for p in cluster.partitions_for_topic(topic) or ()}
        target, fair = shares(partitions, owned, busy, asked)
        owner = {partition: member for member, has in owned.items() for partition in has}
        return {
            member: ConsumerProtocolAssignment(
                VERSION,
                sorted(_by_topic(p for p in wanted if owner.get(p, member) == member).items()),
                json.dumps({"fair": fair[member]}).encode(),
            )
            for member, wanted in target.items()
        }

    def on_assignment(self, assignment: Any, generation: int) -> None:
        """Remember what would be fair."""
        self.fair_share = json.loads(assignment.user_data or b"{}").get("fair", 0)


def _by_topic(partitions: Iterable[Any]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for topic, partition in sorted(partitions):
        found[topic].append(partition)
    return found
