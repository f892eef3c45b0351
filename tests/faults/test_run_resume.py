"""A run that is killed goes on: however it ended, the same command makes the same dataset, byte for byte."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from celstream.folder import DatasetFolder
from celstream.interruption import FINISHING
from celstream.pipeline import open_ports

from tests.benchmarks.recording import record
from tests.end_to_end.command import COMMAND, SHOTS, celstream, film, snapshot, workers_of

ARGUMENTS = ("run", "films", "--out", "dataset", "--jobs", "2", "--json")
END_SECONDS = 120
PATIENCE_SECONDS = 300  # for what ends by itself: a busy machine is no failure


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two films."""
    return two_films(tmp_path_factory.mktemp("resume"))


def two_films(folder: Path) -> Path:
    """Two films at a time, a process each."""
    film(folder, "films/first.mp4")
    film(folder, "films/second.mkv", SHOTS[3:])
    return folder


def long_film(folder: Path) -> Path:
    """One film of 50 s: two processes read it side by side."""
    film(folder, "films/long.mp4", SHOTS * 6)
    return folder


@pytest.fixture(scope="module")
def undisturbed(films: Path) -> tuple[dict[str, str], float]:
    """The dataset as it is without disturbance, and how long it takes, seconds."""
    return run_undisturbed(films)


def run_undisturbed(films: Path) -> tuple[dict[str, str], float]:
    began = time.monotonic()
    ended = celstream(*ARGUMENTS, cwd=films)
    assert ended.code == 0, ended.err
    taken = time.monotonic() - began
    found = snapshot(films / "dataset")
    shutil.rmtree(films / "dataset")
    return found, taken


@pytest.fixture
def fresh(films: Path) -> Iterator[Path]:
    """The folder with the films, where no run has been."""
    yield films
    shutil.rmtree(films / "dataset", ignore_errors=True)


