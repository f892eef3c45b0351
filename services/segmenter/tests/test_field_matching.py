"""Interlaced and telecined frames are put together again, moment by moment."""

from itertools import pairwise

import numpy as np
import pytest
from celstream_segmenter.field_matcher import FieldMatcher, Fields
from celstream_segmenter.field_matching import (
    Match,
    fields,
    film_lengths,
    is_woven,
    repeats,
    telecine_phase,
)
from numpy.typing import NDArray

PULLDOWN = ((0, 0), (1, 1), (1, 2), (2, 3), (3, 3))


def film(count: int) -> list[NDArray[np.uint8]]:
    """A bright square that goes to the right over a smooth ground."""
    ground = np.tile(np.linspace(60, 120, 320).astype(np.uint8), (180, 1))
    frames = []
    for number in range(count):
        frame = ground.copy()
        frame[60:120, 20 + 9 * number : 70 + 9 * number] = 220
        frames.append(frame)
    return frames


def telecined(frames: list[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
    made = []
    for number in range(len(frames) * 5 // 4):
        top, bottom = (4 * (number // 5) + step for step in PULLDOWN[number % 5])
        woven = frames[top].copy()
        woven[1::2] = frames[bottom][1::2]
        made.append(woven)
    return made


def matches_of(frames: list[NDArray[np.uint8]]) -> tuple[list[NDArray[np.uint8]], list[Match]]:
    halves = [fields(frame, 160, 90) for frame in frames]
    matcher = FieldMatcher()
    found = []
    for number, (top, bottom) in enumerate(halves):
        found += matcher.add(top, Fields(top, bottom, halves[max(0, number - 1)][1]))
    found += matcher.rest()
    return [picture for picture, _ in found], [match for _, match in found if match is not None]


def news_of(pictures: list[NDArray[np.uint8]]) -> list[float]:
    """The largest change of each picture."""
    return [0.0, *(float(np.abs(b.astype(int) - a).max()) for a, b in pairwise(pictures))]


def test_telecine_is_undone() -> None:
    source = film(20)
    pictures, found = matches_of(telecined(source))
    assert telecine_phase(found, news_of(pictures)) == 0
    for number, picture in enumerate(pictures):
        top = 4 * (number // 5) + PULLDOWN[number % 5][0]
        whole = sum(half.astype(float) for half in fields(source[top], 160, 90)) / 2
        assert np.abs(picture - whole).max() <= 1


@pytest.mark.parametrize("start", range(5))
def test_the_cycle_is_found_wherever_a_clip_begins(start: int) -> None:
    pictures, found = matches_of(telecined(film(20))[start:])
    assert telecine_phase(found, news_of(pictures)) == start


@pytest.mark.parametrize("start", range(5))
def test_a_mouth_between_poses_on_twos_tells_two_phases_apart(start: int) -> None:
    poses = film(11)
    frames = [poses[(number + 1) // 2].copy() for number in range(20)]
    for number, frame in enumerate(frames):
        frame[150:158, 280:288] = 200 if number // 2 % 2 else 60  # new at even frames, the poses at odd ones
    pictures, found = matches_of(telecined(frames)[start:])
    assert telecine_phase(found, news_of(pictures)) == start


def test_a_faint_drawing_is_put_together_by_the_cycle_of_the_frames_around() -> None:
    moments = film(48)
    for number, frame in enumerate(moments):
        frame[:] = moments[min(number, 16)] if 16 <= number < 40 else frame  # the square stands for a second
        frame[130:134, 200:204] = 130 + 20 * (number % 2)  # a mouth on ones: a field shows 0.07 % of it anew
    noise = np.random.default_rng(2)
    frames = [np.clip(f + noise.normal(0, 2, f.shape), 0, 255).astype(np.uint8) for f in telecined(moments)]
    pictures, found = matches_of(frames)
    late = [number for number, match in enumerate(found) if match.late != (number % 5 in (2, 3))]
    assert late  # by themselves the fields tell wrong
    for number, picture in enumerate(pictures[1:], start=1):
        top = 4 * (number // 5) + PULLDOWN[number % 5][0]
        whole = sum(half.astype(float) for half in fields(moments[top], 160, 90)) / 2
        assert abs((picture - whole)[65:67, 100:102].mean()) < 4, number  # two moments mixed: 10


def test_frames_come_back_in_order_and_whole_ones_at_once() -> None:
    frames = film(90)
    matcher = FieldMatcher()
    assert [picture is frame for frame in frames[:3] for picture, _ in matcher.add(frame, None)] == [True] * 3
    given = []
    for frame in frames[3:80]:
        given += matcher.add(frame, Fields(frame, frame, frame))
    assert len(given) < 77
    for frame in frames[80:]:
        given += matcher.add(frame, None)
    given += matcher.rest()
    assert [int(picture.argmax()) for picture, _ in given] == [int(frame.argmax()) for frame in frames[3:]]
    assert [match is None for _, match in given] == [False] * 77 + [True] * 10
    assert matcher.rest() == []


def test_progressive_frames_follow_no_cycle() -> None:
    pictures, found = matches_of(film(20))
    assert telecine_phase(found, news_of(pictures)) is None


def test_woven_frames_are_told_from_whole_ones() -> None:
    frames = telecined(film(12))
    woven = [is_woven(frame, before) for before, frame in pairwise(frames)]
    assert woven == [place % 5 in (2, 3) for place in range(1, len(frames))]


def test_interlaced_frames_are_woven() -> None:
    moments = film(24)
    frames = [moments[number].copy() for number in range(0, 24, 2)]
    for frame, later in zip(frames, moments[1::2], strict=True):
        frame[1::2] = later[1::2]
    assert all(is_woven(frame, before) for before, frame in pairwise(frames))


def test_thin_lines_that_stand_or_move_are_not_woven() -> None:
    frames = film(8)
    for number, frame in enumerate(frames):
        for row in range(1, 180, 4):
            frame[row, 10 + 3 * number : 200 + 3 * number] = 20
    assert not any(is_woven(frame, before) for before, frame in pairwise(frames))
    assert not is_woven(frames[0], frames[0])


def test_one_frame_of_five_repeats_the_one_before() -> None:
    assert np.flatnonzero(repeats(10, 1)).tolist() == [1, 6]


def test_holds_are_counted_in_frames_of_the_film() -> None:
    starts = [0, 3, 5, 8]  # twos: film frames 0-1, 2-3, 4-5, 6-7
    assert film_lengths(starts, 10, 0) == [2, 2, 2, 2]
