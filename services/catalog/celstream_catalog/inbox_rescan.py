"""Rescan of an inbox: finds what a lost notification missed, and is all there is for a folder, which tells nothing.

`celstream.inbox` is compacted by the object's name, so it holds what the bucket has told of each object last. What lies
in the inbox and was not told of is told now, in the bucket's own words; from there on it goes the same way (inbox.py).
A change of tags leaves no trace in a listing: the tags of some files are asked for at each look, in turn, and a file
that was taken in with others is told of again.
"""

import time
from bisect import bisect_right

from celstream_platform import logs
from celstream_platform.errors import Invalid, NotFound, Overloaded, Unavailable
from celstream_platform.eventlog.port import EventLog, TopicPartition
from celstream_platform.events import Event
from celstream_platform.inbox import Inbox, Offered
from celstream_platform.inbox.notices import digest_of, notice, parse, parse_seen
from celstream_platform.shutdown import Shutdown
from celstream_platform.topics import INBOX

log = logs.logger(__name__)
BATCH = 500
ASKED_AT_ONCE = 500  # files whose tags are asked for at one look: one or two seconds of requests


class Rescan:
    """Compares an inbox with what was told of it, which it keeps in memory: some 400 bytes for each file."""

    def __init__(self, inbox: Inbox, event_log: EventLog) -> None:
        self._inbox, self._log = inbox, event_log
        self._told: set[tuple[str, str]] = set()
        self._tags: dict[tuple[str, str], str] = {}  # digest of those that a file was taken in with, or told of again
        self._asked = ""  # path of the last file whose tags were asked for
        self._positions: dict[TopicPartition, int] = {}

    def run(self, shutdown: Shutdown, *, every_seconds: float, settle_seconds: float) -> None:
        """Look now and every so often, until the process shall end."""
        while not shutdown.requested():
            try:
                self._log.ensure_topics([INBOX])
                found = self.look(settle_seconds)
                if found:
                    log.info("found what was not told of", files=found)
            except (Unavailable, Overloaded) as error:
                log.warning("no rescan of the inbox", error=str(error))
            shutdown.wait(every_seconds)

    def look(self, settle_seconds: float) -> int:
        """Tell of what was not told of; the number of files. Raises Unavailable, Overloaded.

        settle_seconds: what is younger is left for the next time. In a folder it may be half written still, in a bucket
        its notification may be on its way.
        """
        youngest = time.time() - settle_seconds
        lying = [offered for offered in self._inbox.listed() if offered.modified_seconds <= youngest]
        self._catch_up()
        missed = [notice(offered) for offered in lying if _name(offered) not in self._told]
        if self._inbox.knows_tags:
            missed += [notice(offered) for offered in self._tagged_anew(lying)]
        for start in range(0, len(missed), BATCH):
            self._log.publish(missed[start : start + BATCH])
        return len(missed)

    def _tagged_anew(self, lying: list[Offered]) -> list[Offered]:
        """Those of the next files in turn that have other tags than they were taken in with."""
        known = sorted((o for o in lying if _name(o) in self._tags), key=lambda offered: offered.path)
        begin = bisect_right(known, self._asked, key=lambda offered: offered.path)
        turn = [*known[begin:], *known[:begin]][:ASKED_AT_ONCE]
        anew = []
        for offered in turn:
            self._asked = offered.path
            try:
                tags = digest_of(self._inbox.tags(offered))
            except NotFound:
                continue  # it went meanwhile
            if tags != self._tags[_name(offered)]:
                self._tags[_name(offered)] = tags  # told of once, however long it waits to be looked at
                anew.append(offered)
        return anew

    def _catch_up(self) -> None:
        """Read what was told since the last time."""
        reader = self._log.reader([INBOX.name], self._positions)
        try:
            while not reader.at_end():
                for delivery in reader.poll(BATCH, 1.0):
                    self._told.update(_names(delivery.event))
                    if noted := parse_seen(delivery.event):
                        self._tags[noted[:2]] = noted[2]
                    self._positions[delivery.event.topic, delivery.partition] = delivery.offset + 1
        finally:
            reader.close()


def _names(event: Event) -> list[tuple[str, str]]:
    try:
        return [_name(offered) for offered in parse(event)]
    except Invalid:
        return []  # the intake says what is wrong with it


def _name(offered: Offered) -> tuple[str, str]:
    """What tells one content of an object from another."""
    return offered.path, offered.etag