@contextlib.contextmanager
def running(folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """The command at work."""
    process = subprocess.Popen([*COMMAND, *ARGUMENTS], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def killed(folder: Path, seconds: float) -> bool:
    """Start the command and kill it with signal 9 after a while; whether it was still at work."""
    with running(folder) as process:
        try:
            process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            return True
        assert process.returncode == 0
        return False


def wait_until_nobody_works(dataset: Path) -> None:
    """Returns once no process holds the lock; fails where one stays."""
    deadline = time.monotonic() + END_SECONDS
    while (dataset / ".celstream/lock").exists() and (left := workers_of(dataset)):
        assert time.monotonic() < deadline, f"processes {left} outlive their run"
        time.sleep(0.02)


def check_after_kills(folder: Path, kills: int, seed: int, undisturbed: tuple[dict[str, str], float]) -> int:
    """Kill as often as that at random moments of its work, then let it end; nothing may be lost, doubled or different.

    Gives how often it had to begin anew, because it had finished before the moment came.
    """
    expected, seconds = undisturbed
    moments = random.Random(seed)
    hits = finished = 0
    while hits < kills:
        if killed(folder, moments.uniform(0.3, seconds)):
            hits += 1
        else:
            finished += 1
            assert finished < 5 * kills, "it is never at work when it is killed"
            shutil.rmtree(folder / "dataset")
        if (folder / "dataset" / ".celstream").exists():
            wait_until_nobody_works(folder / "dataset")
    ended = celstream(*ARGUMENTS, cwd=folder)
    assert ended.code == 0, ended.err
    assert snapshot(folder / "dataset") == expected
    with open_ports(DatasetFolder(folder / "dataset"), {}) as ports:
        ports.catalog.catch_up()
        assert ports.catalog.check_balance() == []
        for entry in ports.catalog.footages():
            footage_id = entry.footage.item.id  # type: ignore[attr-defined]
            assert len(ports.catalog.outcomes(footage_id)) == 1
            assert len(ports.catalog.versions(footage_id)) == 1
        assert ports.catalog.parked() == []
    assert list((folder / "dataset/.celstream/artefacts/incoming").iterdir()) == []
    return finished


@pytest.mark.slow
def test_a_run_that_is_killed_three_times_makes_the_same_dataset(
    fresh: Path, undisturbed: tuple[dict[str, str], float]
) -> None:
    check_after_kills(fresh, 3, 7, undisturbed)


@pytest.mark.faults
@pytest.mark.timeout(3600)
def test_runs_that_are_killed_again_and_again_make_the_same_dataset(tmp_path: Path) -> None:
    rows = []
    for make in (two_films, long_film):
        folder = tmp_path / make.__name__
        folder.mkdir()
        expected = run_undisturbed(make(folder))
        for seed in range(2):
            finished = check_after_kills(folder, 5, seed, expected)
            rows.append(
                {
                    "run": str(make.__doc__).removesuffix("."),
                    "seconds undisturbed": expected[1],
                    "seed": seed,
                    "kill -9 at work": 5,
                    "begun anew after it had finished": finished,
                    "files equal to the undisturbed run's": f"{len(expected[0])} of {len(expected[0])}",
                }
            )
            shutil.rmtree(folder / "dataset")
    record("resume", "Runs that are killed at random moments", rows, ["A file that differs fails the test."])


def wait_for_work(process: "subprocess.Popen[bytes]") -> None:
    """Returns once the run has told of its first footage; at the first progress a quick machine may be nearly done."""
    assert process.stdout is not None
    for line in process.stdout:
        if b'"event": "footage"' in line:
            return
    raise AssertionError("the run ended before it told of any footage")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_asked_to_end_ends_cleanly_and_goes_on(
    fresh: Path, undisturbed: tuple[dict[str, str], float], number: signal.Signals
) -> None:
    with running(fresh) as process:
        wait_for_work(process)
        process.send_signal(number)
        _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 128 + number
    said = errors.decode().splitlines()
    assert said.count(FINISHING) == 1
    assert said[-1] == "Interrupted. What is done is kept; resume with the same command."
    assert workers_of(fresh / "dataset") == []
    assert celstream(*ARGUMENTS, cwd=fresh).code == 0
    assert snapshot(fresh / "dataset") == undisturbed[0]


@pytest.mark.slow
def test_a_second_signal_ends_a_run_at_once_and_it_goes_on_all_the_same(
    fresh: Path, undisturbed: tuple[dict[str, str], float]
) -> None:
    with running(fresh) as process:
        wait_for_work(process)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        assert any(line.decode().strip() == FINISHING for line in process.stderr)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 128 + signal.SIGINT
    wait_until_nobody_works(fresh / "dataset")
    assert celstream(*ARGUMENTS, cwd=fresh).code == 0
    assert snapshot(fresh / "dataset") == undisturbed[0]


@pytest.mark.slow
def test_a_worker_that_dies_is_started_anew(fresh: Path, undisturbed: tuple[dict[str, str], float]) -> None:
    with running(fresh) as process:
        wait_for_work(process)
        while not (workers := [pid for pid in workers_of(fresh / "dataset") if pid != process.pid]):
            assert process.poll() is None  # a worker gets the lock with its task, after the footage was told of
        os.kill(workers[0], signal.SIGKILL)
        process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0
    assert snapshot(fresh / "dataset") == undisturbed[0]


@pytest.mark.slow
def test_a_second_run_in_the_same_folder_is_refused_in_one_line(
    fresh: Path, undisturbed: tuple[dict[str, str], float]
) -> None:
    with running(fresh) as process:
        wait_for_work(process)
        os.kill(process.pid, signal.SIGSTOP)  # it must not end before the other one has tried
        try:
            second = celstream(*ARGUMENTS, cwd=fresh)
        finally:
            os.kill(process.pid, signal.SIGCONT)
        process.communicate(timeout=PATIENCE_SECONDS)
    assert second.code == 2
    said = f"dataset: another run works in this folder (process {process.pid}). Let it end, or name another folder."
    assert said in second.err.splitlines()
    assert process.returncode == 0
    assert snapshot(fresh / "dataset") == undisturbed[0]
