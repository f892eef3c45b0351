"""A clip shows the frames of its footage, bit for bit and at their times, and sounds like it, sample for sample."""

import functools
import random
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from celstream_platform.errors import Invalid
from celstream_segmenter.cut_result import CutResult
from celstream_segmenter.lossless_cut import Cutter, cut_clip
from celstream_segmenter.packet_index import index_footage
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cut_truth import Whole, frames_are_the_footages, opencv_agrees, sound_comparisons
from tests.footage_samples import SAMPLES, Sample, made
from tests.footage_truth import frames_of, sound_of

CUTS_PER_SAMPLE = 2


@functools.cache
def whole(name: str) -> Whole:
    return Whole(made(name))


def check(source: Whole, start: int, end: int, clip: Path, result: CutResult) -> None:
    """Frames, times and sounds of the clip against the decode of the whole footage."""
    assert frames_are_the_footages(source, start, end, clip)
    assert [sound.fault for sound in sound_comparisons(source, start, end, clip, result)] == [""] * len(result.sounds)


@pytest.mark.parametrize("shape", SAMPLES, ids=[s.file for s in SAMPLES])
def test_a_clip_shows_the_footages_own_frames_and_sound(shape: Sample, tmp_path: Path) -> None:
    source = whole(shape.file)
    rng = random.Random(shape.file)
    with Cutter(source.path, source.index) as cutter:
        for number in range(CUTS_PER_SAMPLE):
            start = rng.randrange(shape.frames - 1)
            end = min(shape.frames, start + rng.randrange(1, 40))
            clip = tmp_path / f"{number}.mp4"
            result = cutter.cut(start, end, clip)
            check(source, start, end, clip, result)


@pytest.mark.parametrize("shape", SAMPLES, ids=[s.file for s in SAMPLES])
def test_the_index_numbers_the_frames_as_the_decoder_gives_them(shape: Sample) -> None:
    source = whole(shape.file)
    index = source.index
    times = [index.seconds_at(frame) for frame in range(index.frame_count)]
    assert times == [frame.time for frame in source.frames]
    assert index.damage == ()


@pytest.mark.parametrize("name", ["h264_b_frames.mp4", "hevc_open_gop.mkv", "vp9.webm", "h264_one_gop.mp4"])
def test_opencv_reads_the_same_frames(name: str, tmp_path: Path) -> None:
    source = whole(name)
    for start, end in ((0, 7), (31, 60), (113, 120)):
        clip = tmp_path / f"{start}.mp4"
        cut_clip(source.path, source.index, start, end, clip)
        assert opencv_agrees(source, start, end, clip)


def test_neighbouring_clips_share_no_sample_and_lose_none(tmp_path: Path) -> None:
    source = whole("h264_ntsc.mov")
    pieces: list[list[np.ndarray]] = [[], []]  # type: ignore[type-arg]
    with Cutter(source.path, source.index) as cutter:
        for start, end in ((0, 13), (13, 14), (14, 77), (77, 120)):
            clip = tmp_path / f"{start}.mp4"
            result = cutter.cut(start, end, clip)
            for cut in result.sounds:
                assert cut.track is not None
                pieces[cut.track].append(sound_of(clip, cut.track)[1])
    for parts, samples_of_track in zip(pieces, source.sounds, strict=True):
        assert np.array_equal(np.concatenate(parts, axis=1), samples_of_track[:, : sum(p.shape[1] for p in parts)])
        assert abs(sum(p.shape[1] for p in parts) - samples_of_track.shape[1]) <= 1


def test_a_track_that_starts_late_keeps_its_delay_and_an_absent_one_is_left_out(tmp_path: Path) -> None:
    source = whole("h264_51_late.ts")
    before = cut_clip(source.path, source.index, 0, 20, tmp_path / "before.mp4")
    across = cut_clip(source.path, source.index, 30, 60, tmp_path / "across.mp4")
    assert [sound.track for sound in before.sounds] == [0, None]
    assert across.sounds[1].delay_samples > 0
    check(source, 30, 60, tmp_path / "across.mp4", across)


def test_packets_are_copied_unless_the_lead_in_is_too_long(tmp_path: Path) -> None:
    closed, one_gop = (whole(n) for n in ("h264_b_frames.mp4", "h264_one_gop.mp4"))
    copied = cut_clip(closed.path, closed.index, 50, 70, tmp_path / "a.mp4")
    near = cut_clip(one_gop.path, one_gop.index, 40, 60, tmp_path / "b.mp4")
    far = cut_clip(one_gop.path, one_gop.index, 60, 80, tmp_path / "c.mp4", max_lead_in_seconds=2)
    assert (copied.method, copied.reason_for_encoding) == ("packets", None)
    assert (near.method, near.lead_in_frames) == ("packets", 40)
    assert far.method == "encoded"
    assert far.reason_for_encoding == "lead-in of 2.5 s from the key frame, more than 2 s"


