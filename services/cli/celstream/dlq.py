"""Dead letters of a dataset folder or of an event log: looked at, tried again, forgotten; all, or those wanted."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from celstream_platform import dead_letter_replay, dead_letters
from celstream_platform.dead_letters import DeadLetter
from celstream_platform.errors import Invalid, NotFound
from celstream_platform.eventlog import EventLog, open_event_log

from celstream.folder import DatasetFolder

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which letters. start: of the id. stage, error: a stage's name; a part of the error's text. since, until: parked
    then; None: whenever. What is empty wants all.
    """

    start: str = ""
    stage: str = ""
    error: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def __call__(self, letter: DeadLetter) -> bool:
        """Whether a letter is wanted."""
        parked = datetime.fromisoformat(letter.parked_at)
        return (
            letter.id.startswith(self.start)
            and self.stage in ("", letter.stage)
            and self.error.casefold() in letter.error.casefold()
            and (self.since is None or parked >= self.since)
            and (self.until is None or parked < self.until)
        )


def moment(text: str) -> datetime | None:
    """`2026-11-21`, `2026-11-21T20:15` (UTC where no offset is given), or `90m`, `2h`, `3d` ago; None where empty.

    Raises Invalid.
    """
    if not text:
        return None
    if ago := re.fullmatch(r"(\d+)([smhd])", text):
        return datetime.now(UTC) - timedelta(seconds=int(ago[1]) * UNITS[ago[2]])
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise Invalid(f"{text!r}: not a moment. Give 2026-11-21, 2026-11-21T20:15, or 90m, 2h, 3d ago.") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def letters(place: str, wanted: Wanted) -> list[DeadLetter]:
    """The letters that are wanted and were neither replayed nor discarded, the oldest first.

    place: a dataset folder, or the URL of an event log. Raises Invalid where there is none, Unavailable.
    """
    with _opened(place) as log:
        found = [one for stage in _stages(log, wanted) for one in dead_letters.pending(log, stage) if wanted(one)]
    return sorted(found, key=lambda letter: (letter.parked_at, letter.id))


def letter_named(place: str, start: str) -> DeadLetter:
    """The one letter whose id starts so. Raises NotFound, Invalid where there are several."""
    found = letters(place, Wanted(start))
    if not found:
        raise NotFound(f"{start}: no such dead letter in {place}. `celstream dlq list --at {place}` shows them.")
    if len(found) > 1:
        raise Invalid(f"{start}: {len(found)} dead letters start so. Give more of the id.")
    return found[0]


def replay(place: str, wanted: Wanted) -> int:
    """Put letters back on the topic that they came from; how many."""
    return _settle(place, wanted, dead_letter_replay.replay)


def discard(place: str, wanted: Wanted) -> int:
    """Forget letters; how many."""
    return _settle(place, wanted, dead_letters.discard)


def _settle(place: str, wanted: Wanted, act: Callable[[EventLog, str, Callable[[DeadLetter], bool]], int]) -> int:
    if wanted.start:
        letter_named(place, wanted.start)
    with _opened(place, alone=True) as log:
        return sum(act(log, stage, wanted) for stage in _stages(log, wanted))


def _stages(log: EventLog, wanted: Wanted) -> list[str]:
    """The stages that are wanted. Raises NotFound for one that there is not."""
    there = dead_letters.stages(log)
    if wanted.stage and wanted.stage not in there:
        raise NotFound(
            f"{wanted.stage}: no such stage has dead letters here. Give one of {', '.join(there) or 'none'}."
        )
    return [wanted.stage] if wanted.stage else there


@contextmanager
def _opened(place: str, *, alone: bool = False) -> Iterator[EventLog]:
    """The event log of a folder, or at a URL. alone: no run may work in the folder meanwhile."""
    if "://" in place:
        log = open_event_log(place)
        try:
            yield log
        finally:
            log.close()
        return
    folder = DatasetFolder(Path(place))
    if not folder.exists():
        raise Invalid(f"{place}: no dataset. Give the folder of an earlier run, or kafka://HOST:PORT.")
    log = open_event_log(folder.events_url)
    try:
        if alone:
            with folder.locked():
                yield log
        else:
            yield log
    finally:
        log.close()
