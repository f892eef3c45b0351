"""Shutdown: SIGTERM and SIGINT ask the process to end; a second one ends it at once.

Order of a service's end (design: section 5): not ready → stop polling → finish or abandon the transaction → close,
inside the grace period.
"""

import os
import signal
import time
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from threading import Event, Thread, Timer
from types import FrameType

from celstream_platform import logs

log = logs.logger(__name__)
SIGNALS = (signal.SIGTERM, signal.SIGINT)
Step = tuple[str, Callable[[float], object]]


class Shutdown:
    """Whether this process shall end.

    >>> shutdown = Shutdown()
    >>> shutdown.install()               # in the main thread
    >>> while not shutdown.requested():  # in any thread
    ...     shutdown.wait(1.0)
    """

    def __init__(self) -> None:
        self._event = Event()
        self._since = 0.0
        self._signals: SimpleQueue[int] = SimpleQueue()

    def install(self) -> None:
        """Take SIGTERM and SIGINT from now on. Raises ValueError outside the main thread."""
        for number in SIGNALS:
            signal.signal(number, self._on_signal)
        Thread(target=self._pass_on, name="shutdown", daemon=True).start()

    def request(self) -> None:
        """Ask the process to end, from within."""
        if not self._event.is_set():
            self._since = time.monotonic()
            self._event.set()

    def requested(self, *, for_seconds: float = 0.0) -> bool:
        """Whether it shall end; for_seconds: and was asked so long ago."""
        return self._event.is_set() and time.monotonic() - self._since >= for_seconds

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until it shall end, at most for that time; whether it shall."""
        return self._event.wait(seconds)

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        # A handler interrupts the main thread anywhere, also inside Event's own lock: setting the event here could
        # wait for itself. SimpleQueue.put may be interrupted by itself.
        self._signals.put(number)

    def _pass_on(self) -> None:
        first = self._signals.get()
        log.info("asked to end", signal=signal.Signals(first).name)
        self.request()
        second = self._signals.get()
        log.warning("asked again: ending at once", signal=signal.Signals(second).name)
        os._exit(128 + second)


def drain(steps: Sequence[Step], *, seconds: float) -> list[str]:
    """Run the steps of an orderly end, in order; return the names of those that failed.

    steps: (name, function of the seconds that are left). One that fails is logged and the next ones run all the same.
    seconds: time for all of them; past it the process is ended with status 1, so that a step that hangs cannot hold it.
    """
    watchdog = Timer(seconds, _give_up, args=(seconds,))
    watchdog.daemon = True
    watchdog.start()
    end, failed = time.monotonic() + seconds, []
    try:
        for name, step in steps:
            try:
                step(max(end - time.monotonic(), 0.0))
            except Exception:
                log.exception("a step of the shutdown failed", step=name)
                failed.append(name)
    finally:
        watchdog.cancel()
    return failed


def _give_up(seconds: float) -> None:
    log.error("the shutdown took too long: ending at once", seconds=seconds)
    os._exit(1)
