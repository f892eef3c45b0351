"""Where chapters begin, known from the packets alone."""

from fractions import Fraction

import numpy as np
from celstream_segmenter.chapter_targets import chapter_targets
from celstream_segmenter.packet_index import FootageIndex, PacketFlag, VideoIndex
from celstream_segmenter.shots import Beginning

FPS = 24


def footage(seconds: int, keys: list[int]) -> FootageIndex:
    """Of frames that are shown in the order of their packets; keys: the frames at which decoding can begin."""
    frames = np.arange(seconds * FPS, dtype=np.int64)
    flags = np.zeros(len(frames), np.uint8)
    flags[keys] = PacketFlag.KEY
    ones = np.ones(len(frames), np.int64)
    sizes = np.full(len(frames), 1000, np.int32)
    video = VideoIndex(
        0, "h264", Fraction(1, FPS), 1920, 1080, frames, ones, sizes, flags, frames, frames, len(frames)
    )  # fmt: skip
    return FootageIndex("mov", video, (), ())


def test_a_film_of_two_chapters_is_parted_where_the_longer_one_is_shortest() -> None:
    # At 24 s hardly anything is decoded twice, but the second chapter is longer than with the beginning at 31 s.
    found = chapter_targets(footage(60, [0, 240, 550, 576, 704, 744, 994, 1244]), 60.0, Beginning())
    assert found.ticks == [744]


def test_what_several_take_turns_at_begins_where_least_is_decoded_twice() -> None:
    keys = sorted({*range(0, 180 * FPS, 250), 57 * FPS, 58 * FPS + 1, 62 * FPS, 64 * FPS})
    found = chapter_targets(footage(180, keys), 60.0, Beginning())
    assert len(found.ticks) == 2
    assert found.ticks[0] == 58 * FPS + 1
