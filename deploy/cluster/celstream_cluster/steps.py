"""Steps that say how long they took; those that wait for nothing of each other run side by side.

Told to end, they end what they wait for: a command that went on by itself would be there when all else is taken away.
"""

import time
from collections.abc import Callable
from concurrent import futures
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self, TypeVar

from celstream_stack import commands

Result = TypeVar("Result")
LOOK_SECONDS = 0.1
Say = Callable[[str], None]


class Steps:
    """A context; its end waits for every step, and raises what one of them raised."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._begun = time.monotonic()
        self._pool = ThreadPoolExecutor(max_workers=8)
        self._running: list[Future[object]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if error is not None and not isinstance(error, Exception):  # a signal, from a person or another program
            self._pool.shutdown(wait=False, cancel_futures=True)
            while futures.wait(self._running, LOOK_SECONDS).not_done:  # between two commands a step begins the next
                commands.end_all()
        self._pool.shutdown(wait=True, cancel_futures=error is not None)
        if error is None:
            for one in self._running:
                one.result()

    def run(self, name: str, step: Callable[[], Result]) -> Result:
        """Do a step now."""
        begun = time.monotonic()
        result = step()
        self._say(f"{name}: {time.monotonic() - begun:.0f} s")
        return result

    def begin(self, name: str, step: Callable[[], Result]) -> "Future[Result]":
        """Do a step beside others."""
        begun = self._pool.submit(self.run, name, step)
        self._running.append(begun)  # type: ignore[arg-type]
        return begun

    def seconds(self) -> float:
        """Since the first step."""
        return time.monotonic() - self._begun
