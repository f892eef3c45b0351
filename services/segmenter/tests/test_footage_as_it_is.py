"""Clips of footage as encoders and cameras write it today are its own frames."""

from pathlib import Path

from celstream_segmenter.lossless_cut import Cutter

from tests.cut_truth import Whole, frames_are_the_footages
from tests.footage_samples import Sample, make

AV1 = Sample(
    "av1.mkv", "libsvtav1", {"preset": "12", "g": "24", "crf": "35", "svtav1-params": "lp=1"}, frames=72
)  # with frames that no other refers to


def test_clips_of_av1_begin_anywhere(tmp_path: Path) -> None:
    """Its decoder, told to leave out what no other frame refers to on the way there, left it out for ever."""
    source = Whole(make(AV1, tmp_path))
    with Cutter(source.path, source.index) as cutter:
        for start, end in ((0, 72), (10, 20), (15, 40), (69, 72)):
            cutter.cut_and_prove(start, end, tmp_path / "clip.mp4", extent="full")
            assert frames_are_the_footages(source, start, end, tmp_path / "clip.mp4")
