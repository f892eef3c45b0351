"""Calls that have no time limit of their own, with one: they run on a thread that is given up where they hang."""

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from celstream_platform.errors import Unavailable


@dataclass(slots=True)
class _Call:
    work: Callable[[], Any]
    done: threading.Event = field(default_factory=threading.Event)
    result: Any = None
    error: BaseException | None = None


class Watchdog:
    """One thread that makes calls, one after the other. It is a daemon: a call that hangs does not keep the process."""

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        threading.Thread(target=self._run, args=(self._calls,), name="event-log-calls", daemon=True).start()

    def call(self, work: Callable[[], Any], seconds: float, doing: str) -> Any:
        """Make a call; what it returns or raises. Raises Unavailable where it does not end in time; then it is lost."""
        call = _Call(work)
        self._calls.put(call)
        if not call.done.wait(seconds):
            raise Unavailable(f"{doing} did not end in {seconds:.0f} s. Check that the brokers run.")
        if call.error is not None:
            raise call.error
        return call.result

    def close(self) -> None:
        """End the thread, once its last call has ended."""
        self._calls.put(None)

    @staticmethod
    def _run(calls: "queue.SimpleQueue[_Call | None]") -> None:
        while (call := calls.get()) is not None:
            try:
                call.result = call.work()
            except BaseException as error:
                call.error = error
            call.done.set()
