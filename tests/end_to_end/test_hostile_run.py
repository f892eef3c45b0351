"""Hostile and damaged footage through the whole command: no crash, no hang, no traceback; one rejection each."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.hostile_run import run_hostile

SEEN = (1004, 1006, 1021)  # packets that no muxer takes, sound without headers, a frame without a time


def check(folder: Path, seeds: Sequence[int]) -> None:
    done = run_hostile(folder, seeds)
    assert done.findings == []
    wrong = {result.case.name: result.findings for result in done.results if result.findings}
    assert wrong == {}


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_hostile_footage_costs_one_rejection_each_and_touches_nothing(tmp_path: Path) -> None:
    check(tmp_path, [*range(4), *SEEN])


@pytest.mark.faults
@pytest.mark.timeout(3600)
def test_a_hundred_corruptions_crash_nothing_and_what_decodes_is_kept(tmp_path: Path) -> None:
    check(tmp_path, range(1000, 1100))
