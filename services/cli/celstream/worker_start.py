"""The start of a worker's process: by itself ahead of time, or when it is needed.

The process is `python -m celstream.worker_process READERS`. Its standard input is a socket whose other end only this
process holds: one message tells the worker what to do, and hands it the folder's lock and the file of its log; the
socket's end tells it that the run is gone, also after kill -9.

This module imports little, so that the command can call `prepare` before anything else and load the rest meanwhile.
"""

import os
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass

MOST_BYTES = 1 << 20  # of a message

_prepared: list["Started"] = []


@dataclass(frozen=True, slots=True)
class Started:
    """A worker's process, and the socket by which it is told what to do."""

    process: subprocess.Popen[str]
    socket: socket.socket

    def tell(self, task: bytes, lock: int, log: int) -> None:
        """Give it its task, one line. lock, log: descriptors that it holds from then on."""
        with suppress(OSError):  # it died at once: `watch` sees it
            socket.send_fds(self.socket, [task], [lock, log])


def prepare(readers: int) -> None:
    """Start one. It ends with this process where it is never told anything.

    readers: how many processes that read footage it starts.
    """
    _prepared.append(_start(readers, None))


def end_unused() -> None:
    """End the one that was prepared and never needed."""
    while _prepared:
        unused = _prepared.pop()
        unused.process.kill()
        unused.process.wait()
        unused.socket.close()


def start(readers: int, log: int) -> Started:
    """The one that was prepared, else a new one. log: where it complains before it has been told anything."""
    return _prepared.pop() if _prepared else _start(readers, log)


def _start(readers: int, errors: int | None) -> Started:
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "celstream.worker_process", str(readers)],
            stdin=theirs.fileno(),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            process_group=0,  # Ctrl-C on the terminal is for the run; it asks its workers to end
        )
    return Started(process, ours)


def task_told() -> bytes:
    """In the worker: wait for its task; empty where the run is gone. What it writes as complaints goes to its log."""
    with socket.socket(fileno=os.dup(0)) as told:
        line, descriptors, _, _ = socket.recv_fds(told, MOST_BYTES, 2)
        while line and not line.endswith(b"\n"):
            part = told.recv(MOST_BYTES)
            line = line + part if part else b""
    if descriptors:
        _, log = descriptors  # the lock is held by being open
        os.dup2(log, 2)
        os.close(log)
    return line
