"""Long shots are split where little moves, between drawings, in silence; what is held for too long is found."""

from itertools import pairwise

import numpy as np
from celstream_segmenter.long_shots import held_too_long, split, split_prices
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

FPS = 24
BOUNDS = {"min_seconds": 1.0, "target_seconds": 5.0, "max_seconds": 20.0}


def times(frames: int) -> NDArray[np.float64]:
    return np.arange(frames + 1) / FPS


def starts_of(parts: list[tuple[int, int]]) -> list[int]:
    return [start for start, _ in parts[1:]]


def every(frames: int, step: int) -> NDArray[np.bool_]:
    return np.arange(frames) % step == 0


def test_a_shot_within_the_maximum_stays_whole() -> None:
    assert split(times(480), np.zeros(480), **BOUNDS) == [(0, 480)]


def test_where_all_places_are_alike_the_parts_are_alike() -> None:
    parts = split(times(960), np.zeros(960), **BOUNDS)
    assert len(parts) == 8
    assert all(110 <= end - start <= 130 for start, end in parts)


def test_a_part_begins_with_a_new_drawing() -> None:
    frames = 1000
    prices = split_prices(times(frames), every(frames, 7), np.ones(frames), None)
    parts = split(times(frames), prices, **BOUNDS)
    assert len(parts) > 5
    assert all(start % 7 == 0 for start in starts_of(parts))


def test_a_part_begins_in_a_pause_of_the_motion() -> None:
    frames = 1200
    pauses = np.array([100, 260, 330, 480, 590, 700, 830, 905, 1010, 1120])
    motion = np.full(frames, 6.0)
    for pause in pauses:
        motion[pause - 8 : pause + 8] = 0.1
    prices = split_prices(times(frames), np.ones(frames, np.bool_), motion, None)
    for start in starts_of(split(times(frames), prices, **BOUNDS)):
        assert np.abs(pauses - start).min() < 8


def test_of_two_drawings_the_one_that_begins_in_silence_is_taken() -> None:
    frames = 1000
    level = np.full(frames, -20.0)
    silent = np.arange(60, frames, 110)
    for frame in silent:
        level[frame - 3 : frame + 4] = -70.0
    prices = split_prices(times(frames), every(frames, 2), np.ones(frames), level)
    for start in starts_of(split(times(frames), prices, **BOUNDS)):
        assert np.abs(silent - start).min() <= 3
        assert start % 2 == 0


def test_unknown_and_even_sound_change_nothing() -> None:
    frames = 600
    silent = split_prices(times(frames), every(frames, 2), np.ones(frames), None)
    for level in (np.full(frames, np.nan), np.full(frames, -23.0)):
        assert np.array_equal(split_prices(times(frames), every(frames, 2), np.ones(frames), level), silent)


def test_a_drawing_is_parted_where_there_is_no_other_way() -> None:
    """A pan over one painting for a minute."""
    frames = 60 * FPS
    prices = split_prices(times(frames), every(frames, frames), np.ones(frames), None)
    parts = split(times(frames), prices, **BOUNDS)
    assert all(1.0 <= (end - start) / FPS <= 20.0 for start, end in parts)


@given(
    st.integers(2, 1500),
    st.integers(0, 2**31),
    st.floats(0.5, 3.0),
    st.floats(1.0, 3.0),
    st.floats(2.5, 5.0),
)
def test_parts_hold_every_frame_once_and_keep_their_bounds(
    frames: int, seed: int, least: float, more: float, most: float
) -> None:
    rng = np.random.default_rng(seed)
    seconds = np.concatenate(([0.0], np.cumsum(rng.uniform(0.01, 0.08, frames))))
    target, longest = least * more, least * more * most
    parts = split(seconds, rng.uniform(0, 4, frames), min_seconds=least, target_seconds=target, max_seconds=longest)
    assert parts[0][0] == 0
    assert parts[-1][1] == frames
    assert all(b == c for (_, b), (c, _) in pairwise(parts))
    for start, end in parts:
        assert seconds[end] - seconds[start] <= longest + 1e-6
        assert len(parts) == 1 or seconds[end] - seconds[start] >= least - 1e-6


def test_bounds_that_cannot_be_kept_are_broken_by_one_part() -> None:
    lengths = [
        (end - start) / FPS
        for start, end in split(times(7 * FPS), np.zeros(7 * FPS), min_seconds=4, target_seconds=4.5, max_seconds=5)
    ]
    assert sum(4 <= length <= 5 for length in lengths) == len(lengths) - 1
    assert max(lengths) <= 5


def test_a_hold_is_too_long_by_time_and_not_by_frames() -> None:
    """Variable frame rate: one frame of 30 s, and ten seconds of frames of a thirtieth of a second."""
    seconds = np.concatenate(([0.0, 30.0], 30.0 + np.arange(1, 301) / 30))
    assert held_too_long([0, 1], seconds, max_seconds=20.0) == [(0, 1)]
    assert held_too_long([0], seconds, max_seconds=40.0 + 1e-6) == []
