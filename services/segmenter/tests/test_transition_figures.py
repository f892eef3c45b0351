"""Transitions to other figures before the same background."""

import cv2
import numpy as np
import pytest
from celstream_segmenter.mixing import mixed_share, other_share
from celstream_segmenter.replacement import changed_area, replacement
from celstream_segmenter.transition_features import Sample, kept_in_place, sample

from tests.transition_pictures import HEIGHT, WIDTH, Picture, cuts, find, mixed, shot

RED, BLUE, GREEN = ((40, 40, 210), (240, 200, 160)), ((210, 60, 40), (150, 190, 240)), ((60, 180, 60), (90, 110, 160))
Paints = tuple[tuple[int, int, int], tuple[int, int, int]]


def with_figure(ground: Picture, x: int, paints: Paints, size: int = 60, arm: int = 0) -> Picture:
    """A figure of a body, a head and an arm, with its feet near the picture's lower edge."""
    canvas = ground.copy()
    coat, skin = paints
    foot = HEIGHT - 4
    shoulder = foot - int(size * 0.7)
    cv2.ellipse(canvas, (x, foot - int(size * 0.35)), (int(size * 0.16), int(size * 0.36)), 0, 0, 360, coat, -1)
    cv2.circle(canvas, (x, foot - int(size * 0.85)), int(size * 0.17), skin, -1)
    cv2.line(canvas, (x, shoulder), (x + int(size * 0.4), shoulder + arm), coat, max(2, size // 12))
    return canvas


def reduced(frame: Picture) -> Sample:
    planes = cv2.cvtColor(frame, cv2.COLOR_BGR2YUV_I420)
    u, v = planes[HEIGHT:].reshape(2, HEIGHT // 2, WIDTH // 2)
    return sample(planes[:HEIGHT], np.dstack((u, v)))


@pytest.fixture
def ground() -> Picture:
    return shot(4, 1)[0]


def test_other_figures_before_the_same_background_are_a_cut(ground: Picture) -> None:
    old = [with_figure(with_figure(ground, 35, RED), 110, GREEN, arm=6 * (i // 8 % 2)) for i in range(30)]
    new = [with_figure(ground, 75, BLUE, 84, arm=6 * (i // 8 % 2)) for i in range(30)]
    assert cuts(old + new) == [30]


def test_a_figure_that_moves_its_arm_on_threes_makes_no_cut(ground: Picture) -> None:
    frames = [with_figure(ground, 70, RED, 80, arm=(-25, 10, 30, 0)[i // 3 % 4]) for i in range(60)]
    assert find(frames) == []


def test_a_dissolve_to_other_figures_is_found_where_it_is(ground: Picture) -> None:
    old, new = with_figure(ground, 40, RED, 70), with_figure(ground, 110, BLUE, 78)
    between = [mixed(old, new, (i + 1) / 15) for i in range(14)]
    found = find([old] * 40 + between + [new] * 40)
    assert [item.kind for item in found] == ["dissolve"]
    assert found[0].start_frame == pytest.approx(40, abs=3)
    assert found[0].end_frame == pytest.approx(53, abs=3)


def test_a_figure_that_walks_across_is_no_wipe_and_no_dissolve(ground: Picture) -> None:
    frames = [with_figure(ground, 10 + i * 2, RED, 70, arm=(i // 2 % 3) * 6) for i in range(70)]
    assert find(frames) == []


def test_what_pops_up_only_appears_and_what_is_replaced_also_vanishes(ground: Picture) -> None:
    empty, left, right = reduced(ground), *(reduced(with_figure(ground, x, RED)) for x in (35, 120))
    assert replacement(empty, empty).area == 0
    popped, moved = replacement(empty, left), replacement(left, right)
    assert popped.balance < moved.balance
    assert moved.far_apart > 0.5
    assert moved.shift > 0.4
    assert replacement(left, reduced(with_figure(ground, 35, BLUE))).colours > 0.7
    assert changed_area(left, right) == moved.area
    assert kept_in_place(left, right) > 0.5


def test_a_dissolve_mixes_every_pixel_and_a_wipe_none(ground: Picture) -> None:
    old, new = with_figure(ground, 40, RED, 70), with_figure(ground, 110, BLUE, 78)
    first, last = reduced(old), reduced(new)
    wiped = np.hstack((new[:, :75], old[:, 75:]))
    assert mixed_share(first, reduced(mixed(old, new, 0.5)), last) > 0.8
    assert mixed_share(first, reduced(wiped), last) < 0.2
    assert other_share(first, reduced(wiped), last) < 0.1
    assert other_share(first, reduced(with_figure(ground, 75, RED, 70)), last) > 0.3
