"""The camera's steps and moves are found whatever the characters do."""

from itertools import pairwise

import cv2
import numpy as np
import pytest
from celstream_segmenter.camera_motion import STANDS, CameraSight, camera_sight
from celstream_segmenter.camera_move import camera_move, with_creep
from celstream_segmenter.camera_path import camera_path
from celstream_segmenter.measured import CameraStep
from numpy.typing import NDArray


def backdrop(seed: int = 4) -> NDArray[np.uint8]:
    rng = np.random.default_rng(seed)
    picture = np.full((320, 480), 120, np.uint8)
    for _ in range(160):
        centre = tuple(int(v) for v in rng.uniform(0, (480, 320)))
        cv2.circle(picture, centre, int(rng.integers(2, 18)), int(rng.integers(20, 235)), -1, cv2.LINE_AA)
    return picture


def seen(steps: list[CameraStep], character: bool = True) -> list[NDArray[np.uint8]]:
    """What a camera sees that starts in the middle of a backdrop and makes these steps."""
    ground, frames = backdrop(), []
    whole = np.array([[1, 0, -120], [0, 1, -92], [0, 0, 1]], float)
    for number, step in enumerate([CameraStep(), *steps]):
        whole = np.vstack([step.matrix(240, 135), [0, 0, 1]]) @ whole
        frame = cv2.warpAffine(ground, whole[:2], (240, 135), flags=cv2.INTER_LINEAR)
        if character:
            x = 20 + 5 * number
            cv2.rectangle(frame, (x, 50), (x + 45, 134), 30, -1)
            cv2.circle(frame, (x + 22, 35), 20, 225, -1, cv2.LINE_AA)
        frames.append(np.asarray(frame, np.uint8))
    return frames


def found(frames: list[NDArray[np.uint8]]) -> list[CameraStep]:
    return [camera_sight(frame, before).step for before, frame in pairwise(frames)]


@pytest.mark.parametrize(
    "step",
    [
        CameraStep(),
        CameraStep(dx=0.05),
        CameraStep(dx=0.003, dy=-0.002),
        CameraStep(dy=0.02),
        CameraStep(zoom=0.01),
        CameraStep(zoom=-0.004, dx=0.004),
        CameraStep(turn=0.008),
    ],
    ids=["none", "fast", "slow", "down", "zoom in", "zoom out", "turn"],
)
def test_a_step_is_found_behind_a_walking_character(step: CameraStep) -> None:
    frames = seen([step] * 3)
    for guess in found(frames):
        assert guess.trust > 0
        corners = np.array([[0, 0, 1], [239, 0, 1], [0, 134, 1], [239, 134, 1]], float).T
        away = guess.matrix(240, 135) @ corners - step.matrix(240, 135) @ corners
        assert np.abs(away).max() < 0.25


