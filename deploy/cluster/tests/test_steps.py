"""Steps side by side: what fails fails all of them, what is told to end ends what it waits for."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from celstream_cluster.steps import Steps
from celstream_platform.eventlog.liveness import is_gone, process
from celstream_stack import processes
from celstream_stack.errors import StackError

WAIT_SECONDS = 60.0
# A step in a thread of its own that waits for a command; and a server.
BRINGS_UP = """
import signal, sys
from contextlib import suppress
from pathlib import Path
from celstream_cluster.steps import Steps
from celstream_stack import commands, processes
from celstream_stack.errors import StackError
from celstream_stack.server import Launch
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
folder = Path(sys.argv[1])
processes.start(Launch(["sleep", "600"]), folder)
with Steps(print) as steps:
    made = ["sh", "-c", "sleep 600 & echo $! >part && mv part number; wait"]
    def do() -> None:
        for _ in range(2):
            with suppress(StackError):
                commands.run("tree", made, log=folder / "said", cwd=folder)
    steps.begin("commands, one after the other whatever becomes of them", do)
    signal.pause()
"""


def test_a_step_that_fails_fails_all_of_them_and_the_others_are_waited_for() -> None:
    ended: list[str] = []
    said: list[str] = []

    def fail() -> None:
        raise StackError("no")

    def both() -> None:
        with Steps(said.append) as steps:
            steps.begin("one", lambda: ended.append("one"))
            steps.begin("two", fail)

    with pytest.raises(StackError, match="no"):
        both()
    assert ended == ["one"]
    assert [line.partition(":")[0] for line in said] == ["one"]


def test_who_is_told_to_end_ends_the_commands_of_its_steps_and_leaves_servers_alone(tmp_path: Path) -> None:
    number, deadline = tmp_path / "number", time.monotonic() + WAIT_SECONDS
    with subprocess.Popen([sys.executable, "-c", BRINGS_UP, tmp_path]) as bringing_up:
        while not number.exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        waited_for = process(int(number.read_text()))
        assert not is_gone(waited_for)
        bringing_up.send_signal(signal.SIGTERM)
    assert bringing_up.returncode == 128 + signal.SIGTERM
    while not is_gone(waited_for):
        assert time.monotonic() < deadline, "it goes on by itself"
        time.sleep(0.02)
    assert processes.stop("sleep", tmp_path), "the server went as well"
