"""Child processes for untrusted files, started ahead of time: an interpreter with its libraries takes half a second.

This module imports little, so that a program can call `prepare` before anything else and load the rest meanwhile.
"""

import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache

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

Process = subprocess.Popen[bytes]

_prepared: deque[Future[Process]] = deque()
_lock = threading.Lock()


def prepare(count: int, modules: Sequence[str]) -> None:
    """Start `count` children that import `modules` and then wait for `take`; they end with this process."""
    with _lock:
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


def _spawn(modules: Sequence[str]) -> Process:
    return subprocess.Popen(
        (*COMMAND, *modules),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={name: os.environ[name] for name in PASSED_ON if name in os.environ} | ENVIRONMENT,
        cwd="/",
        close_fds=True,
        start_new_session=True,  # Ctrl-C at the terminal reaches the parent alone, which then stops the child
        bufsize=0,
    )


@cache
def _spawner() -> ThreadPoolExecutor:
    """A thread that lives as long as the process: the kernel kills a child when the *thread* that started it ends."""
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="footage-spawner")


def _forget() -> None:
    """Neither the thread nor the children are there in a fork."""
    _spawner.cache_clear()
    _prepared.clear()


os.register_at_fork(after_in_child=_forget)
