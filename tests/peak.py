"""Runs a command and says, as the last line of standard output, what its largest process held and what it cost.

A small process of its own, without the site's packages: the kernel begins a child's peak with that of who starts it.
SIGTERM is passed on to the command.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Peak:
    """mib: of memory, the largest of all processes of a command. said: its standard output."""

    mib: float
    processor_seconds: float
    seconds: float
    said: str


def start(command: Sequence[str | Path], env: Mapping[str, str]) -> "subprocess.Popen[str]":
    """Start a command under the watch of this file."""
    watched = [sys.executable, "-I", "-S", str(Path(__file__)), *map(str, command)]
    return subprocess.Popen(watched, stdout=subprocess.PIPE, text=True, env={**os.environ, **env})


def ended(process: "subprocess.Popen[str]") -> Peak:
    """What it held, once it has ended by itself. Raises AssertionError where it failed."""
    out, _ = process.communicate()
    assert process.returncode == 0, f"{process.args} ended with {process.returncode}: {out}"
    *lines, last = out.splitlines()
    found = json.loads(last)
    return Peak(found["mib"], found["processor_seconds"], found["seconds"], "\n".join(lines))


def main() -> int:
    started = time.monotonic()
    child = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
    _, status, usage = os.wait4(child, 0)
    peak = {
        "mib": usage.ru_maxrss / 1024,
        "processor_seconds": usage.ru_utime + usage.ru_stime,
        "seconds": time.monotonic() - started,
    }
    print(f"\n{json.dumps(peak)}", flush=True)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    raise SystemExit(main())
