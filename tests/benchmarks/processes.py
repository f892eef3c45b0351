"""Processes of a benchmark: each begins when all are ready, and reports a JSON line at its end."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any


def started(commands: Sequence[Sequence[str]], word: str = "ready") -> list[subprocess.Popen[str]]:
    """Run modules of Python, and wait until each has said `word`. commands: a module's name and its arguments."""
    processes = [
        subprocess.Popen([sys.executable, "-m", *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for command in commands
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == f"{word}\n"
    return processes


def go(processes: Sequence[subprocess.Popen[str]]) -> float:
    """Let all begin; the time when they did."""
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    return time.monotonic()


def reports(processes: Sequence[subprocess.Popen[str]], word: str | None = None) -> list[dict[str, Any]]:
    """What the processes report at their end. word: to be said to each before."""
    found = [json.loads(process.communicate(word)[0]) for process in processes]
    assert all(process.returncode == 0 for process in processes)
    return found
