"""A function over an untrusted file, in a limited child process: what it may do, and how it ends."""

import contextlib
import gc
import itertools
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest
from celstream_platform.errors import Invalid, LimitExceeded, NotFound
from celstream_platform.footage import children, limited, wire
from celstream_platform.footage.limits import MIB, Limits
from celstream_platform.metrics import REGISTRY

sys.path.insert(0, str(Path(__file__).parent))
from limited_pictures import Note, Picture
from limited_runs import HERE, SMALL, gone, run


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.mp4"
    path.write_bytes(b"0123456789")
    return path


def ends(end: str) -> float:
    return REGISTRY.get_sample_value("celstream_footage_child_ends_total", {"end": end}) or 0.0


def test_results_of_several_types_come_in_order(film: Path) -> None:
    found = run("limited_pictures:pictures", film, {"count": 3, "side": 4}, results=[Picture, Note])
    assert [type(result) for result in found] == [Picture, Note] * 3
    assert [picture.number for picture in found[::2]] == [0, 1, 2]
    np.testing.assert_array_equal(found[4].luma, np.full((4, 4), 2, np.uint8))
    assert found[4].means == (2.0,)
    assert found[1] == Note("film.mp4", b"\0")


def test_results_come_as_they_are_made(film: Path) -> None:
    answers = limited.stream("limited_functions:counts_slowly", film, {}, [int], limits=SMALL, import_from=[HERE])
    pid = next(answers)
    assert not gone(pid)
    answers.close()
    assert gone(pid)


def test_a_generator_that_is_dropped_kills_its_child(film: Path) -> None:
    before = ends("cancelled")
    answers = limited.stream("limited_functions:counts_slowly", film, {}, [int], limits=SMALL, import_from=[HERE])
    pid = next(answers)
    del answers
    gc.collect()
    assert gone(pid)
    assert ends("cancelled") == before + 1


def test_call_gives_the_one_result(film: Path) -> None:
    assert limited.call("limited_functions:size", film, {}, int, import_from=[HERE]) == 10
    with pytest.raises(limited.ChildFailed, match="gave 3 results, expected one"):
        limited.call("limited_functions:countdown", film, {}, int, import_from=[HERE])


def test_what_libraries_print_does_not_get_between_the_results(film: Path) -> None:
    assert run("prints", film) == [7]
    assert run("complains_without_end", film) == [1]


