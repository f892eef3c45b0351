"""Who still lives: whether the process behind a session is gone, and whether it died on its own.

A process of this machine (same boot, same process namespace) is looked up; any other is known by its heartbeat only.
Times come from the boot clock, which stands still while a laptop sleeps, so that waking up fences nobody.
"""

import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Process:
    """One process. machine: boot and process namespace that `pid` counts in. started: tells a reused pid apart."""

    machine: str
    pid: int
    started: str


def now_seconds() -> float:
    """Seconds of a clock that all processes of this machine share."""
    return time.monotonic()


def machine() -> str:
    """Boot and process namespace of this process: pids and boot clock mean the same within one only."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return socket.gethostname()  # no Linux: a pid is looked up by signal 0 alone


def process(pid: int) -> Process:
    """A process of this machine, as it is now."""
    return Process(machine(), pid, _started(pid))


def is_gone(other: Process) -> bool:
    """Whether a process has certainly ended. False where that cannot be known from here."""
    here = machine()
    if other.machine != here:
        boot = here.split("/", 1)[0]
        return "/" in here and "/" in other.machine and not other.machine.startswith(f"{boot}/")
    started = _started(other.pid)
    return not started or started != other.started


def _started(pid: int) -> str:
    """Start time of a process in ticks since boot; empty for one that is not there, or only waits to be buried."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return _answers(pid) if not Path("/proc/self/stat").exists() else ""
    fields = stat.rpartition(")")[2].split()  # the name in parentheses may hold anything
    state, start_ticks = fields[0], fields[19]
    return "" if state in "ZX" else start_ticks


def _answers(pid: int) -> str:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        pass
    return "running"
