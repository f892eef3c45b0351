"""Server processes that outlive the command that started them: started in a session of their own, known by a PID file.

A PID file holds the number and the start time of a process, so that a number that was given out again is not mistaken
for the server.
"""

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from celstream_platform.eventlog.liveness import Process, is_gone, process

from celstream_stack.commands import as_user
from celstream_stack.errors import StackError
from celstream_stack.server import Launch

LOOK_SECONDS = 0.05
QUIT_SECONDS = 30.0  # Kafka hands over its partitions and closes its files in about 4 s
ENVIRONMENT = ("HOME", "LANG", "LC_ALL", "PATH", "TMPDIR", "TZ", "JAVA_HOME")  # no secrets of ours in others' hands


def start(launch: Launch, state: Path) -> None:
    """Start a process, its output in `log` (that of the run before in `log.1`), its number in `pid`."""
    if (state / "log").exists():
        (state / "log").replace(state / "log.1")
    environment = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ} | dict(launch.env)
    with (state / "log").open("ab") as log:
        child = subprocess.Popen(
            as_user(launch.user, launch.command),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=state,
            env=environment,
            start_new_session=True,
        )
    here = process(child.pid)
    temporary = state / "pid.new"
    temporary.write_text(f"{here.pid}\n{here.started}\n{here.machine}\n")
    temporary.replace(state / "pid")


def running(state: Path) -> Process | None:
    """The process that the PID file names, while it lives."""
    try:
        number, started, machine = (state / "pid").read_text().splitlines()
    except (FileNotFoundError, ValueError):
        return None
    found = Process(machine, int(number), started)
    return None if is_gone(found) else found


def stop(name: str, state: Path, *, quit_seconds: float = QUIT_SECONDS) -> bool:
    """Ask the process to end, then end it; whether there was one. Raises StackError where it is not ours to end."""
    found = running(state)
    if found is not None:
        _signal(name, found, signal.SIGTERM)
        if not _wait_for_end(found, quit_seconds):
            _signal(name, found, signal.SIGKILL)
            if not _wait_for_end(found, quit_seconds):
                raise StackError(f"{name}: process {found.pid} does not end. Look at what holds it (a hung disk?).")
    (state / "pid").unlink(missing_ok=True)
    return found is not None


def _signal(name: str, found: Process, number: signal.Signals) -> None:
    try:
        os.killpg(found.pid, number)  # a session of its own: its children end with it
    except ProcessLookupError:
        return
    except PermissionError as error:
        raise StackError(f"{name}: process {found.pid} is not ours to end. Become the user who started it.") from error


def _wait_for_end(found: Process, seconds: float) -> bool:
    """Wait until the process is gone, and bury it where it is a child of ours."""
    deadline = time.monotonic() + seconds
    while not is_gone(found):
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_SECONDS)
    with suppress(ChildProcessError):  # another command started it
        os.waitpid(found.pid, os.WNOHANG)
    return True