def test_a_child_inherits_neither_secrets_nor_files(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELSTREAM_SECRET", "hunter2")
    with film.open("rb") as held:
        os.set_inheritable(held.fileno(), True)
        (found,) = run("facts", film)
    assert "CELSTREAM_SECRET" not in found["environment"]
    assert set(found["environment"]) <= {*children.PASSED_ON, *children.ENVIRONMENT, "LC_CTYPE", "TMPDIR", "HOME"}
    assert len(found["descriptors"]) == 4, "the three standard ones and the one for results"
    assert found["core"] == [0, 0]
    assert found["data"] == [256 * MIB, 256 * MIB]
    assert found["group"] == found["pid"] != os.getpgrp()


# --- what it may not do ---


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


def test_nothing_but_the_one_file_can_be_reached(film: Path, tmp_path: Path, listening: socket.socket) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hunter2")
    port = listening.getsockname()[1]
    allowed = ["read footage", "signal itself", "thread"]
    forbidden: dict[str, Any] = {
        "read": str(secret), "list": str(tmp_path), "write": str(tmp_path / "new"), "append to the footage": "",
        "delete the footage": "", "tcp": port, "udp": port, "unix": "", "fork": "", "run": "", "exec": "",
        "kill parent": "", "raise limit": "", "environment of parent": "", "own environment": "",
        "link": str(tmp_path / "link"), "memfd": "", "outlive parent": "",
    }  # fmt: skip
    found = run("attempts", film, {"targets": forbidden | dict.fromkeys(allowed, "")})
    answers = dict(pair.split(": ") for pair in found)
    assert {what: answers[what] for what in allowed} == dict.fromkeys(allowed, "done")
    assert {what: answers[what] for what in forbidden} == dict.fromkeys(forbidden, "refused")
    assert film.read_bytes() == b"0123456789"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["film.mp4", "secret"]
    with pytest.raises(BlockingIOError):
        listening.accept()


def test_the_sandbox_is_complete_on_this_kernel(film: Path) -> None:
    """Where this fails the kernel is too old or forbids it, and `limited` logs what is missing."""
    limited._warn_of_gaps.cache_clear()
    run("size", film)
    assert limited._warn_of_gaps.cache_info().currsize == 1
    before = limited._warn_of_gaps.cache_info().hits
    limited._warn_of_gaps(frozenset(limited.FULL_PROTECTION))
    assert limited._warn_of_gaps.cache_info().hits == before + 1


def test_it_may_write_in_its_scratch_folder_alone(film: Path, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    arguments = {"folder": str(scratch), "files": 1, "size": 65536}
    assert run("writes_scratch", film, arguments, scratch=scratch) == [1]
    assert (scratch / "0").stat().st_size == 65536
    with pytest.raises(limited.ChildFailed, match="PermissionError"):
        run("writes_scratch", film, arguments | {"folder": str(tmp_path)}, scratch=scratch)


# --- how it ends ---


def test_content_errors_are_one_line_and_bugs_have_their_traceback(film: Path) -> None:
    with pytest.raises(Invalid, match=r"^film\.mp4: two heads, expected one\.$"):
        run("invalid", film)
    with pytest.raises(limited.ChildFailed, match="Unavailable: the moon is away"):
        run("unavailable", film)
    with pytest.raises(limited.ChildFailed, match=r"(?s)Traceback.*limited_functions\.py.*ZeroDivisionError"):
        run("bug", film)
    with pytest.raises(limited.ChildFailed, match="gave a builtins:str, expected"):
        run("other_type", film, results=[int])
    with pytest.raises(limited.ChildFailed, match="PosixPath cannot be sent"):
        run("unsendable", film)
    with pytest.raises(limited.ChildFailed, match="AttributeError"):
        run("does_not_exist", film)
    with pytest.raises(limited.ChildFailed, match="at most 67108864 go into one"):
        run("huge_result", film)


def own_peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def test_memory_is_limited(film: Path) -> None:
    with pytest.raises(LimitExceeded, match=r"^film\.mp4: decoding it needed more than 256 MiB of memory\."):
        run("eats_memory", film)


def test_a_library_that_aborts_for_lack_of_memory_is_told_from_a_crash(film: Path) -> None:
    limits = Limits(memory_bytes=own_peak_bytes() + 128 * MIB)  # above ours, or the kernel hides the child's peak
    with pytest.raises(LimitExceeded, match="of memory"):
        run("eats_memory_in_c", film, limits=limits)


def test_a_crash_below_a_large_parent_is_no_lack_of_memory(film: Path) -> None:
    """The kernel begins a child's peak with its parent's: a large service must not call every crash a limit."""
    grown = bytearray(200 * MIB)
    limits = Limits(memory_bytes=own_peak_bytes())
    with pytest.raises(Invalid, match="SIGSEGV") as caught:
        run("segfaults", film, limits=limits)
    assert not isinstance(caught.value, LimitExceeded)
    assert len(grown) == 200 * MIB


@pytest.mark.parametrize(
    "function",
    [
        "burns_time",
        pytest.param("burns_time_in_threads", marks=pytest.mark.slow),
        pytest.param("ignores_cpu_signal", marks=pytest.mark.slow),
    ],
)
def test_processor_time_is_limited(film: Path, function: str) -> None:
    with pytest.raises(LimitExceeded, match=r"^film\.mp4: decoding it took more than 1 s of processor time\."):
        run(function, film, limits=Limits(cpu_seconds=1))


def test_waiting_is_limited(film: Path) -> None:
    with pytest.raises(LimitExceeded, match=r"took longer than 0\.5 s"):
        run("sleeps", film, limits=Limits(wall_seconds=0.5))
    with pytest.raises(LimitExceeded, match=r"gave no result for 0\.5 s"):
        run("sleeps", film, limits=Limits(stall_seconds=0.5))


def test_a_child_that_says_that_it_works_is_waited_for(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that goes on by a second whenever it is looked at: twice at least from one sign to the next."""
    monkeypatch.setattr(limited, "time", SimpleNamespace(monotonic=itertools.count().__next__))
    limits = Limits(stall_seconds=120, wall_seconds=10_000)
    assert run("says_that_it_works", film, {"often": 100, "result": 7}, limits=limits) == [7]


def test_output_is_limited(film: Path) -> None:
    before = ends("limit")
    with pytest.raises(LimitExceeded, match=r"gave more than 8 MiB of results"):
        run("talks_without_end", film)
    assert ends("limit") == before + 1


@pytest.mark.parametrize(("files", "size"), [(1, 4 * MIB), (8, MIB // 2)])
def test_scratch_files_are_limited_one_and_all(film: Path, tmp_path: Path, files: int, size: int) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    arguments = {"folder": str(scratch), "files": files, "size": size}
    with pytest.raises(LimitExceeded, match=r"wrote more than 1 MiB of scratch files"):
        run("writes_scratch", film, arguments, scratch=scratch, limits=Limits(scratch_bytes=MIB))


def test_a_crash_is_the_files_fault_and_one_line(film: Path) -> None:
    before = ends("crash")
    with pytest.raises(Invalid, match=r"^film\.mp4: the decoder crashed \(SIGSEGV\)\. .*$") as caught:
        run("segfaults", film)
    assert not isinstance(caught.value, LimitExceeded)
    with pytest.raises(Invalid, match=r"^film\.mp4: the decoder crashed \(status 3\)"):
        run("exits", film)
    assert ends("crash") == before + 2


def test_a_kernel_that_kills_the_child_for_want_of_memory_says_nothing_of_the_file(film: Path) -> None:
    """A footage must not be refused because its neighbour, or the limit of the pod, left it no memory."""
    answers = limited.stream("limited_functions:counts_slowly", film, {}, [int], limits=SMALL, import_from=[HERE])
    with contextlib.closing(answers):
        os.kill(next(answers), signal.SIGKILL)
        with pytest.raises(limited.ChildFailed, match="was killed"):
            next(answers)


@pytest.mark.parametrize(
    "data",
    [
        b"\x01\xff\xff\xff\xff",  # a frame of 4 GiB
        b"\x09\x00\x00\x00\x00",  # of no kind
        b"\x01\x01\x00\x00\x00\x00",  # a result without its bytes
        b"\x01\x02\x00\x00\x00\x63\x01",  # of no type
        b"\x01\x04\x00\x00\x00\x00\xc1\xc1\xc1",  # no MessagePack
        b"\x03\x01\x00\x00\x00\xc1",  # a failure that is none
        b"\x00\x01\x00\x00\x00\xc1",  # a second greeting
        b"\x03\x0e\x00\x00\x00\x82\xa5error\xa0\xa4text\xa0",  # a failure of no kind
        b"\x03\x19\x00\x00\x00\x82\xa5error\xabUnavailable\xa4text\xa0",  # a dependency that is not away
    ],
)
def test_what_a_captured_child_sends_is_not_believed(film: Path, data: bytes) -> None:
    with pytest.raises((limited.ChildFailed, LimitExceeded)):
        run("raw", film, {"data": data})


@pytest.mark.parametrize(
    "luma",
    [
        ["|O", [1], b"12345678"],  # Python objects
        ["|u1", [3], b"12"],  # too few bytes
        ["|u1", [-1], b"12"],
        ["<f4", [1], b"1234"],  # numbers of another type
        ["no type", [1], b"1"],
        [["|u1"], [1], b"1"],
        "text",
        7,
    ],
)
def test_an_array_that_is_none_is_not_believed(luma: Any) -> None:
    payload = b"\0" + wire.encode({"number": 1, "luma": luma})
    with pytest.raises((ValueError, TypeError, msgspec.MsgspecError)):
        wire.Decoder([Picture]).result(memoryview(payload))


@pytest.mark.parametrize(
    ("make", "kind", "complaint"),
    [
        (lambda path: None, NotFound, "film.mkv: no such file. Check the path."),
        (lambda path: path.write_bytes(b""), Invalid, "film.mkv: is empty (0 bytes). "),
        (lambda path: path.mkdir(), Invalid, "film.mkv: is a folder. "),
        (lambda path: os.mkfifo(path), Invalid, "film.mkv: is not a regular file (device, pipe or socket). "),
    ],
    ids=["missing", "empty", "folder", "pipe"],
)
def test_what_is_no_file_is_refused_without_a_child(tmp_path: Path, make: Any, kind: type, complaint: str) -> None:
    path = tmp_path / "film.mkv"
    make(path)
    with pytest.raises(kind) as caught:
        run("size", path)
    assert str(caught.value).startswith(complaint)


PARENT = """
import sys, threading
from pathlib import Path
from celstream_platform.footage import limited, wire
answers = limited.stream("limited_functions:counts_slowly", Path(sys.argv[1]), {}, [int],
                         import_from=[Path(sys.argv[2])])
# Started in a thread that ends: the child must outlive the thread, not the process.
thread = threading.Thread(target=lambda: print(next(answers), flush=True)); thread.start(); thread.join()
sys.stdin.read()
"""


def test_the_child_dies_with_its_parent_and_not_with_a_thread_of_it(film: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(film), str(HERE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    watched = os.pidfd_open(child)
    assert not gone(child)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert select.select([watched], [], [], 60)[0], "the child ends"
    os.close(watched)


def test_several_children_at_a_time(film: Path) -> None:
    found: list[list[Any]] = []
    threads = [threading.Thread(target=lambda: found.append(run("size", film))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[10]] * 4
