"""Interruption: the first SIGINT or SIGTERM asks a run to end, the second one ends it at once.

Asked to end, the workers finish the chapters of film that they are reading: there a run can be gone on with.
"""

import os
import signal
import threading
from types import FrameType
from typing import Self

FINISH_SECONDS = 20.0  # for the chapters at hand; a minute of a film takes about ten on two cores
FINISHING = (
    f"Finishing the minute of film at hand, in {FINISH_SECONDS:g} s at most. Press Ctrl-C again to stop at once."
)


class Interrupted(Exception):
    """The run was asked to end; `signal` is by what."""

    def __init__(self, number: int) -> None:
        super().__init__("interrupted")
        self.signal = number


class Interruption:
    """Notes signals while it is entered; what handled them before does so again afterwards.

    Outside the main thread, where Python delivers none, it notes nothing.
    """

    def __init__(self) -> None:
        self.signal = 0
        self._before: dict[int, object] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        return self

    def check(self) -> None:
        """Raise Interrupted once a signal has come."""
        if self.signal:
            raise Interrupted(self.signal)

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _note(self, number: int, _: FrameType | None) -> None:
        if self.signal:
            os._exit(128 + number)  # the workers' pipes end with this process, and so do they
        self.signal = number
