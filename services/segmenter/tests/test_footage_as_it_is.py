"""Clips of footage as encoders and cameras write it today are its own frames."""

from pathlib import Path

import pytest
from celstream_segmenter.lossless_cut import Cutter
from celstream_segmenter.opened_file import OpenedFile

from tests.cut_truth import Whole, frames_are_the_footages
from tests.footage_samples import Sample, made, make

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


@pytest.mark.parametrize("name", ["h264_51_late.ts", "mpeg2.ts", "h264_b_frames.mp4"])
def test_a_reader_of_pictures_seeks_in_a_file_whose_sound_was_read(name: str) -> None:
    """In MPEG-TS it could not, and read every clip's packets from the beginning of the film."""
    with OpenedFile(made(name)) as file:
        streams = {stream.type: stream.index for stream in file.container.streams}
        next(file.packets(streams["audio"]))
        time_base = file.container.streams[streams["video"]].time_base
        assert time_base is not None
        file.seek(streams["video"], int(4 / time_base))
        found = next(file.packets(streams["video"]))
        assert found is not None
