"""Rescan of an inbox: finds what a lost notification missed, and is all there is for a folder, which tells nothing.

`celstream.inbox` is compacted by the object's name, so it holds what the bucket has told of each object last. What lies
in the inbox and was not told of is told now, in the bucket's own words; from there on it goes the same way (inbox.py).
Tags that were changed while notifications were lost are not found: they leave no trace in a listing.
"""

import time

from celstream_platform import logs
from celstream_platform.errors import Invalid, Overloaded, Unavailable
from celstream_platform.eventlog.port import EventLog, TopicPartition
from celstream_platform.events import Event
from celstream_platform.inbox import Inbox, Offered
from celstream_platform.inbox.notices import notice, parse
from celstream_platform.shutdown import Shutdown
from celstream_platform.topics import INBOX

log = logs.logger(__name__)
BATCH = 500


class Rescan:
    """Compares an inbox with what was told of it, which it keeps in memory: some 200 bytes for each file."""

    def __init__(self, inbox: Inbox, event_log: EventLog) -> None:
        self._inbox, self._log = inbox, event_log
        self._told: set[tuple[str, str]] = set()
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
        for start in range(0, len(missed), BATCH):
            self._log.publish(missed[start : start + BATCH])
        return len(missed)

    def _catch_up(self) -> None:
        """Read what was told since the last time."""
        reader = self._log.reader([INBOX.name], self._positions)
        try:
            while not reader.at_end():
                for delivery in reader.poll(BATCH, 1.0):
                    self._told.update(_names(delivery.event))
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
