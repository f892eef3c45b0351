"""Garbage collection of an artefact store: what no event names is removed, once it is old enough.

Order: take the time → mark what the events name → sweep what lies in the store, is not marked, and was stored before
that time less the grace. An artefact is stored before the event that names it, so the grace must be longer than a stage
takes from one to the other; what is stored again counts as stored now. Nothing is remembered between two runs: one that
was interrupted is gone on with by the next.
What was taken down is named by nothing any more (marks.py): its bytes go as all others, where nothing else names them.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from celstream_platform.artefacts.marks import mark
from celstream_platform.artefacts.port import ArtefactStore, Stored
from celstream_platform.errors import Invalid
from celstream_platform.eventlog.port import EventLog

GRACE_SECONDS = 24 * 3600.0  # four times as long as one footage may take
# S3 tells of a repeated put only what is older than an hour (s3.py), and an upload takes its time.
LEAST_GRACE_SECONDS = 2 * 3600.0
BATCH = 1000


@dataclass(slots=True)
class Collected:
    """What was found; numbers of stored things and their bytes.

    used: named by an event. left_over: named by none, and old enough: removed, or to be removed in a dry run. young:
    named by none, within the grace. halves: of left_over, what aborted attempts left half stored.
    """

    events: int = 0
    used: int = 0
    used_bytes: int = 0
    left_over: int = 0
    left_over_bytes: int = 0
    halves: int = 0
    young: int = 0
    young_bytes: int = 0


Told = Callable[[Collected], None]


def collect(
    log: EventLog,
    store: ArtefactStore,
    *,
    grace_seconds: float = GRACE_SECONDS,
    dry_run: bool = False,
    keep_withdrawn: bool = True,
    nothing_used_is_fine: bool = False,
    told: Told = lambda _: None,
) -> Collected:
    """Mark and sweep. told: of the progress, now and then.

    dry_run: count, remove nothing. keep_withdrawn: whether artefacts of what is no longer current stay.
    nothing_used_is_fine: else a store of which no event names anything is left alone: that is rather the wrong log.
    Raises Unavailable, Overloaded; Invalid for the wrong log.
    """
    found = Collected()
    oldest_young = time.time() - grace_seconds

    def read(events: int) -> None:
        found.events = events
        told(found)

    marks = mark(log, store, keep_withdrawn=keep_withdrawn, told=read)
    if not nothing_used_is_fine and _is_another_store(store, marks):
        raise Invalid(
            f"None of the artefacts is named by any of {found.events} events. Give the event log of this store."
        )
    for number, stored in enumerate(store.listed(), 1):
        _judge(stored, stored.name in marks, oldest_young, found, store, dry_run=dry_run)
        if number % BATCH == 0:
            told(found)
    told(found)
    return found


def _is_another_store(store: ArtefactStore, marks: set[str]) -> bool:
    """Whether there are artefacts, and no mark fits any of them."""
    there = False
    for stored in store.listed():
        if stored.name in marks:
            return False
        there = there or not stored.is_half
    return there


def _judge(
    stored: Stored, marked: bool, oldest_young: float, found: Collected, store: ArtefactStore, *, dry_run: bool
) -> None:
    if marked:
        found.used += 1
        found.used_bytes += stored.size
    elif stored.modified_seconds > oldest_young or not (dry_run or store.remove(stored)):
        found.young += 1
        found.young_bytes += stored.size
    else:
        found.left_over += 1
        found.left_over_bytes += stored.size
        found.halves += stored.is_half
