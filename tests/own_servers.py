"""Servers that a test starts for itself alone, because it needs them otherwise than all others do."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from celstream_stack import processes
from celstream_stack.server import Launch

READY_SECONDS = 120.0


@contextmanager
def running(launch: Launch, folder: Path) -> Iterator[None]:
    """The process runs as long as the context lasts; its log lies in the folder."""
    processes.start(launch, folder)
    try:
        yield
    finally:
        processes.stop("server", folder)


def wait_until(ready: Callable[[], bool], folder: Path) -> None:
    """Wait for a server started in the folder."""
    deadline = time.monotonic() + READY_SECONDS
    while not ready():
        assert processes.running(folder) is not None, (folder / "log").read_text()
        assert time.monotonic() < deadline, (folder / "log").read_text()
        time.sleep(0.1)
