"""Cadence: holds are found behind codec noise, under a moving camera and under flashes."""

from itertools import pairwise

import cv2
import numpy as np
import pytest
from celstream_segmenter.cadence import cadence_of, holds
from celstream_segmenter.camera_motion import STANDING, camera_sight
from celstream_segmenter.drawing_change import Change, change_between
from celstream_segmenter.measured import CameraStep, Hold
from numpy.typing import NDArray

SHRINK = 4  # as of footage 540 pixels high


def painting(seed: int, height: int = 135, width: int = 240) -> NDArray[np.uint8]:
    """A backdrop with shapes of every size."""
    rng = np.random.default_rng(seed)
    picture = np.full((height, width), 120, np.uint8)
    for _ in range(90):
        centre = tuple(int(v) for v in rng.uniform((-20, -20), (width + 20, height + 20)))
        cv2.circle(picture, centre, int(rng.integers(2, 22)), int(rng.integers(20, 235)), -1, cv2.LINE_AA)
    return picture


def noisy(picture: NDArray[np.uint8], seed: int, level: float = 1.5) -> NDArray[np.uint8]:
    """The picture as a codec gives it back."""
    noise = np.random.default_rng(seed).normal(0, level, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def changes(frames: list[NDArray[np.uint8]]) -> list[Change]:
    found = [Change()]
    for previous, frame in pairwise(frames):
        found.append(change_between(frame, previous, camera_sight(frame, previous).step))
    return found


def held(lengths: list[int], camera: CameraStep = STANDING, mouth: int = 4) -> list[NDArray[np.uint8]]:
    """Frames of a painting whose small mouth takes another place in every drawing, under a camera's steady move."""
    frames: list[NDArray[np.uint8]] = []
    backdrop = painting(3, 260, 400)
    for number, length in enumerate(lengths):
        drawing = backdrop.copy()
        place = (170 + 7 * (number % 3), 130 + 5 * (number % 2))
        cv2.ellipse(drawing, place, (mouth, mouth - 1), 0, 0, 360, 15, -1, cv2.LINE_AA)
        for _ in range(length):
            step = CameraStep(*(v * len(frames) for v in (camera.dx, camera.dy, camera.zoom, camera.turn)))
            matrix = step.matrix(240, 135)
            matrix[:, 2] -= matrix[:, :2] @ (60, 60)
            seen = cv2.warpAffine(drawing, matrix, (240, 135), flags=cv2.INTER_AREA)
            frames.append(noisy(np.asarray(seen, np.uint8), len(frames)))
    return frames


@pytest.mark.parametrize(
    "lengths", [[1] * 24, [2] * 12, [3] * 8, [3, 4, 4, 4, 3, 4], [2, 1, 3, 2, 2, 4, 1, 3], [24]], ids=str
)
def test_a_mouth_that_moves_ends_a_hold(lengths: list[int]) -> None:
    assert [hold.length for hold in holds(changes(held(lengths)), SHRINK)] == lengths


@pytest.mark.parametrize(
    "camera",
    [CameraStep(dx=0.012), CameraStep(dx=0.004, dy=-0.003), CameraStep(zoom=0.006), CameraStep(turn=0.004)],
    ids=["pan", "slow pan", "zoom", "turn"],
)
def test_a_camera_that_moves_over_a_held_drawing_makes_no_new_one(camera: CameraStep) -> None:
    lengths = [2, 3, 2, 3, 4, 2, 3]
    assert [hold.length for hold in holds(changes(held(lengths, camera, mouth=7)), SHRINK)] == lengths


def test_a_small_mouth_under_a_pan_ends_a_hold() -> None:
    backdrop = (painting(3, 260, 400) // 3 + 130).astype(np.uint8)
    lengths = [2, 3, 2, 1, 4, 2, 1, 3, 2]
    frames: list[NDArray[np.uint8]] = []
    for number, length in enumerate(lengths):
        drawing = backdrop.copy()
        cv2.ellipse(drawing, (170, 130), (3, 1 + number % 2), 0, 0, 360, 90, -1, cv2.LINE_AA)
        for _ in range(length):
            moved = np.array([[1, 0, -60 - 1.3 * len(frames)], [0, 1, -60]])
            seen = cv2.warpAffine(drawing, moved, (240, 135), flags=cv2.INTER_LINEAR)
            frames.append(noisy(np.asarray(seen, np.uint8), len(frames), 0.5))
    assert [hold.length for hold in holds(changes(frames), SHRINK)] == lengths


def test_a_flash_makes_no_new_drawing() -> None:
    frames = held([4, 4, 4, 4])
    frames[6] = cv2.addWeighted(frames[6], 0.4, np.full_like(frames[6], 235), 0.6, 0)
    assert [hold.length for hold in holds(changes(frames), SHRINK)] == [4, 4, 4, 4]


def test_a_drawing_that_comes_with_a_flash_is_one() -> None:
    frames = []
    for number in range(16):
        drawing = painting(3)
        cv2.rectangle(drawing, (60 + 30 * (number // 4 % 2), 20), (120 + 30 * (number // 4 % 2), 120), 30, -1)
        frames.append(noisy(drawing, number))
    for number in (8, 10):  # a strobe that begins with a new drawing
        frames[number] = cv2.addWeighted(frames[number], 0.3, np.full_like(frames[number], 235), 0.7, 0)
    assert [hold.length for hold in holds(changes(frames), SHRINK)] == [4, 4, 4, 4]


def test_a_faint_change_beside_a_large_one_is_a_part_of_it() -> None:
    def lengths(frame: int) -> list[int]:
        shown = [Change(most=80.0, area=0.03) if number % 4 == 0 else Change(most=1.0) for number in range(24)]
        shown[frame] = Change(most=4.5, area=0.001)
        return [hold.length for hold in holds(shown, SHRINK)]

    assert lengths(13) == [4] * 6
    assert lengths(14) == [4, 4, 4, 2, 2, 4, 4]


def test_speed_lines_before_a_pan_make_no_new_drawing() -> None:
    lengths = [3, 4, 3, 4, 4, 3]
    frames = held(lengths, CameraStep(dx=0.015), mouth=7)
    for frame in frames:
        for row in range(4, 135, 9):
            cv2.line(frame, (0, row), (60, 60 + row // 9), 255, 1)
    assert [hold.length for hold in holds(changes(frames), SHRINK)] == lengths


def test_thin_speed_lines_before_a_fast_pan_make_no_new_drawing() -> None:
    backdrop = painting(3, 260, 700)
    lengths = [2, 3, 2, 1, 2, 3, 2]
    frames: list[NDArray[np.uint8]] = []
    for number, length in enumerate(lengths):
        rng = np.random.default_rng(number)
        for _ in range(length):
            moved = np.array([[1, 0, -60 - 5.2 * len(frames)], [0, 1, -60]])
            seen = cv2.warpAffine(backdrop, moved, (240, 135), flags=cv2.INTER_LINEAR)
            frames.append(noisy(np.asarray(seen, np.uint8), len(frames)))
        for angle in rng.uniform(0, 2 * np.pi, 40):
            near, far = ((round(120 + reach * np.cos(angle)), round(67 + reach * np.sin(angle))) for reach in (70, 200))
            for frame in frames[-length:]:
                cv2.line(frame, near, far, 250, 1, cv2.LINE_AA)
    found = [change_between(frame, before, CameraStep(dx=-5.2 / 135)) for before, frame in pairwise(frames)]
    assert [hold.length for hold in holds([Change(), *found], SHRINK)] == lengths


def test_faint_drawings_of_a_clean_clip_are_found() -> None:
    backdrop = (painting(3) // 12 + 190).astype(np.uint8)
    lengths = [2, 3, 2, 2, 4, 2, 3, 2]
    frames = []
    for number, length in enumerate(lengths):
        drawing = backdrop.copy()
        cv2.line(drawing, (100, 60), (140, 60 + 2 * (number % 2)), 170, 2, cv2.LINE_AA)
        frames += [noisy(drawing, 10 * number + step, 0.5) for step in range(length)]
    assert [hold.length for hold in holds(changes(frames), SHRINK)] == lengths


def test_grain_makes_no_new_drawing() -> None:
    frames = [noisy(painting(1), seed, level=9.0) for seed in range(12)]
    frames += [noisy(painting(2), seed, level=9.0) for seed in range(12)]
    assert [hold.length for hold in holds(changes(frames), SHRINK)] == [12, 12]


def test_a_mouth_on_a_held_body_is_a_partial_hold() -> None:
    body = [painting(5), painting(6), painting(7)]
    frames = []
    for number in range(12):
        drawing = body[number // 4].copy()
        cv2.circle(drawing, (100, 60), 3 + 3 * (number // 2 % 2), 10, -1)
        frames.append(drawing)
    found = holds(changes(frames), SHRINK)
    assert [(hold.start, hold.partial) for hold in found] == [
        (0, False), (2, True), (4, False), (6, True), (8, False), (10, True)
    ]  # fmt: skip


def test_the_shares_are_of_frames() -> None:
    found = [Hold(0, 1), Hold(1, 2), Hold(3, 2), Hold(5, 3, partial=True), Hold(8, 8)]
    cadence = cadence_of(found, seconds=2.0)
    assert (cadence.ones, cadence.twos, cadence.threes, cadence.longer) == (1 / 16, 4 / 16, 3 / 16, 8 / 16)
    assert cadence.partial == 1 / 4
    assert cadence.drawings_per_second == 2.5
    assert cadence.median_frames == 2


def test_a_change_within_what_a_move_may_leave_is_none() -> None:
    ramp = np.tile(np.linspace(0, 250, 240).astype(np.uint8), (135, 1))
    assert change_between(ramp, ramp, CameraStep(dx=1e-4)).most == 0.0


def test_no_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="0 frames"):
        holds([], SHRINK)
