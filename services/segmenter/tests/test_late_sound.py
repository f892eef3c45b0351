"""Sound that starts late, or whose container's clock is too coarse for it, is in the clips sample for sample."""

from pathlib import Path

import pytest
from celstream_segmenter.lossless_cut import Cutter

from tests.cut_truth import Whole, frames_are_the_footages, sound_comparisons
from tests.footage_samples import X264, Sample, Sound, made, make

RANGES = ((0, 60), (0, 30), (10, 20), (15, 40), (30, 60))


def late(file: str, codec: str, sample_format: str = "fltp", rate: int = 48000, **options: str) -> Sample:
    sound = Sound(codec, "stereo", rate, sample_format, start_seconds=0.7, seconds=1.2, options=options)
    return Sample(file, "libx264", {**X264, "g": "24", "bf": "2"}, frames=60, sounds=(sound,))


SHAPES = (
    late("opus.mp4", "libopus", "flt"),  # nothing in the file says that the decoder leaves out its first samples
    late("vorbis.mp4", "vorbis", strict="-2"),
    late("vorbis.mkv", "vorbis", strict="-2"),
    late("alac.mkv", "alac", "s16p", 44100),  # 1 ms a tick, and packets of no stated duration
    late("ac3.mkv", "ac3", rate=44100),
    late("eac3.mkv", "eac3", rate=44100),
)


@pytest.mark.parametrize("shape", SHAPES, ids=[shape.file for shape in SHAPES])
def test_sound_that_starts_late_is_the_footages_own(shape: Sample, tmp_path: Path) -> None:
    check(make(shape, tmp_path), tmp_path / "clip.mp4")


def test_the_first_clip_of_a_film_with_vorbis_begins_with_its_own_samples(tmp_path: Path) -> None:
    check(made("vp8.webm"), tmp_path / "clip.mp4")


def check(path: Path, clip: Path) -> None:
    source = Whole(path)
    with Cutter(path, source.index) as cutter:
        for start, end in RANGES:
            result, _ = cutter.cut_and_prove(start, end, clip, extent="full")
            assert frames_are_the_footages(source, start, end, clip)
            assert [sound.fault for sound in sound_comparisons(source, start, end, clip, result)] == [""]
