"""Fades, dissolves and wipes: kind and range."""

import numpy as np
import pytest
from celstream_segmenter.fades import judge
from celstream_segmenter.transitions import Transition

from tests.transition_pictures import BLACK, HEIGHT, WIDTH, Picture, find, mixed, shot


def overlap(found: Transition, first: int, last: int) -> float:
    """Temporal intersection over union with frames first..last."""
    common = min(found.end_frame, last) - max(found.start_frame, first) + 1
    return common / (max(found.end_frame, last) - min(found.start_frame, first) + 1)


@pytest.mark.parametrize("length", [6, 12, 24, 40])
def test_a_dissolve_is_found_where_it_is(length: int) -> None:
    old, new = shot(1, 40 + length, 0.5), shot(2, 40 + length)
    between = [mixed(old[40 + i], new[i], (i + 1) / (length + 1)) for i in range(length)]
    found = find(old[:40] + between + new[length:])
    assert [item.kind for item in found] == ["dissolve"]
    assert overlap(found[0], 40, 39 + length) >= 0.6


@pytest.mark.parametrize("length", [7, 20, 60])
def test_a_fade_out_and_a_fade_in_are_two(length: int) -> None:
    out, into = shot(1, 40 + length), shot(2, 40 + length)
    dark = [mixed(out[40 + i], BLACK, (i + 1) / length) for i in range(length)]
    light = [mixed(BLACK, into[i], (i + 1) / length) for i in range(length)]
    found = find(out[:40] + dark + [BLACK] * 6 + light + into[length:])
    assert [item.kind for item in found] == ["fade_out", "fade_in"]
    assert overlap(found[0], 40, 39 + length) >= 0.6
    assert overlap(found[1], 46 + length, 45 + 2 * length) >= 0.6


def test_a_wipe_is_found_where_it_is() -> None:
    old, new = shot(1, 50), shot(2, 50)
    between: list[Picture] = []
    for step in range(16):
        edge = round((step + 1) / 17 * WIDTH)
        between.append(np.hstack((new[0][:, :edge], old[0][:, edge:])))
    found = find(old + between + new)
    assert [item.kind for item in found] == ["wipe"]
    assert overlap(found[0], 50, 65) >= 0.6


def test_a_slow_pan_is_no_dissolve() -> None:
    assert find(shot(1, 90, 0.8)) == []


def test_a_dip_of_brightness_is_no_fade() -> None:
    frames = shot(1, 60)
    for step in range(11):
        share = 0.6 * (1 - abs(step - 5) / 6)
        frames[25 + step] = mixed(frames[25 + step], BLACK, share)
    assert find(frames) == []


def test_a_title_that_fades_in_over_a_scene_is_no_transition() -> None:
    frames = shot(1, 80)
    title = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    title[30:60, 30:130] = 255
    for index, frame in enumerate(frames):
        share = min(1.0, max(0.0, (index - 30) / 15))
        frame[30:60, 30:130] = mixed(frame[30:60, 30:130], title[30:60, 30:130], share)
    assert find(frames) == []


def test_levels_that_fall_evenly_to_nothing_are_a_fade() -> None:
    levels = np.concatenate((np.full(3, 80.0), np.linspace(80, 0, 21)[1:]))
    result = judge(levels, np.zeros_like(levels))
    assert result is not None
    first, last, leftover = result
    assert (abs(first - 3) <= 1, abs(last - 22) <= 1, leftover) == (True, True, 0.0)


def test_levels_that_fall_to_a_third_are_no_fade() -> None:
    levels = np.linspace(90, 30, 20)
    assert judge(levels, np.zeros_like(levels)) is None