def test_the_same_cut_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("h264_ntsc.mov", "vp8.webm"):
        source = whole(name)
        for copy in ("a", "b"):
            cut_clip(source.path, source.index, 33, 47, tmp_path / f"{copy}.mp4")
        assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


@pytest.mark.parametrize("encode", [None, "for the test"], ids=["packets", "encoded"])
def test_rotation_pixel_shape_and_colour_are_kept(encode: str | None, tmp_path: Path) -> None:
    rotated, coloured = (whole(n) for n in ("h264_rotated.mp4", "h264_10_bit.mp4"))
    for source in (rotated, coloured):
        clip = tmp_path / "clip.mp4"
        with Cutter(source.path, source.index) as cutter:
            cutter.cut(30, 50, clip, encode_because=encode)
        assert _description(clip) == _description(source.path)
    assert _description(rotated.path)[:2] == (90, Fraction(16, 11))
    assert _description(coloured.path)[2:5] == (9, 16, 9)


def _description(path: Path) -> tuple[object, ...]:
    with av.open(path) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        frame = next(container.decode(stream))
        return (
            frame.rotation,
            stream.sample_aspect_ratio,
            frame.color_primaries,
            frame.color_trc,
            frame.colorspace,
            frame.color_range,
            context.pix_fmt,
        )


def test_languages_of_audio_tracks_are_kept(tmp_path: Path) -> None:
    source = whole("h264_ntsc.mov")
    cut_clip(source.path, source.index, 0, 30, tmp_path / "clip.mp4")
    with av.open(tmp_path / "clip.mp4") as clip:
        assert [stream.language for stream in clip.streams.audio] == ["und", "jpn"]


def test_a_clip_of_a_clip_is_still_the_footage(tmp_path: Path) -> None:
    source = whole("h264_b_frames.mp4")
    cut_clip(source.path, source.index, 30, 90, tmp_path / "outer.mp4")
    outer = Whole(tmp_path / "outer.mp4")
    assert outer.index.frame_count == 60
    result = cut_clip(outer.path, outer.index, 10, 35, tmp_path / "inner.mp4")
    assert [frame.digest for frame in frames_of(tmp_path / "inner.mp4")] == [f.digest for f in source.frames[40:65]]
    check(outer, 10, 35, tmp_path / "inner.mp4", result)


def test_a_range_outside_the_footage_is_refused(tmp_path: Path) -> None:
    source = whole("h264_444.mp4")
    for start, end in ((-1, 4), (5, 5), (100, 121)):
        with pytest.raises(ValueError, match="the footage has frames 0 to 120"):
            cut_clip(source.path, source.index, start, end, tmp_path / "clip.mp4")


def test_footage_without_pictures_is_refused(tmp_path: Path) -> None:
    sound_only, text = tmp_path / "sound.mp4", tmp_path / "text.mp4"
    with av.open(sound_only, "w") as out:
        stream = out.add_stream("aac", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), dtype=np.float32), "fltp", "stereo")
        frame.sample_rate, frame.pts = 48000, 0
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    text.write_text("no film\n" * 100)
    with pytest.raises(Invalid, match=r"sound\.mp4: no video stream \(found: audio\)"):
        index_footage(sound_only)
    with pytest.raises(Invalid, match=r"text\.mp4: is not a video"):
        index_footage(text)


def test_a_playlist_that_names_other_files_is_refused(tmp_path: Path) -> None:
    film = made("h264_51_late.ts")
    playlist = tmp_path / "film.m3u8"
    playlist.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{film}\n#EXT-X-ENDLIST\n")
    with pytest.raises(Invalid, match="is a playlist"):
        index_footage(playlist)


@given(data=st.data())
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_range_of_any_sample_is_exact(data: st.DataObject, tmp_path: Path) -> None:
    shape = data.draw(st.sampled_from(SAMPLES))
    source = whole(shape.file)
    start = data.draw(st.integers(0, shape.frames - 1))
    end = data.draw(st.integers(start + 1, min(start + 30, shape.frames)))
    result = cut_clip(source.path, source.index, start, end, tmp_path / "clip.mp4")
    check(source, start, end, tmp_path / "clip.mp4", result)
