"""Sound that starts late, is joined of two, or has a coarse clock, is in the clips as it is in the footage."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from celstream_segmenter.lossless_cut import Cutter

from tests.cut_truth import Whole, frames_are_the_footages, sound_comparisons
from tests.footage_samples import AAC, X264, Sample, Sound, made, make

PRIMING = Fraction(1024, 48000)  # seconds
JOINT = 117 * PRIMING + Fraction(8, 48000)  # a packet begins 8 samples after another
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


@pytest.mark.parametrize("file", ["joined.mp4", "joined.ts", "joined.mkv"])
def test_sound_goes_along_where_two_films_were_joined(file: str, tmp_path: Path) -> None:
    """Its packets overlap there: MP4 took none of them, or the edit list showed others than it should."""
    path = joined(make(Sample("once.mp4", "libx264", {**X264, "g": "24"}, frames=60, sounds=(AAC,)), tmp_path), file)
    source = Whole(path)
    assert source.index.frame_count == 120
    with Cutter(path, source.index) as cutter:
        for start, end in ((0, 20), (50, 80), (60, 90), (90, 120)):
            result, _ = cutter.cut_and_prove(start, end, tmp_path / "clip.mp4", extent="full")
            assert frames_are_the_footages(source, start, end, tmp_path / "clip.mp4")
            stored = "encoded" if start in (50, 60) else "copied"
            assert [(sound.stored, sound.left_out_because) for sound in result.sounds] == [(stored, "")]


def joined(once: Path, file: str) -> Path:
    """The film, and once more after itself, from JOINT on."""
    path = once.with_name(file)
    with av.open(path, "w") as out:
        streams: list[Any] = []
        for later in (Fraction(0), JOINT):
            with av.open(once) as source:
                streams = streams or [out.add_stream_from_template(stream) for stream in source.streams]
                for packet in source.demux():
                    if packet.dts is not None and packet.pts is not None:
                        if packet.stream_index and not later and packet.pts * packet.time_base >= JOINT - PRIMING:
                            continue  # it would begin after the first packet of what follows
                        ticks = int(later / packet.time_base)
                        packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
                        packet.stream = streams[packet.stream_index]
                        out.mux(packet)
    return path


def check(path: Path, clip: Path) -> None:
    source = Whole(path)
    with Cutter(path, source.index) as cutter:
        for start, end in RANGES:
            result, _ = cutter.cut_and_prove(start, end, clip, extent="full")
            assert frames_are_the_footages(source, start, end, clip)
            assert [sound.fault for sound in sound_comparisons(source, start, end, clip, result)] == [""]
