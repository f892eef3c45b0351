"""The measurements of a clip agree with the truth of rendered footage, and reach its event."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import celstream_renderer as renderer
import numpy as np
import pytest
from celstream_protos.v1 import clip_pb2
from celstream_segmenter.clip_measurements import flash_frames
from celstream_segmenter.found import ClipMade
from celstream_segmenter.measured import ClipMeasurements, Rectangle
from celstream_segmenter.measurement_messages import measurements_message
from celstream_segmenter.rules import SegmentationRules
from celstream_segmenter.segment import cut

SIZE = (480, 272)  # interlaced H.264 wants a height divisible by 4
WALKER = renderer.Actor(renderer.Puppet(), x=-0.3, motion=renderer.Motion("dance"))


def film(shot: renderer.Shot, **others: object) -> renderer.Film:
    return replace(renderer.Film((shot,), SIZE, Fraction(24), None), **others)  # type: ignore[arg-type]


def scene(frames: int = 48, **others: object) -> renderer.Shot:
    made = renderer.Scene("cel", renderer.Backdrop("street", 2), (WALKER,), cadence=renderer.Cadence(2, 2))
    return renderer.Shot(frames, replace(made, **others))  # type: ignore[arg-type]


def measured(made: renderer.Film, folder: Path, delivery: str = "progressive") -> tuple[ClipMade, renderer.Truth]:
    path = folder / "film.mp4"
    truth = renderer.render(made, path, crf=23, delivery=renderer.Delivery(delivery))  # type: ignore[arg-type]
    (clip,) = cut(path, SegmentationRules(), [(0, truth.frames)], folder)
    return clip, truth


@pytest.mark.parametrize("delivery", ["progressive", "telecine"])
def test_holds_are_those_of_the_truth(delivery: str, tmp_path: Path) -> None:
    clip, truth = measured(film(scene()), tmp_path, delivery)
    found: ClipMeasurements = clip.measurements
    assert [hold.length for hold in found.holds] == list(truth.shots[0].holds)
    assert found.scan == ("telecined" if delivery == "telecine" else "progressive")
    assert found.cadence.twos > 0.9
    assert found.cadence.median_frames == 2
    assert found.camera.kind == "static"
    assert found.text == "none"
    assert found.picture == Rectangle(0, 0, *SIZE)


def test_a_pan_inside_bars(tmp_path: Path) -> None:
    camera = renderer.Camera("pan", renderer.View(-0.25), renderer.View(0.4))
    clip, truth = measured(film(scene(camera=camera), picture_ratio=2.39), tmp_path)
    found: ClipMeasurements = clip.measurements
    assert found.camera.kind == "pan"
    left, top, width, height = truth.picture_box
    assert abs(found.picture.top - top) <= 1
    assert abs(found.picture.height - height) <= 1
    assert (found.picture.left, found.picture.width) == (left, width)
    assert found.camera.right == pytest.approx(-0.65 * height / SIZE[1], abs=0.02)


def test_a_title_card_and_credits(tmp_path: Path) -> None:
    title, _ = measured(film(renderer.Shot(30, renderer.TitleCard("anime", "Part 3", "the hat"))), tmp_path)
    assert title.measurements.text == "title_card"
    lines = ("Mo", "Lu and Kai", "Yuki", "Pip and Zed", "drawn by a program")
    rolling, _ = measured(film(renderer.Shot(60, renderer.Credits("cel", lines))), tmp_path)
    assert rolling.measurements.text == "credits"


def test_flashes_are_counted(tmp_path: Path) -> None:
    flashes = (renderer.Flash(10, 2), renderer.Flash(30, 1, 0.8, (0, 0, 0)))
    clip, _ = measured(film(scene(flashes=flashes)), tmp_path)
    assert clip.measurements.flash_frames == 3


def test_a_fade_or_a_brighter_half_is_no_flash() -> None:
    assert flash_frames(np.linspace(20, 200, 48, dtype=np.float32)) == 0
    assert flash_frames(np.repeat(np.float32([60, 160]), 24)) == 0


def test_the_event_of_the_longest_clip_stays_small(tmp_path: Path) -> None:
    clip, _ = measured(film(scene(camera=renderer.Camera("shake", shake=0.015))), tmp_path)
    found: ClipMeasurements = clip.measurements
    longest = replace(found, steps=found.steps * 25, holds=found.holds * 25)  # 20 s at 60 frames/s
    message = measurements_message(longest, brightness=clip.brightness, motion=clip.motion, sharpness=clip.sharpness)
    assert message.camera.kind == clip_pb2.CAMERA_MOVE_KIND_SHAKE
    assert len(message.camera.steps) == 4 * len(longest.steps)
    assert message.ByteSize() < 48 * 1024
    assert sum(message.cadence.hold_frames) == 25 * 48
