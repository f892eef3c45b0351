"""Many random cuts, and cuts of real films: every one exact."""

from pathlib import Path

import pytest

from tests.benchmarks.lossless import measure
from tests.footage_samples import SAMPLES, made

OPENCV_AT_MOST = {"h264_10_bit.mp4": 1}
"""OpenCV turns PQ into sRGB by a table that takes 2.5 s to compute, for every file that it opens."""


@pytest.mark.slow
@pytest.mark.parametrize("name", [shape.file for shape in SAMPLES])
def test_twenty_random_clips_of_each_kind_of_footage_are_exact(name: str) -> None:
    tally = measure(made(name), 20, [], seed=2, opencv_at_most=OPENCV_AT_MOST.get(name))
    assert tally.faults == []
    assert tally.exact_in_libav == tally.clips == 20
    assert tally.exact_in_opencv == tally.opencv_clips


@pytest.mark.slow
def test_random_clips_of_real_films_are_exact(real_video: Path) -> None:
    tally = measure(real_video, 12, [], seed=3)
    assert tally.faults == []
    assert tally.exact_in_libav == tally.clips == 12
