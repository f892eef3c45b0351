"""Child processes for untrusted files, started ahead of time: an interpreter with its libraries takes half a second.

Several that need the same libraries are one that loads them and then copies itself (`copying`): it has read no footage
by then, and knows nothing of its parent's.

This module imports little, so that a program can call `prepare` before anything else and load the rest meanwhile.
"""

import os
import struct
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from functools import cache
from typing import IO

COMMAND = (sys.executable, "-I", "-B", "-m", "celstream_platform.footage.child")
# Nothing of the parent's environment but this: it may hold secrets. One arena and one BLAS thread, because each
# further one reserves memory that counts. Blocks of a megabyte and more go back to the system when they are freed:
# left to itself glibc keeps such blocks once it has seen some, and a film of 2 MB a frame needed 475 MiB, not 170. Said
# that, one has to say too how much of the smaller ones stays: else all goes back each time, a twentieth of all work.
PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "TZ")
ENVIRONMENT = {
    "LANG": "C.UTF-8",
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": "1048576",
    "MALLOC_TRIM_THRESHOLD_": "16777216",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}
TELLING = struct.Struct("<II")  # by which a copy tells which one it is, and the number of its process


class Copy:
    """A copy of a child, and a child of this process like it."""

    def __init__(self, told: "_Told", stdin: IO[bytes], stdout: IO[bytes], stderr: IO[bytes]) -> None:
        """told: where the copies tell their numbers."""
        self._told = told
        self.stdin, self.stdout, self.stderr = stdin, stdout, stderr
        self.returncode: int | None = None

    @property
    def pid(self) -> int:
        """Its number, once it has been made. Raises ProcessLookupError where it never will."""
        return self._told.pid_of(self)

    def poll(self) -> int | None:
        """Its exit status, None while it lives; as `subprocess.Popen` has it."""
        if self.returncode is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except (ProcessLookupError, ChildProcessError):
                self.returncode = -1
            else:
                self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode


Process = subprocess.Popen[bytes] | Copy

_prepared: deque[Future[Process]] = deque()
_lock = threading.Lock()


def prepare(count: int, modules: Sequence[str]) -> None:
    """Start `count` children that import `modules` and then wait for `take`; they end with this process."""
    from celstream_platform.footage.copying import can_copy

    with _lock:
        if count > 1 and can_copy():
            family = _spawner().submit(_spawn_family, modules, count - 1)
            _prepared.extend(_spawner().submit(_member, family, number) for number in range(count))
        else:
            _prepared.extend(_spawner().submit(_spawn, modules) for _ in range(count))


def take() -> Process:
    """A child that waits for its request on standard input: one that was prepared, else a new one."""
    while True:
        with _lock:
            ready = _prepared.popleft() if _prepared else None
        if ready is None:
            return _spawner().submit(_spawn, ()).result()
        process = ready.result()
        if process.poll() is None:
            return process


def _spawn(modules: Sequence[str], *options: str, pass_on: Sequence[int] = ()) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        (*COMMAND, *options, *modules),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={name: os.environ[name] for name in PASSED_ON if name in os.environ} | ENVIRONMENT,
        cwd="/",
        close_fds=True,
        pass_fds=pass_on,
        start_new_session=True,  # Ctrl-C at the terminal reaches the parent alone, which then stops the child
        bufsize=0,
    )


def _spawn_family(modules: Sequence[str], copies: int) -> list[Process]:
    """A child that copies itself so often, and its copies."""
    with ExitStack() as theirs:  # ends of the pipes

        def pipe(*, to_child: bool) -> tuple[int, IO[bytes]]:
            read, write = os.pipe()
            child, ours = (read, write) if to_child else (write, read)
            theirs.callback(os.close, child)
            return child, os.fdopen(ours, "wb" if to_child else "rb", buffering=0)

        telling, told = pipe(to_child=False)
        pipes = [(pipe(to_child=True), pipe(to_child=False), pipe(to_child=False)) for _ in range(copies)]
        numbers = [telling, *(child for of_one in pipes for child, _ in of_one)]
        first = _spawn(modules, "--copies", ",".join(map(str, numbers)), pass_on=numbers)
    family = _Told(told)
    family.copies = [Copy(family, *(ours for _, ours in of_one)) for of_one in pipes]
    return [first, *family.copies]


def _member(family: "Future[list[Process]]", number: int) -> Process:
    return family.result()[number]


class _Told:
    """The numbers of the copies' processes, as they tell them."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self.copies: list[Copy] = []
        self._pipe = pipe
        self._pids: dict[int, int] = {}
        self._lock = threading.Lock()

    def pid_of(self, copy: Copy) -> int:
        """Waits until it is told. Raises ProcessLookupError where there is no such copy."""
        number = self.copies.index(copy)
        with self._lock:
            while number not in self._pids and (word := self._pipe.read(TELLING.size)):
                self._pids.update([TELLING.unpack(word)])
            if number not in self._pids:
                raise ProcessLookupError("the child died before it was copied")
            return self._pids[number]


@cache
def _spawner() -> ThreadPoolExecutor:
    """A thread that lives as long as the process: the kernel kills a child when the *thread* that started it ends."""
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="footage-spawner")


def _forget() -> None:
    """Neither the thread nor the children are there in a fork."""
    _spawner.cache_clear()
    _prepared.clear()


os.register_at_fork(after_in_child=_forget)
