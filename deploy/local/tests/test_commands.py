"""A command that installs something ends with whoever runs it, and so does all that it has started itself."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from celstream_platform.eventlog.liveness import is_gone, process
from celstream_stack import commands
from celstream_stack.errors import StackError

WAIT_SECONDS = 60.0
BUILDS = """
import signal, sys
from pathlib import Path
from celstream_stack import commands
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
folder = Path(sys.argv[1])
commands.run("tree", ["sh", "-c", "sleep 600 & echo $! >part && mv part number; wait"], log=folder / "log", cwd=folder)
"""


def test_a_lone_sigterm_ends_a_build_with_its_compilers(tmp_path: Path) -> None:
    number, deadline = tmp_path / "number", time.monotonic() + WAIT_SECONDS
    with subprocess.Popen([sys.executable, "-c", BUILDS, tmp_path]) as builder:
        while not number.exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        compiler = process(int(number.read_text()))
        assert not is_gone(compiler)
        builder.send_signal(signal.SIGTERM)
    assert builder.returncode == 128 + signal.SIGTERM
    while not is_gone(compiler):
        assert time.monotonic() < deadline, "it is left to itself"
        time.sleep(0.02)


def test_what_a_command_says_is_given_and_kept(tmp_path: Path) -> None:
    assert commands.run("it", ["sh", "-c", "echo out; echo err >&2"], log=tmp_path / "log") == "out\n"
    assert (tmp_path / "log").read_text() == "$ sh -c echo out; echo err >&2\nout\nerr\n"


def test_a_command_that_fails_is_one_line_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"^it: sh failed \(no space\)\. Read .*log\.$"):
        commands.run("it", ["sh", "-c", "echo first; echo no space >&2; exit 3"], log=tmp_path / "log")
