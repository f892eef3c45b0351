"""The course of a change: a drawing that a codec shows bit by bit is told from drawings that come one after another."""

import cv2
import numpy as np
import pytest
from celstream_segmenter.cadence import holds, odds
from celstream_segmenter.camera_motion import STANDING
from celstream_segmenter.change_course import ChangeCourse
from celstream_segmenter.drawing_change import Change, change_between
from numpy.typing import NDArray


def picture(mouth: float) -> NDArray[np.uint8]:
    """A face whose mouth is as dark as that, 0-1."""
    drawn = np.full((90, 160), 180, np.uint8)
    cv2.rectangle(drawn, (60, 40), (68, 44), round(180 - 150 * mouth), -1)
    cv2.circle(drawn, (110, 30), 14, 60, -1)
    return drawn


def changes(mouths: list[float]) -> list[Change]:
    course, found = ChangeCourse(), [Change()]
    before = picture(mouths[0])
    course.add(before, found)
    for mouth in mouths[1:]:
        shown = picture(mouth)
        found.append(change_between(shown, before, STANDING))
        course.add(shown, found)
        before = shown
    return found


def test_what_is_mended_later_goes_on() -> None:
    found = changes([0, 0, 0, 0.6, 1, 1, 1])
    assert found[3].goes_on == pytest.approx((2 / 3, 2 / 3), abs=0.02)
    assert found[4].begun == pytest.approx((1.5, 1.5), abs=0.02)


def test_what_a_repeated_frame_parts_has_begun_two_frames_before() -> None:
    found = changes([0, 0, 0.6, 0.6, 1, 1])
    assert found[4].begun == pytest.approx((0.0, 1.5), abs=0.02)
    assert found[2].goes_on == pytest.approx((0.0, 2 / 3), abs=0.02)


def test_a_mouth_that_closes_again_undoes_what_was_begun() -> None:
    found = changes([0, 0, 1, 0, 0])
    assert found[2].goes_on == pytest.approx((-1, -1), abs=0.02)
    assert found[3].begun == pytest.approx((-1, -1), abs=0.02)


def test_a_step_the_same_way_speaks_less_for_a_drawing_than_one_back() -> None:
    on, back = (odds(changes([0, 0, 0, 0, 0.2, 0.2 + step, 0.2 + step, 0.2 + step])[1:], 2) for step in (0.06, -0.06))
    assert on[4] < back[4] - 0.1
    assert on[3] < back[3] - 0.2


def test_a_cut_beside_a_clip_is_not_part_of_its_course() -> None:
    found = changes([0, 1, 0, 0, 1, 1, 1, 1])
    inside = holds(found[2:], 2)
    assert [hold.start for hold in inside] == [0, 2]
