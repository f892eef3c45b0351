"""The worker processes of a run: started, watched, restarted, ended; none outlives the run.

A worker (`worker_start`) tells of trouble on its standard output, a JSON object a line; its log goes to a file.
"""

import json
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import IO, Self

from celstream_platform.errors import CelstreamError

from celstream import worker_start
from celstream.interruption import FINISH_SECONDS, Interrupted

# A worker that was asked to end and has not by then is killed: the log takes back what it holds.
STOP_SECONDS = FINISH_SECONDS + 10.0
QUICK_DEATHS = 5  # this many in a row at the same place of the work are no accident of one footage


class WorkersFailed(CelstreamError):
    """Workers die again and again: a bug, told by the last lines of a worker's log."""


@dataclass(slots=True)
class _Worker:
    name: str
    log: Path
    process: subprocess.Popen[str]
    run: socket.socket
    reader: threading.Thread


@dataclass(slots=True)
class Workers:
    """Up to `jobs` worker processes.

    task: what every worker is told (`worker.Task` as a mapping, without its name). logs: folder for their logs.
    readers: how many processes that read footage each has.
    lock: descriptor of the folder's lock; workers hold it too, so that it is free only when the last one has ended.
    """

    task: Mapping[str, object]
    logs: Path
    lock: int
    readers: int = 1
    _workers: list[_Worker] = field(default_factory=list)
    _trouble: SimpleQueue[str] = field(default_factory=SimpleQueue)
    _deaths: int = 0
    _place: object = None
    _asked: bool = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and not isinstance(error, Interrupted):
            for worker in self._workers:  # a full disk, say: no time for the chapters at hand
                worker.process.kill()
        self.stop()

    def start(self, count: int) -> None:
        """See that `count` workers run; those that run already stay."""
        self.logs.mkdir(parents=True, exist_ok=True)
        for ordinal in range(len(self._workers), count):
            name = f"worker-{ordinal + 1}"
            log = self.logs / f"{name}.log"
            log.write_bytes(b"")
            self._workers.append(self._spawn(name, log))

    def watch(self, place: Callable[[], object]) -> None:
        """Start anew what has died. Raises WorkersFailed where that goes on and on and the work does not get on.

        place: where the work is, as a value that differs wherever some of it was saved or finished.
        """
        for index, worker in enumerate(self._workers):
            if worker.process.poll() is None:
                continue
            before, self._place = self._place, place()
            self._deaths = self._deaths + 1 if self._place == before else 1
            if self._deaths >= QUICK_DEATHS:
                raise WorkersFailed(_last_words(worker))
            self._workers[index] = self._spawn(worker.name, worker.log)

    def trouble(self) -> list[str]:
        """What workers could not do for want of something outside, since the last call; empty where all is well."""
        said = []
        with suppress(Empty):
            while True:
                said.append(self._trouble.get_nowait())
        return said

    def ask_to_end(self) -> None:
        """Ask all to end, orderly; `stop` waits for it. Asked a second time they would end at once."""
        if not self._asked:
            self._asked = True
            for worker in self._workers:
                worker.process.terminate()

    def stop(self) -> None:
        """End all, orderly if they let themselves; returns when none is left."""
        self.ask_to_end()
        for worker in self._workers:
            try:
                worker.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()
            worker.run.close()
            worker.reader.join()
            if worker.process.stdout is not None:
                worker.process.stdout.close()
        self._workers.clear()
        self._asked = False

    def _spawn(self, name: str, log: Path) -> _Worker:
        with log.open("ab") as errors:
            started = worker_start.start(self.readers, errors.fileno())
            task = json.dumps({**self.task, "name": name, "run_pid": os.getpid()}) + "\n"
            started.tell(task.encode(), self.lock, errors.fileno())
        reader = threading.Thread(
            target=self._listen, args=(started.process.stdout,), name=f"{name}-listener", daemon=True
        )
        reader.start()
        return _Worker(name, log, started.process, started.socket, reader)

    def _listen(self, stream: IO[str]) -> None:
        for line in stream:
            with suppress(ValueError, KeyError):  # a line that a killed worker left half
                self._trouble.put(json.loads(line)["unavailable"])


def _last_words(worker: _Worker) -> str:
    lines = worker.log.read_text(errors="replace").strip().splitlines()
    return "\n".join([f"{worker.name} ended again and again (see {worker.log}). It said last:", *lines[-30:]])
