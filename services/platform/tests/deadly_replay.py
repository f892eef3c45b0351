"""A replay of dead letters for the tests, which is killed at a step: `deadly_replay.py URL STAGE STEP`.

While the first letter is put back, a newer event of its key comes. Steps: `mend`, before that one is published once
more; `mended`, right after it; `forget`, before the notes are forgotten.
"""

import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from celstream_platform.dead_letter_replay import replay
from celstream_platform.dead_letters import DeadLetter
from celstream_platform.eventlog import EventLog, open_event_log
from celstream_platform.events import Event
from celstream_platform.topics import CLIPS


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Deadly:
    """An event log that kills its process at a step of a replay."""

    def __init__(self, log: EventLog, step: str) -> None:
        self._log, self._step, self._sessions = log, step, 0

    def publish(self, events: Sequence[Event]) -> None:
        if self._step == "mend":
            die()
        self._log.publish(events)
        if self._step == "mended":
            die()

    def session(self, group: str, topics: Sequence[str], member: str) -> Any:
        self._sessions += 1
        if self._step == "forget" and self._sessions == 2:
            die()
        return self._log.session(group, topics, member)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)


def main() -> None:
    url, stage, step = sys.argv[1:]
    log = open_event_log(url)
    newer = [Event(CLIPS.name, "a", b"2", {"ce_id": "a.2"})]

    def wanted(letter: DeadLetter) -> bool:
        if letter.event.key == "a":
            log.publish(newer)
        return True

    deadly: Any = Deadly(log, step)
    replay(deadly, stage, wanted)


if __name__ == "__main__":
    main()
