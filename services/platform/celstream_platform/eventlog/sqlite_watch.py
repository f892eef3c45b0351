"""Waiting for a change of the file without burning the processor and without a thread.

SQLite counts the commits of others (`PRAGMA data_version`); reading the count costs microseconds. The pauses between
two looks grow from one to twenty milliseconds: a lone event is seen at once in a busy time and soon in a quiet one.
"""

import time
from collections.abc import Callable
from typing import TypeVar

from celstream_platform.eventlog.sqlite_database import Database

T = TypeVar("T")

SHORTEST_PAUSE_SECONDS = 0.001
LONGEST_PAUSE_SECONDS = 0.02  # 50 looks a second take about 0.1 % of a core
LOOK_ANYWAY_SECONDS = 0.5  # a death writes nothing into the file


class Watch:
    """Looks at once, then whenever another connection has written, and anyway every half a second."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def wait_for(self, look: Callable[[], T], timeout_seconds: float) -> T | None:
        """Call `look` now and after every change, until it gives something; None after `timeout_seconds`."""
        now = time.monotonic()
        deadline, due, pause = now + timeout_seconds, now, SHORTEST_PAUSE_SECONDS
        while True:
            if self._database.changed() or now >= due:
                if found := look():
                    return found
                due = now + LOOK_ANYWAY_SECONDS
            now = time.monotonic()
            if now >= deadline:
                return None
            time.sleep(min(pause, deadline - now))
            pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)
            now = time.monotonic()
