"""The worker processes of a run: what dies is started anew, unless nothing comes of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from celstream.workers import QUICK_DEATHS, Workers, WorkersFailed


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Workers]:
    """One worker that dies of what it is told."""
    with (tmp_path / "lock").open("w") as lock, Workers({}, tmp_path / "logs", lock.fileno()) as workers:
        workers.start(1)
        yield workers


def let_die(workers: Workers, place: object) -> None:
    """Wait until the worker has died, and have it started anew."""
    workers._workers[0].process.wait(60)
    workers.watch(lambda: place)


def test_workers_that_die_again_and_again_at_the_same_place_end_the_run(workers: Workers) -> None:
    for _ in range(QUICK_DEATHS - 1):
        let_die(workers, "here")
    with pytest.raises(WorkersFailed, match="worker-1 ended again and again") as failed:
        let_die(workers, "here")
    assert "ValidationError" in str(failed.value), "its last words"


def test_workers_whose_work_gets_on_between_their_deaths_are_started_anew_however_often(workers: Workers) -> None:
    for place in range(QUICK_DEATHS + 1):
        let_die(workers, place)