@pytest.mark.parametrize(
    ("steps", "kind"),
    [
        ([CameraStep()] * 20, "static"),
        ([CameraStep(dx=0.01)] * 20, "pan"),
        ([CameraStep(zoom=0.006)] * 20, "zoom"),
        ([CameraStep(turn=-0.005)] * 20, "rotate"),
        ([CameraStep(dx=0.01 * (-1) ** n, dy=0.006 * (-1) ** (n // 2)) for n in range(20)], "shake"),
    ],
    ids=["static", "pan", "zoom", "rotate", "shake"],
)
def test_a_move_gets_its_name(steps: list[CameraStep], kind: str) -> None:
    move = camera_move(found(seen(steps, character=False)))
    assert move.kind == kind
    assert move.known == 1.0
    assert abs(move.right - sum(step.dx for step in steps)) < 0.01
    assert abs(move.zoom - sum(step.zoom for step in steps)) < 0.01
    assert abs(move.turn - sum(step.turn for step in steps)) < 0.01


def test_a_whip_pan_is_followed_through_its_blur() -> None:
    ground = cv2.blur(backdrop(), (21, 1))
    before, after = ground[90:225, 20:260], ground[90:225, 75:315]
    guess = camera_sight(np.ascontiguousarray(after), np.ascontiguousarray(before)).step
    assert guess.dx * 135 == pytest.approx(-55, abs=2)
    assert abs(guess.dy * 135) < 2


def test_a_character_that_fills_the_picture_and_sways_on_twos_turns_no_camera() -> None:
    sway = [CameraStep(turn=0.01 * (1 if number < 12 else -1)) if number % 2 else CameraStep() for number in range(24)]
    assert camera_move(sway).kind == "static"


def test_a_pan_on_twos_is_a_pan() -> None:
    assert camera_move([CameraStep(dx=0.01 * (number % 2)) for number in range(24)]).kind == "pan"


def test_a_head_that_bobs_through_the_view_on_twos_is_no_pan() -> None:
    bobs = (0.04, 0.06, -0.14, 0.1, 0.07, -0.12)
    assert camera_move([CameraStep(dy=bobs[n // 2 % 6] * (n % 2)) for n in range(34)]).kind == "static"


def test_a_character_that_walks_through_the_view_on_twos_is_no_pan() -> None:
    walk = [CameraStep(dx=0.026, dy=0.01 * (-1) ** (n // 2), trust=0.33) if n % 2 else CameraStep() for n in range(40)]
    assert camera_move(walk).kind == "static"


def test_a_character_that_now_and_then_passes_for_the_camera_does_not_hide_a_zoom() -> None:
    steps = [CameraStep(zoom=-0.005, dy=-0.08 if n in (5, 16, 17, 28, 34) else -0.001) for n in range(35)]
    assert camera_move(steps).kind == "zoom"


def test_a_turn_so_slow_that_it_is_seen_now_and_then_is_a_turn() -> None:
    assert camera_move([CameraStep(turn=0.0015 * (number % 2)) for number in range(60)]).kind == "rotate"


def test_a_shake_is_one_where_some_of_its_steps_are_lost() -> None:
    steps = [CameraStep(dx=0.02 * (-1) ** n) for n in range(12)]
    lost = [CameraStep(trust=0.0)] * 10
    assert camera_move([*steps, *lost, *steps]).kind == "shake"


def test_a_plain_picture_tells_of_no_camera() -> None:
    plain = np.full((135, 240), 90, np.uint8)
    assert camera_sight(plain, plain + 3).step.still


def test_a_clip_of_one_frame_stands() -> None:
    assert camera_move([]).kind == "static"


def layers(*steps: CameraStep) -> CameraSight:
    return CameraSight(max(steps, key=lambda step: step.trust), steps)


def test_a_character_that_fills_most_of_the_view_does_not_hide_the_camera_behind_it() -> None:
    camera = CameraStep(turn=0.004, trust=0.25)
    bobs = (0.05, -0.06, 0.05, -0.02, 0.03, -0.06)
    path = camera_path([layers(CameraStep(dy=bobs[n % 6], trust=0.5), camera) for n in range(30)])
    assert path[1:] == [camera] * 29
    assert camera_move(path).kind == "rotate"


def test_frames_that_show_the_character_only_are_passed_over() -> None:
    camera = CameraStep(zoom=0.01, trust=0.9)
    seen = [layers(camera) if n % 2 else layers(CameraStep(dx=0.05 * (-1) ** (n // 2), trust=0.3)) for n in range(30)]
    path = camera_path(seen)
    assert [step for step in path[1:] if step.trust > 0] == [camera] * 15
    assert camera_move(path).kind == "zoom"


def test_speed_lines_that_stand_for_two_frames_do_not_hide_a_pan() -> None:
    pan = CameraStep(dx=0.01, trust=0.9)
    held = CameraSight(CameraStep(), (CameraStep(trust=0.8), pan))
    assert camera_move(
        camera_path([held if n % 2 else CameraSight(CameraStep(trust=0), ()) for n in range(30)])
    ).kind == ("pan")


def test_a_camera_that_shakes_with_its_characters_drawn_on_twos_shakes() -> None:
    shake = [CameraStep(dx=0.015 * (-1) ** (n // 2), trust=1.0) for n in range(40)]
    unsure = CameraStep(dx=0.03, dy=-0.02, trust=0.2)
    assert camera_move(camera_path([layers(shake[n] if n % 2 else unsure) for n in range(40)])).kind == "shake"


def test_a_camera_too_slow_for_two_frames_is_seen_over_half_a_second() -> None:
    stood = [CameraStep(trust=0.9)] * 60
    half_a_second = CameraSight(CameraStep(turn=0.009, trust=0.5), (CameraStep(turn=0.009, trust=0.5),))
    creeping = with_creep(stood, [(place, half_a_second) for place in range(0, 60, 12)])
    assert camera_move(creeping).kind == "rotate"
    assert sum(step.turn for step in creeping) == pytest.approx(0.036)
    unchanged = [CameraStep()] * 60
    assert with_creep(unchanged, [(place, half_a_second) for place in range(0, 60, 12)]) == unchanged
    assert camera_move(with_creep(stood, [(place, STANDS) for place in range(0, 60, 12)])).kind == "static"


def test_a_turn_that_is_seen_every_other_frame_is_a_turn() -> None:
    steps = [CameraStep(turn=0.003, trust=0.31) if n % 2 else CameraStep(trust=0.8) for n in range(40)]
    assert camera_move(steps).kind == "rotate"
    sways = [CameraStep(turn=0.003 * (-1) ** (n // 10), trust=0.5) if n % 2 else CameraStep() for n in range(40)]
    assert camera_move(sways).kind == "static"
