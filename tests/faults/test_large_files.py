"""A film of 2 GB goes through the store and the segmenter in processes of less than 500 MiB."""

from pathlib import Path

import pytest

from tests.benchmarks.large_files import MOST_MIB, measure
from tests.large_films import large_film


@pytest.mark.faults
@pytest.mark.timeout(3600)
def test_a_film_of_two_gigabytes_needs_less_than_half_a_gigabyte_of_memory(tmp_path: Path, bucket_url: str) -> None:
    film = large_film(tmp_path / "film.mp4", megabytes=2000)
    try:
        assert film.stat().st_size > 2_000_000_000
        peaks = measure(film, bucket_url, tmp_path)
    finally:
        film.unlink()
    assert max(peak.mib for peak in peaks.values()) < MOST_MIB, peaks
