"""Who gets which partition: evenly, with as few moves as can be, and never one that its worker has events of in hand.

Kafka's own assignors know nothing of the work: a film that has been worked on for half an hour would move to the
worker that just joined, and begin again there. Here each member says what it has in hand, and keeps that. Where that
leaves the shares uneven, the leader tells whoever has too many, who asks for another round once it has less in hand.

Cooperative (KIP-429): what moves is given up in one round and handed on in the next.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from kafka.coordinator.assignors.abstract import AbstractPartitionAssignor, RebalanceProtocol
from kafka.protocol.consumer.metadata import ConsumerProtocolAssignment, ConsumerProtocolSubscription

from celstream_platform.eventlog.kafka_records import place

VERSION = 1  # of the protocol's subscription: the first with the partitions that a member owns


def shares(
    partitions: Collection[Any], owned: Mapping[str, Collection[Any]], busy: Mapping[str, Collection[Any]]
) -> tuple[dict[str, list[Any]], dict[str, int]]:
    """What each member shall have in the end, and how many each would have were nothing in hand.

    partitions: all of the group. owned, busy: by member; what is busy stays where it is.
    """
    members = sorted(owned, key=lambda member: (-len(owned[member]), member))
    base, extra = divmod(len(partitions), len(members))
    fair = {member: base + (index < extra) for index, member in enumerate(members)}
    target = {member: sorted(set(busy[member]) & set(partitions)) for member in members}
    taken = {partition for kept in target.values() for partition in kept}
    for member in members:
        keep = [p for p in sorted(owned[member]) if p in set(partitions) and p not in taken]
        keep = keep[: max(0, fair[member] - len(target[member]))]
        target[member] += keep
        taken |= set(keep)
    for partition in sorted(set(partitions) - taken):
        poorest = min(members, key=lambda member: (len(target[member]) - fair[member], member))
        target[poorest].append(partition)
    return target, fair


class KeepWhatIsInHand(AbstractPartitionAssignor):  # type: ignore[misc]
    """One member's assignor. owned, busy: its partitions, and those with events in hand; asked from any thread."""

    name = "celstream-in-hand"

    def __init__(self, owned: Callable[[], Collection[Any]], busy: Callable[[], Collection[Any]]) -> None:
        self._owned = owned
        self._busy = busy
        self.fair_share = 0

    def supported_protocols(self) -> list[Any]:
        """Cooperative only."""
        return [RebalanceProtocol.COOPERATIVE]

    def metadata(self, topics: Iterable[str]) -> Any:
        """What this member tells the leader."""
        owns = ConsumerProtocolSubscription.TopicPartition
        return ConsumerProtocolSubscription(
            version=VERSION,
            topics=sorted(topics),
            user_data=json.dumps(_by_topic(self._busy())).encode(),
            owned_partitions=[owns(topic=topic, partitions=ps) for topic, ps in _by_topic(self._owned()).items()],
        )

    def assign(self, cluster: Any, members: Any) -> dict[str, Any]:
        """As the leader: what every member gets in this round."""
        owned: dict[str, set[Any]] = {}
        busy: dict[str, set[Any]] = {}
        topics: set[str] = set()
        for member in members:
            told = member.metadata
            topics |= set(told.topics)
            owned[member.member_id] = {
                place(has.topic, p) for has in told.owned_partitions or () for p in has.partitions
            }
            claims = json.loads(told.user_data or b"{}")
            busy[member.member_id] = {place(topic, p) for topic, ps in claims.items() for p in ps}
        partitions = {place(topic, p) for topic in topics for p in cluster.partitions_for_topic(topic) or ()}
        target, fair = shares(partitions, owned, busy)
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
