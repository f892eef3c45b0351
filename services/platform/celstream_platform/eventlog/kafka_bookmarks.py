"""What a group remembers of a partition, beside its position: who has what in hand, and what failed how often.

Kafka keeps a text with every committed position. Ours says who holds events from the position on, so that whoever
inherits the partition of a dead worker knows what that one had in hand; and which offsets failed how often. It is
written before events are handed out, and with every commit, in the transaction.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass, field

from celstream_platform.eventlog.liveness import Process, is_gone, machine

MOST_RANGES = 100  # a broker takes 4,096 bytes; a range takes at most 30


@dataclass(frozen=True, slots=True)
class Holder:
    """A session that has events in hand. client: its client id, unique, by which the group knows it."""

    client: str
    process: Process
    supervisor: Process

    def is_to_blame(self, alive: Collection[str]) -> bool:
        """Whether it died with events in hand, on its own. alive: client ids of the group's members.

        A process of this machine is looked up; of another, the group knows whether it is still there. Where its
        supervisor is gone too, somebody ended the whole tree.
        """
        if self.process.machine != machine():
            return self.client not in alive
        return is_gone(self.process) and (self.supervisor.pid == 0 or not is_gone(self.supervisor))


@dataclass(slots=True)
class Failures:
    """How often offsets failed: ranges [first, last] with a count, because a dead worker's hand fails as one."""

    ranges: list[tuple[int, int, int]] = field(default_factory=list)

    def count(self, offset: int) -> int:
        """How often an offset failed."""
        if not self.ranges:
            return 0
        return sum(times for first, last, times in self.ranges if first <= offset <= last)

    def add(self, first: int, last: int) -> None:
        """One more failure of all offsets from `first` to `last`."""
        for index, (start, end, times) in enumerate(self.ranges):
            if (start, end) == (first, last):
                self.ranges[index] = (start, end, times + 1)
                return
        self.ranges = [*self.ranges, (first, last, 1)][-MOST_RANGES:]

    def forget(self, position: int) -> None:
        """Offsets below `position` are done."""
        self.ranges = [(max(first, position), last, times) for first, last, times in self.ranges if last >= position]


@dataclass(slots=True)
class Bookmark:
    """holder, handed_until: the holder has [the position, handed_until) in hand."""

    failures: Failures = field(default_factory=Failures)
    holder: Holder | None = None
    handed_until: int = 0

    def inherit(self, position: int, client: str, alive: Collection[str]) -> Failures:
        """The failures as the next holder, `client`, has to see them."""
        holder = self.holder
        if (
            holder is not None
            and holder.client != client
            and self.handed_until > position
            and holder.is_to_blame(alive)
        ):
            self.failures.add(position, self.handed_until - 1)
        return self.failures


def encode(bookmark: Bookmark) -> str:
    """A bookmark as the text of a committed position; empty where there is nothing to remember."""
    content: dict[str, object] = {}
    if bookmark.failures.ranges:
        content["failures"] = bookmark.failures.ranges
    if bookmark.holder is not None:
        process, supervisor = bookmark.holder.process, bookmark.holder.supervisor
        content["until"] = bookmark.handed_until
        content["client"] = bookmark.holder.client
        content["process"] = [process.machine, process.pid, process.started]
        content["supervisor"] = [supervisor.machine, supervisor.pid, supervisor.started]
    return json.dumps(content, separators=(",", ":")) if content else ""


def decode(text: str | None) -> Bookmark:
    """Read the text of a committed position; one that another program wrote says nothing to us."""
    try:
        content = json.loads(text or "{}")
        failures = Failures([(first, last, times) for first, last, times in content.get("failures", ())])
        if "client" not in content:
            return Bookmark(failures)
        holder = Holder(content["client"], Process(*content["process"]), Process(*content["supervisor"]))
        return Bookmark(failures, holder, content["until"])
    except (ValueError, TypeError, KeyError, AttributeError):
        return Bookmark()
