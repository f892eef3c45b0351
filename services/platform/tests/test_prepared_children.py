"""Children that are prepared before there is footage: they are like any other, and one's end is nobody else's."""

import contextlib
import subprocess
import sys
from concurrent.futures import Future
from pathlib import Path

import pytest
from celstream_platform.errors import Invalid
from celstream_platform.footage import children, limited
from celstream_platform.footage.limits import MIB

sys.path.insert(0, str(Path(__file__).parent))
from limited_runs import HERE, SMALL, gone, run, wait_until_gone


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.mp4"
    path.write_bytes(b"0123456789")
    return path


def test_a_child_that_was_prepared_is_taken_and_one_that_died_is_not(film: Path) -> None:
    children.prepare(2, ["json"])
    dead = children.take()
    dead.kill()
    dead.wait()
    children._prepared.appendleft(done(dead))
    (found,) = run("facts", film)
    assert found["pid"] != dead.pid
    assert not children._prepared


def test_copies_of_a_prepared_child_are_children_like_it(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELSTREAM_SECRET", "hunter2")
    children.prepare(3, ["json"])
    found = [one for _ in range(3) for one in run("facts", film)]
    assert len({one["pid"] for one in found}) == 3
    for one in found:
        assert one["group"] == one["pid"]
        assert one["data"] == [256 * MIB, 256 * MIB]
        assert len(one["descriptors"]) == 4
        assert "CELSTREAM_SECRET" not in one["environment"]


def test_a_copy_that_crashes_leaves_the_others_alone(film: Path) -> None:
    children.prepare(3, ["json"])
    with contextlib.closing(
        limited.stream("limited_functions:counts_slowly", film, {}, [int], limits=SMALL, import_from=[HERE])
    ) as slow:
        pid = next(slow)
        with pytest.raises(Invalid, match="the decoder crashed"):
            run("segfaults", film)
        assert run("size", film) == [10]
        assert not gone(pid)
    assert gone(pid)
    assert not children._prepared


def done(process: children.Process) -> "Future[children.Process]":
    future: Future[children.Process] = Future()
    future.set_result(process)
    return future


def test_prepared_children_that_are_not_needed_end_with_their_parent() -> None:
    script = """
from celstream_platform.footage import children
children.prepare(1, ["json"])
print(children._prepared[0].result().pid)
"""
    parent = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    wait_until_gone(int(parent.stdout))
