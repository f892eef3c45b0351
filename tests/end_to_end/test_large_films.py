"""What a film needs of memory does not grow with its bytes."""

import os
from pathlib import Path

import pytest

from tests.benchmarks.large_files import measure
from tests.large_films import large_film

SMALL, LARGE = 45, 150  # MB; the first few seconds of film fill the buffers


@pytest.mark.slow
def test_a_larger_film_needs_little_more_memory(tmp_path: Path, bucket_url: str) -> None:
    peaks = {}
    for megabytes in (SMALL, LARGE):
        folder = tmp_path / str(megabytes)
        folder.mkdir()
        film = large_film(folder / "film.mp4", megabytes, megabits_per_second=40)
        with film.open("ab") as file:  # another film than that of any other run
            file.write(b"\0\0\0\x18free" + os.urandom(16))
        peaks[megabytes] = measure(film, bucket_url, folder)
    for step, small in peaks[SMALL].items():
        grown = peaks[LARGE][step].mib - small.mib
        assert grown < (LARGE - SMALL) / 2, f"{step}: {small.mib:.0f} MiB, then {grown:.0f} more"
