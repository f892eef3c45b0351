"""The index of a long film, kept in files and gone through in pieces, is that of a short one."""

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from celstream_segmenter import columns, frame_reader, opened_file, packet_index, sound_index, track_reader
from celstream_segmenter.columns import Shelf
from celstream_segmenter.damage import holes
from celstream_segmenter.display_order import Numbered, in_display_order
from celstream_segmenter.frame_reader import key_packets_before
from celstream_segmenter.packet_index import VideoIndex, index_footage
from celstream_segmenter.sound_index import SoundIndex
from celstream_segmenter.track_reader import TrackReader

from tests.footage_samples import SAMPLES, Sample, made


def check_same(first: VideoIndex | SoundIndex, second: VideoIndex | SoundIndex) -> None:
    for field in fields(first):
        one, other = getattr(first, field.name), getattr(second, field.name)
        assert np.array_equal(one, other), field.name
        assert not isinstance(one, np.ndarray) or one.dtype == other.dtype


@pytest.mark.parametrize("shape", SAMPLES, ids=[s.file for s in SAMPLES])
def test_an_index_in_files_is_the_same(shape: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = made(shape.file)
    in_memory = index_footage(path)
    monkeypatch.setattr(columns, "KEPT_BYTES", 64)
    for module in (columns, packet_index, sound_index):
        monkeypatch.setattr(module, "BLOCK", 7)
    in_files = index_footage(path, tmp_path)
    check_same(in_files.video, in_memory.video)
    for one, other in zip(in_files.sounds, in_memory.sounds, strict=True):
        check_same(one, other)
    assert (in_files.damage, in_files.mute) == (in_memory.damage, in_memory.mute)
    assert not in_files.video.packet_pts.flags.writeable  # it lies in a file
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("shape", SAMPLES, ids=[s.file for s in SAMPLES])
def test_packets_are_found_again_in_small_pieces_of_the_index(shape: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    path = made(shape.file)
    index = index_footage(path)
    keys = [key_packets_before(index.video, frame) for frame in range(0, index.frame_count, 9)]
    for module in (frame_reader, track_reader):
        monkeypatch.setattr(module, "BLOCK", 8)
    assert [key_packets_before(index.video, frame) for frame in range(0, index.frame_count, 9)] == keys
    for track in (index.video, *index.sounds):
        with TrackReader(path, track.stream_index, track.packet_pts, track.packet_sizes) as reader:
            for first in (0, 30, 15):
                found = list(reader.packets(first, first + 9))
                assert [number for number, _ in found] == list(range(first, first + 10))
                assert [packet.size for _, packet in found] == track.packet_sizes[first : first + 10].tolist()


def test_indexing_says_with_every_packet_that_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A parent gives up a child that is silent: the index of a day of film takes a minute of a processor's time."""
    signs: list[None] = []
    monkeypatch.setattr(opened_file, "still_working", lambda: signs.append(None))
    index = index_footage(made("h264_b_frames.mp4"))
    assert len(signs) >= len(index.video.packet_pts) + sum(len(sound.packet_pts) for sound in index.sounds)


def test_times_that_jump_back_are_put_in_order_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    times = np.random.default_rng(0).integers(-40, 40, 200)
    monkeypatch.setattr(columns, "BLOCK", 16)

    def shown(part: slice) -> Numbered:
        numbers = np.arange(part.start, part.stop)
        return numbers[numbers % 3 != 0], times[part][numbers % 3 != 0]

    packets, ticks = in_display_order(shown, len(times), Shelf())
    first = {int(times[number]): number for number in range(199, -1, -1) if number % 3}
    assert ticks.tolist() == sorted(first)
    assert packets.tolist() == [first[tick] for tick in sorted(first)]


def test_a_hole_is_found_across_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "BLOCK", 16)
    ticks = np.arange(1000) * 10
    ticks[640:] += 200
    ticks[641:] += 100
    assert holes(ticks, Shelf()) == [640, 641]
    assert holes(ticks[:640], Shelf()) == []
    assert holes(np.cumsum(np.random.default_rng(0).integers(1, 900, 500)), Shelf()) == []
