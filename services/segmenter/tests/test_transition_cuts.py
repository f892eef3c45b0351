"""Hard cuts: found where they are, and only there."""

from itertools import pairwise

import cv2
import numpy as np
import pytest
from celstream_segmenter.transition_finder import TransitionFinder
from celstream_segmenter.transitions import Transition

from tests.transition_pictures import BLACK, HEIGHT, WHITE, WIDTH, cuts, decoded, find, mixed, picture, shot


def test_a_cut_is_the_first_frame_of_the_new_shot() -> None:
    assert cuts(shot(1, 30) + shot(2, 30)) == [30]


def test_shots_of_three_frames_are_found() -> None:
    frames = shot(1, 30) + shot(2, 3) + shot(3, 3) + shot(4, 4) + shot(5, 30)
    assert cuts(frames) == [30, 33, 36, 40]


@pytest.mark.parametrize("speed", [2.0, 6.0])
def test_a_pan_is_no_cut(speed: float) -> None:
    assert cuts(shot(1, 25, speed)) == []


def test_a_cut_is_certain_half_a_second_later_whatever_comes_then() -> None:
    dissolve = [mixed(old, new, (at + 1) / 9) for at, (old, new) in enumerate(zip(shot(1, 8), shot(2, 8), strict=True))]
    frames = shot(1, 30) + dissolve + shot(2, 30) + shot(3, 5) + shot(4, 60)
    finder, found = TransitionFinder(), []
    ended: list[Transition] = []
    for luma, chroma in decoded(frames):
        found += finder.push(luma, chroma)
        ended = ended or finder.up_to_cut(60)
        if ended:
            break
    whole = find(frames)
    assert [(transition.kind, transition.frame) for transition in whole[-2:]] == [("cut", 68), ("cut", 73)]
    assert found + ended == whole[:-1]
    assert len(finder.novelty) == 68 + 14


def test_held_drawings_are_no_cuts() -> None:
    frames = [frame for frame in shot(1, 16, 6.0) for _ in range(3)]
    assert cuts(frames) == []


def test_at_60_frames_a_second_the_same_is_found_as_at_24() -> None:
    drawn = shot(1, 30, 5.0) + shot(2, 4) + shot(3, 30, 5.0)
    shown = [drawn[index * 24 // 60] for index in range(len(drawn) * 60 // 24)]
    assert cuts(shown, fps=60) == [75, 85]


def test_a_rate_that_is_not_positive_is_refused() -> None:
    with pytest.raises(ValueError, match="expected more than 0"):
        TransitionFinder(0)


@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_flash_is_not_a_cut(length: int) -> None:
    frames = shot(1, 60, 1.0)
    frames[30 : 30 + length] = [WHITE] * length
    assert find(frames) == []


def test_a_strobe_is_not_a_row_of_cuts() -> None:
    frames = shot(1, 60)
    frames[24:40:2] = [WHITE] * 8
    assert cuts(frames) == []


def test_something_that_passes_close_to_the_camera_is_not_a_cut() -> None:
    frames = shot(1, 60)
    body = cv2.blur(picture(9)[:, : WIDTH + 60], (25, 1))
    for step in range(5):
        left = -WIDTH - 60 + (step + 1) * 80
        first, last = max(0, left), min(WIDTH, left + WIDTH + 60)
        if first < last:
            frames[28 + step][:, first:last] = body[:, first - left : last - left]
    assert find(frames) == []


def test_something_small_that_pops_up_on_flat_ground_is_not_a_cut() -> None:
    frames = [np.full((HEIGHT, WIDTH, 3), (200, 220, 240), np.uint8) for _ in range(60)]
    for frame in frames[30:]:
        cv2.circle(frame, (100, 40), 8, (40, 40, 200), -1)
    assert find(frames) == []


def test_a_cut_to_black_and_a_cut_from_black_are_cuts() -> None:
    assert cuts(shot(1, 30) + [BLACK] * 20 + shot(2, 30)) == [30, 50]


def test_a_frame_mixed_of_both_shots_makes_one_cut() -> None:
    old, new = shot(1, 30), shot(2, 30)
    found = cuts([*old, mixed(old[-1], new[0], 0.5), *new])
    assert len(found) == 1
    assert found[0] in (30, 31)


def test_transitions_come_in_order_and_do_not_overlap() -> None:
    frames = shot(1, 30) + shot(2, 5) + [BLACK] * 3 + shot(3, 40, 3.0) + [WHITE] + shot(4, 30)
    found = find(frames)
    assert found
    assert all(before.end_frame < after.start_frame for before, after in pairwise(found))


def test_a_footage_without_frames_has_no_transitions() -> None:
    assert find([]) == []


@pytest.mark.parametrize(
    ("kind", "start", "end", "frame", "confidence", "message"),
    [
        ("jump", 1, 1, 1, 0.5, "expected one of"),
        ("cut", 1, 2, 1, 0.5, "a cut is one frame"),
        ("dissolve", 5, 4, 5, 0.5, "start <= end"),
        ("dissolve", -1, 4, 2, 0.5, "0 <= start"),
        ("cut", 1, 1, 1, 1.5, "expected 0..1"),
    ],
)
def test_a_transition_that_cannot_be_says_why(
    kind: str, start: int, end: int, frame: int, confidence: float, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Transition(kind, start, end, frame, confidence)  # type: ignore[arg-type]
