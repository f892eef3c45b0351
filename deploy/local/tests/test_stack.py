"""The stack starts real servers, starts nothing twice, ends all, and says in one line what is wrong."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from celstream_stack import processes
from celstream_stack.errors import StackError
from celstream_stack.kafka import check_sums
from celstream_stack.places import PASSABLE_FOLDER, cache
from celstream_stack.server import Launch
from celstream_stack.stack import Stack

COMMAND = (sys.executable, "-m", "celstream_stack")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that another user may pass through, as root's PostgreSQL has to; pytest's own is for one user only."""
    with tempfile.TemporaryDirectory(prefix="celstream-test-") as name:
        Path(name).chmod(PASSABLE_FOLDER)
        yield Path(name)


@pytest.fixture
def fresh(folder: Path) -> Iterator[Stack]:
    """A stack of the test's own."""
    stack = Stack(folder / "stack", cache())
    yield stack
    stack.down()


def processes_of(folder: Path) -> list[str]:
    """Command lines of the processes that work in a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "cwd").readlink().is_relative_to(folder):
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue  # gone, or somebody else's
    return found


@pytest.mark.slow
@pytest.mark.timeout(3600)  # MinIO is compiled where it was never before
def test_a_stack_comes_up_once_and_goes_down_without_a_trace(fresh: Stack, folder: Path) -> None:
    names = ["kafka", "minio", "postgres"]
    variables = fresh.up(names)
    assert variables["CELSTREAM_EVENTS"].startswith("kafka://127.0.0.1:")
    assert variables["CELSTREAM_ARTEFACTS"].startswith("s3://celstream/artefacts?endpoint=http://127.0.0.1:")
    assert fresh.env_file.stat().st_mode & 0o077 == 0
    numbers = [(one.server, one.pid, one.ready) for one in fresh.status()]
    assert [ready for _, _, ready in numbers] == [True, True, True]
    assert fresh.up(names) == variables
    assert [(one.server, one.pid, one.ready) for one in fresh.status()] == numbers
    assert fresh.down() == names
    assert processes_of(folder) == []
    assert [one.pid for one in fresh.status()] == [None, None, None]
    assert fresh.down() == []
    assert fresh.up(["minio"])["CELSTREAM_ARTEFACTS"] == variables["CELSTREAM_ARTEFACTS"]


def test_a_server_that_does_not_exist_is_named() -> None:
    ended = subprocess.run([*COMMAND, "up", "rabbitmq"], capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert ended.stderr.startswith("rabbitmq: no server of the stack. Give one of kafka, minio")


def test_a_machine_without_java_says_what_to_install(tmp_path: Path) -> None:
    bare = {**os.environ, "PATH": str(tmp_path), "CELSTREAM_CACHE": str(tmp_path / "cache")}
    ended = subprocess.run([*COMMAND, "up", "kafka"], capture_output=True, text=True, check=False, env=bare)
    assert ended.returncode == 2
    assert ended.stderr.startswith("kafka: java not found. Install Java 17")


def test_a_jar_that_is_not_the_recorded_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kafka-clients-4.3.1.jar").write_bytes(b"something else")
    with pytest.raises(StackError, match=r"kafka-clients-4\.3\.1\.jar.*not what kafka\.sha256 says"):
        check_sums(tmp_path)


def test_a_number_that_another_process_has_by_now_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "pid").write_text(f"{os.getpid()}\n1\n{processes.process(os.getpid()).machine}\n")
    assert processes.running(tmp_path) is None
    assert not processes.stop("somebody", tmp_path)


def test_a_process_that_does_not_listen_to_reason_is_ended(tmp_path: Path) -> None:
    deaf = "import signal, pathlib; signal.signal(15, signal.SIG_IGN); pathlib.Path('deaf').touch(); signal.pause()"
    processes.start(Launch([sys.executable, "-c", f"import signal;{deaf}\nwhile True: signal.pause()"]), tmp_path)
    while not (tmp_path / "deaf").exists():
        assert processes.running(tmp_path) is not None
    assert processes.stop("deaf", tmp_path, quit_seconds=0.2)
    assert processes_of(tmp_path) == []
