"""Dead letters of a dataset folder: events that a stage could not process, to look at, to try again, to forget."""

from collections.abc import Callable
from pathlib import Path

from celstream_platform import dead_letters
from celstream_platform.dead_letters import DeadLetter
from celstream_platform.errors import Invalid, NotFound
from celstream_platform.eventlog import EventLog, open_event_log

from celstream.folder import DatasetFolder


def letters(out: Path) -> list[DeadLetter]:
    """All letters that were neither replayed nor discarded. Raises Invalid where there is no dataset."""
    log = _log(out)
    try:
        return [letter for stage in dead_letters.stages(log) for letter in dead_letters.pending(log, stage)]
    finally:
        log.close()


def letter_named(out: Path, start: str) -> DeadLetter:
    """The one letter whose id starts so. Raises NotFound, Invalid where there are several."""
    found = [letter for letter in letters(out) if letter.id.startswith(start)]
    if not found:
        raise NotFound(f"{start}: no such dead letter in {out}. `celstream dlq list --at {out}` shows them.")
    if len(found) > 1:
        raise Invalid(f"{start}: {len(found)} dead letters start so. Give more of the id.")
    return found[0]


def replay(out: Path, start: str) -> int:
    """Put letters back on the topic that they came from: the one whose id starts so, all where empty; how many."""
    return _settle(out, start, dead_letters.replay)


def discard(out: Path, start: str) -> int:
    """Forget letters: the one whose id starts so, all where empty; how many."""
    return _settle(out, start, dead_letters.discard)


def _settle(out: Path, start: str, act: Callable[[EventLog, str, Callable[[DeadLetter], bool]], int]) -> int:
    wanted = letter_named(out, start).id if start else ""
    log = _log(out)
    try:
        with DatasetFolder(out).locked():
            return sum(act(log, stage, lambda found: wanted in ("", found.id)) for stage in dead_letters.stages(log))
    finally:
        log.close()


def _log(out: Path) -> EventLog:
    folder = DatasetFolder(out)
    if not folder.exists():
        raise Invalid(f"{out}: no dataset. Give the folder of an earlier run.")
    return open_event_log(folder.events_url)
