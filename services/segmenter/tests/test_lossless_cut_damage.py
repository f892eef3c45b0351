"""Damaged footage: the index says where, and clips of what is whole are exact."""

import random
import shutil
from pathlib import Path

import av
import numpy as np
import pytest
from celstream_platform.errors import Invalid
from celstream_platform.footage.opening import open_container
from celstream_segmenter.cut_proof import prove_clip
from celstream_segmenter.frame_checksum import frame_checksum
from celstream_segmenter.lossless_cut import Cutter, cut_clip
from celstream_segmenter.opened_file import packets_through_damage
from celstream_segmenter.packet_index import FootageIndex, index_footage
from numpy.typing import NDArray

from tests.footage_samples import made
from tests.footage_truth import frames_of

CLIP_FRAMES = 9


def decoded(path: Path, index: FootageIndex) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """What a decoder gives for the whole file: time stamps, and which frames it calls corrupt."""
    ticks: list[int] = []
    corrupt: list[bool] = []
    with open_container(path) as container:
        stream = container.streams[index.video.stream_index]
        stream.codec_context.thread_type = "FRAME"
        for packet in [*packets_through_damage(container, (stream,)), None]:
            try:
                frames = stream.codec_context.decode(packet)
            except av.error.FFmpegError:
                continue
            ticks.extend(frame.pts for frame in frames)
            corrupt.extend(frame.is_corrupt for frame in frames)
    return np.array(ticks, dtype=np.int64), np.array(corrupt, dtype=bool)


def check_whole_ranges(original: Path, path: Path, index: FootageIndex, tmp_path: Path, at_least: int) -> None:
    """Clips of undamaged ranges show what the undamaged file shows at those times."""
    truth = {frame.time: frame.digest for frame in frames_of(original)}
    spoilt = {frame for damage in index.damage for frame in range(damage.start_frame, damage.end_frame)}
    checked = 0
    with Cutter(path, index) as cutter:
        for start in range(0, index.frame_count - CLIP_FRAMES, CLIP_FRAMES):
            if not spoilt & set(range(start, start + CLIP_FRAMES)):
                cutter.cut(start, start + CLIP_FRAMES, tmp_path / "clip.mp4")
                wanted = [truth[index.seconds_at(frame)] for frame in range(start, start + CLIP_FRAMES)]
                assert [frame.digest for frame in frames_of(tmp_path / "clip.mp4")] == wanted
                checked += 1
    assert checked >= at_least


@pytest.mark.parametrize(
    "name",
    ["h264_b_frames.mp4", "h264_open_gop.mkv", "h264_51_late.ts", "hevc.mp4", "vp9.webm", "av1.webm", "vp8.webm"],
)
def test_around_damaged_packets_clips_are_exact_and_the_damage_is_reported(name: str, tmp_path: Path) -> None:
    original = made(name)
    data = bytearray(original.read_bytes())
    at, length = len(data) * 45 // 100, len(data) // 40
    data[at : at + length] = random.Random(5).randbytes(length)
    path = tmp_path / f"damaged_{name}"
    path.write_bytes(data)
    index = index_footage(path)
    index = index.reconciled(*decoded(path, index))
    assert index.damage
    assert np.isin(index.frame_times, decoded(path, index)[0]).all()
    check_whole_ranges(original, path, index, tmp_path, at_least=3)


@pytest.mark.parametrize(
    ("name", "side"),
    [
        ("h264_open_gop.mkv", "end"),
        ("vp8.webm", "end"),
        ("h264_51_late.ts", "end"),
        ("h264_51_late.ts", "front"),  # a transport stream may begin anywhere
        ("mpeg2.ts", "front"),
    ],
)
def test_footage_cut_off_in_the_middle_of_a_packet_is_used_as_far_as_it_goes(
    name: str, side: str, tmp_path: Path
) -> None:
    original = made(name)
    data = original.read_bytes()
    path = tmp_path / f"part_{name}"
    path.write_bytes(data[len(data) * 3 // 10 + 77 :] if side == "front" else data[: len(data) * 7 // 10 + 77])
    index = index_footage(path)
    ticks, corrupt = decoded(path, index)
    index = index.reconciled(ticks, corrupt)
    assert np.array_equal(index.frame_times, ticks)
    truth = frames_of(path)
    for start in (0, index.frame_count - CLIP_FRAMES):
        cut_clip(path, index, start, start + CLIP_FRAMES, tmp_path / "clip.mp4")
        given = [frame.digest for frame in frames_of(tmp_path / "clip.mp4")]
        assert given == [frame.digest for frame in truth[start : start + CLIP_FRAMES]]


def test_a_proof_finds_a_clip_of_other_frames(tmp_path: Path) -> None:
    path = made("h264_b_frames.mp4")
    index = index_footage(path)
    result = cut_clip(path, index, 40, 70, tmp_path / "clip.mp4")
    assert prove_clip(path, index, 40, tmp_path / "clip.mp4", result, extent="full").holds
    elsewhere = prove_clip(path, index, 41, tmp_path / "clip.mp4", result)
    assert "frame 0 of the clip differs from the footage's frame 41" in elsewhere.faults


def test_a_proof_by_the_checksums_of_a_decoding_pass_needs_no_footage(tmp_path: Path) -> None:
    path = Path(shutil.copy(made("h264_444.mp4"), tmp_path))
    index = index_footage(path)
    with av.open(path) as container:
        sums = np.array([frame_checksum(frame) for frame in container.decode(video=0)], dtype=np.uint64)
    result = cut_clip(path, index, 40, 70, tmp_path / "clip.mp4")
    path.unlink()
    assert prove_clip(path, index, 40, tmp_path / "clip.mp4", result, extent="full", expected=sums[40:70]).holds
    assert not prove_clip(path, index, 40, tmp_path / "clip.mp4", result, expected=sums[41:71]).holds


def test_sound_with_random_noise_is_proven_from_the_same_packet_on(tmp_path: Path) -> None:
    """AC-3 dithers: no two decodes agree, but decodes from the same packet on do."""
    path = made("h264_51_late.ts")
    index = index_footage(path)
    with Cutter(path, index) as cutter:
        result, proof = cutter.cut_and_prove(50, 80, tmp_path / "clip.mp4", extent="full")
    assert result.method == "packets"
    assert proof.holds
    assert proof.largest_difference > 0


def test_a_range_that_never_decodes_as_expected_is_refused_with_what_differs(tmp_path: Path) -> None:
    path = made("h264_b_frames.mp4")
    index = index_footage(path)
    with (
        Cutter(path, index) as cutter,
        pytest.raises(Invalid, match="frames 40 to 70 do not decode the same way twice"),
    ):
        cutter.cut_and_prove(40, 70, tmp_path / "clip.mp4", expected=np.zeros(30, dtype=np.uint64))
