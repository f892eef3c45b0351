"""Garbage collection of a store from the command line: of a dataset folder, or of a store with its event log."""

import time
from collections.abc import Callable
from pathlib import Path

from celstream_platform.artefacts import ArtefactStore, open_artefact_store
from celstream_platform.artefacts.collection import LEAST_GRACE_SECONDS, Collected, collect
from celstream_platform.errors import Invalid
from celstream_platform.eventlog import EventLog, open_event_log
from celstream_platform.eventlog.sqlite import SqliteEventLog

from celstream.folder import DatasetFolder

SECONDS_BETWEEN_LINES = 2.0
HOUR_SECONDS = 3600.0
UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")
Told = Callable[[Collected], None]


def collect_folder(out: Path, *, dry_run: bool, told: Told) -> Collected:
    """Collect in a dataset folder what aborted attempts left and what was withdrawn.

    Nobody else works in the folder meanwhile, so there is no grace. Raises Invalid where there is no dataset, or a run
    works in it.
    """
    folder = DatasetFolder(out)
    if not folder.exists():
        raise Invalid(f"{out}: no dataset. Give the folder of an earlier run, or --events and --artefacts.")
    log = open_event_log(folder.events_url)
    try:
        with folder.locked():
            if not dry_run:
                _compact(log)
            return _all_but_current(log, open_artefact_store(folder.artefacts_url), dry_run=dry_run, told=told)
    finally:
        log.close()


def tidy_up(log: EventLog, store: ArtefactStore, *, taken_down: bool = False) -> None:
    """After a run, in its folder: where it has replaced what an earlier one made, nothing of that stays.

    Only a log in which compaction finds something to drop has been told of anything twice. taken_down: whether there is
    something to remove all the same.
    """
    if _compact(log) or taken_down:
        _all_but_current(log, store)


def _all_but_current(
    log: EventLog, store: ArtefactStore, *, dry_run: bool = False, told: Told = lambda _: None
) -> Collected:
    return collect(
        log, store, grace_seconds=0.0, dry_run=dry_run, keep_withdrawn=False, nothing_used_is_fine=True, told=told
    )


def _compact(log: EventLog) -> int:
    """Drop superseded events; how many. Kafka does that by itself."""
    return log.compact() if isinstance(log, SqliteEventLog) else 0


def collect_store(
    events: str, artefacts: str, *, grace_hours: float, dry_run: bool, withdrawn: bool, told: Told
) -> Collected:
    """Collect in a store that services work with. Raises Invalid for a grace that is too short, Unavailable."""
    if not events or not artefacts:
        raise Invalid("Nothing to collect. Give a dataset folder, or --events URL and --artefacts URL.")
    if grace_hours * HOUR_SECONDS < LEAST_GRACE_SECONDS:
        raise Invalid(
            f"a grace of {grace_hours:g} h: at least {LEAST_GRACE_SECONDS / HOUR_SECONDS:g} h are needed, as what is "
            "stored now is named by an event later."
        )
    log = open_event_log(events)
    try:
        if not dry_run:
            _compact(log)
        return collect(
            log,
            open_artefact_store(artefacts),
            grace_seconds=grace_hours * HOUR_SECONDS,
            dry_run=dry_run,
            keep_withdrawn=not withdrawn,
            told=told,
        )
    finally:
        log.close()


class Lines:
    """Says how far it is, every few seconds."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say, self._next = say, time.monotonic() + SECONDS_BETWEEN_LINES

    def __call__(self, found: Collected) -> None:
        """Told of the progress."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + SECONDS_BETWEEN_LINES
            looked_at = found.used + found.left_over + found.young
            self._say(
                f"{looked_at:,} artefacts looked at, {found.left_over:,} left over ({sized(found.left_over_bytes)})"
                if looked_at
                else f"{found.events:,} events read"
            )


def summed_up(found: Collected, *, dry_run: bool) -> str:
    """The last line."""
    done = "would be removed" if dry_run else "removed"
    halves = f" ({found.halves:,} of them half stored)" if found.halves else ""
    young = f"; {found.young:,} ({sized(found.young_bytes)}) too young to tell" if found.young else ""
    return (
        f"{found.used:,} artefacts ({sized(found.used_bytes)}) are in use by {found.events:,} events; "
        f"{found.left_over:,} left over ({sized(found.left_over_bytes)}) {done}{halves}{young}."
    )


def sized(number: float) -> str:
    """Bytes as a person reads them: `512 bytes`, `3.4 MiB`."""
    unit = 0
    while number >= 1024 and unit < len(UNITS) - 1:
        number, unit = number / 1024, unit + 1
    return f"{number:,.1f} {UNITS[unit]}" if unit else f"{number:,.0f} {UNITS[0]}"
