"""The segmenter's consumer group: footage waiting in partitions, who owns these, who has what in hand.

Who gets which partition is decided by the product's own assignor. Footage is published one by one, outside
transactions, so its topic holds no markers: one footage is one offset.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from celstream_platform.eventlog.kafka_assignor import shares


@dataclass(slots=True, eq=False)
class Footage:
    """One footage on its way. chapters: of a minute of film; chapter_seconds: one processor's time for each of them.

    overhead_seconds: to fetch it, open it, and commit what came of it. Times in seconds, None before they are known.
    """

    arrived: float
    partition: int
    chapters: int
    chapter_seconds: float
    overhead_seconds: float
    done: int = 0
    taken: float | None = None
    finished: float | None = None


@dataclass(slots=True, eq=False)
class Partition:
    """waiting: not in hand of anybody."""

    waiting: deque[Footage] = field(default_factory=deque)
    in_hand: Footage | None = None


class Group:
    """Partitions and members."""

    def __init__(self, partitions: int) -> None:
        self.partitions = [Partition() for _ in range(partitions)]
        self.owned: dict[int, set[int]] = {}
        self._fair: dict[int, int] = {}

    def arrive(self, footage: Footage) -> None:
        """Footage was offered."""
        self.partitions[footage.partition].waiting.append(footage)

    def footage_left(self) -> int:
        """How many are not finished."""
        return sum(self.lags())

    def lags(self) -> list[int]:
        """Of each partition: what is in hand counts until it is committed."""
        return [len(one.waiting) + (one.in_hand is not None) for one in self.partitions]

    def share(self, members: Sequence[int], asked: Sequence[int] = ()) -> None:
        """The group has settled with these members. asked: partitions for which all ask that have nothing in hand."""
        if not members:
            self.owned, self._fair = {}, {}
            return
        owned = {member: self.owned.get(member, set()) for member in members}
        busy = {member: {p for p in has if self.partitions[p].in_hand} for member, has in owned.items()}
        asking = {member: set(asked) for member in members if asked and not busy[member]}
        target, fair = shares(range(len(self.partitions)), _named(owned), _named(busy), _named(asking))
        self.owned = {member: set(target[_name(member)]) for member in members}
        self._fair = {member: fair[_name(member)] for member in members}

    def waiting(self) -> dict[int, Footage]:
        """The partitions with footage that waits while nothing of theirs is in hand, and what is next there."""
        found = enumerate(self.partitions)
        return {number: one.waiting[0] for number, one in found if one.waiting and one.in_hand is None}

    def leave(self, member: int) -> None:
        """A member is gone; its partitions wait for the next settlement."""
        self.owned.pop(member, None)
        self._fair.pop(member, None)

    def has_too_many(self, member: int) -> bool:
        """Whether it asks for another settlement, now that it has less in hand."""
        return len(self.owned.get(member, ())) > self._fair.get(member, len(self.partitions))

    def take(self, member: int) -> Footage | None:
        """The longest waiting footage of a member's partitions; what was given back comes first."""
        places = [self.partitions[p] for p in sorted(self.owned.get(member, ()))]
        ready = [one for one in places if one.waiting and one.in_hand is None]
        if not ready:
            return None
        place = min(ready, key=lambda one: (one.waiting[0].taken is None, one.waiting[0].arrived))
        place.in_hand = place.waiting.popleft()
        return place.in_hand

    def finish(self, footage: Footage) -> None:
        """It is committed."""
        place = self.partitions[footage.partition]
        assert place.in_hand is footage
        place.in_hand = None

    def give_back(self, footage: Footage) -> None:
        """It waits again."""
        place = self.partitions[footage.partition]
        assert place.in_hand is footage
        place.in_hand = None
        place.waiting.appendleft(footage)


def _name(member: int) -> str:
    return f"{member:09}"


def _named(by_member: dict[int, set[int]]) -> dict[str, set[int]]:
    return {_name(member): partitions for member, partitions in by_member.items()}
