"""A clip is proven by its packets only where they are the footage's own from a decoder's refresh on."""

from pathlib import Path

import av
import numpy as np
import pytest
from celstream_segmenter.cut_proof import prove_clip
from celstream_segmenter.frame_checksum import frame_checksum
from celstream_segmenter.lossless_cut import cut_clip
from celstream_segmenter.packet_index import FootageIndex, index_footage
from celstream_segmenter.packet_proof import begins_anew

from tests.footage_samples import made

NOT_ITS_FIRST_FRAME = np.zeros(1, np.uint64)
START, END = 42, 70


def keys_of(path: Path) -> dict[int, int]:
    """What a decoding pass knows of the key frames: checksum by time."""
    with av.open(path) as container:
        return {f.pts: frame_checksum(f) for f in container.decode(video=0) if f.key_frame and f.pts is not None}


def refreshes(path: Path, index: FootageIndex, folder: Path) -> list[bool]:
    """For each key frame of a footage, whether a clip from there on begins anew."""
    found = []
    for packet in index.video.key_packets():
        start = int(np.searchsorted(index.video.frame_ticks, index.video.packet_pts[packet]))
        cut_clip(path, index, start, start + 2, folder / "key.mp4")
        with av.open(folder / "key.mp4") as clip:
            headers = bytes(clip.streams.video[0].codec_context.extradata or b"")
            first = next(clip.demux(video=0))
            found.append(begins_anew(index.video.codec, headers, memoryview(first)))
    return found


@pytest.mark.parametrize(("name", "start"), [("h264_b_frames.mp4", START), ("hevc.mp4", 10)])
def test_packets_from_a_refresh_on_prove_a_clip_by_its_hidden_key_frame(name: str, start: int, tmp_path: Path) -> None:
    path, clip = made(name), tmp_path / "clip.mp4"
    index = index_footage(path)
    result = cut_clip(path, index, start, END, clip)
    assert result.lead_in_frames > 0
    proof = prove_clip(
        path, index, start, clip, result, extent="start", expected=NOT_ITS_FIRST_FRAME, keys=keys_of(path)
    )
    assert proof.holds
    full = prove_clip(path, index, start, clip, result, extent="full")
    assert full.holds


def test_a_key_frame_that_shows_something_else_proves_nothing(tmp_path: Path) -> None:
    path, clip = made("h264_b_frames.mp4"), tmp_path / "clip.mp4"
    index = index_footage(path)
    result = cut_clip(path, index, START, END, clip)
    others = {ticks: checksum ^ 1 for ticks, checksum in keys_of(path).items()}
    proof = prove_clip(path, index, START, clip, result, extent="start", expected=NOT_ITS_FIRST_FRAME, keys=others)
    assert proof.faults == (f"frame 0 of the clip differs from the footage's frame {START}",)


def test_a_changed_byte_in_a_packet_is_found(tmp_path: Path) -> None:
    path, clip = made("h264_b_frames.mp4"), tmp_path / "clip.mp4"
    index = index_footage(path)
    result = cut_clip(path, index, START, END, clip)
    data = bytearray(clip.read_bytes())
    with av.open(clip) as opened:
        last = [packet for packet in opened.demux(video=0) if packet.size][-1]
        at = data.index(bytes(last))
    data[at + last.size // 2] ^= 1
    clip.write_bytes(data)
    proof = prove_clip(
        path, index, START, clip, result, extent="start", expected=NOT_ITS_FIRST_FRAME, keys=keys_of(path)
    )
    assert not proof.holds


def test_only_a_refresh_begins_anew(tmp_path: Path) -> None:
    closed, opened, other = (made(name) for name in ("h264_b_frames.mp4", "h264_open_gop.mkv", "vp9.webm"))
    assert all(refreshes(closed, index_footage(closed), tmp_path))
    assert not any(refreshes(opened, index_footage(opened), tmp_path)[1:])
    assert not any(refreshes(other, index_footage(other), tmp_path))
