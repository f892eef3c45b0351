"""The drawings of a scene: which picture of the characters is held for which frames.

A new drawing is made where a pose moves a joint by at least MINIMUM_PIXELS, a mouth or an eye
changes, or a prop comes, goes or moves; in between the same drawing is held, and the held pose is
the true one. The camera may still move over a held drawing.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from celstream_renderer.camera import closest_zoom, extents
from celstream_renderer.face import Face, Lids
from celstream_renderer.film import Actor, Cadence, Prop, Scene
from celstream_renderer.motion import pose_at
from celstream_renderer.skeleton import INDEX, Pose, joints_of
from celstream_renderer.speech import viseme_at

Points = NDArray[np.float64]
PropState = tuple[float, float, float]  # x, y in world units, progress 0-1
Extents = tuple[float, float, float, float]  # left, top, right, bottom in world units

MINIMUM_PIXELS = 1.0  # a smaller movement may leave no trace in the picture
PASSING_HALF_WIDTHS = {"passing_car": 1.05, "passing_trunk": 0.32, "passing_bird": 0.8}  # in sizes of the prop
_BLINK_EVERY_SECONDS = 2.6
_BLINK_SECONDS = 0.13


@dataclass(frozen=True, slots=True)
class Figure:
    """An actor as drawn: pose, joints (29, 2) in world units, face."""

    pose: Pose
    joints: Points
    face: Face


@dataclass(frozen=True, slots=True)
class Drawing:
    """What is seen in frames [start, start + length) of a shot.

    change: what differs from the drawing before: the whole pose, or only faces ("partial hold").
    props: state of each prop, None where it is not seen. lines: number of the speed lines.
    """

    start: int
    length: int
    change: Literal["pose", "face"]
    figures: tuple[Figure, ...]
    props: tuple[PropState | None, ...]
    lines: int


def drawn_index(frame: int, fps: Fraction, cadence: Cadence, hold: int) -> int:
    """The number of the frame, in frames as drawn, at which the drawing shown was made."""
    source = frame if cadence.source_fps is None else math.floor(frame * cadence.source_fps / fps)
    return source // hold * hold


def _lids(actor: Actor, seconds: float, number: int) -> Lids:
    offset = 0.9 + 0.7 * ((number * 37 + len(actor.puppet.name) * 11) % 10) / 10
    into = (seconds + _BLINK_EVERY_SECONDS - offset) % _BLINK_EVERY_SECONDS
    if seconds < offset or into > _BLINK_SECONDS:
        return "open"
    return "shut" if into > _BLINK_SECONDS * 0.3 else "half"


def _prop_states(
    scene: Scene,
    frame: int,
    seconds: float,
    seen: Extents,
    last: tuple[PropState | None, ...],
    scale: float,
    aspect: float,
) -> tuple[PropState | None, ...]:
    states: list[PropState | None] = []
    for number, prop in enumerate(scene.props):
        state: PropState | None = None
        if prop.start <= frame < prop.start + prop.frames:
            state = _prop_state(prop, frame, seconds, seen, aspect)
        before = last[number] if last else None
        if state is not None and before is not None and not prop.kind.startswith("passing"):
            moved = max(abs(state[0] - before[0]), abs(state[1] - before[1])) * scale
            state = before if moved < MINIMUM_PIXELS else state
        states.append(state)
    return tuple(states)


def _prop_state(prop: Prop, frame: int, seconds: float, seen: Extents, aspect: float) -> PropState | None:
    """Where a prop is, None where nothing of it is in the picture."""
    if prop.kind.startswith("passing"):
        progress = (frame - prop.start + 0.5) / prop.frames
        inside = aspect / 2 + PASSING_HALF_WIDTHS[prop.kind] * prop.size - abs(passing_x(prop, progress, aspect))
        return (prop.x, prop.y, progress) if inside > 0.01 else None
    x, y = prop.x, prop.y
    if prop.kind == "ball":
        x += prop.direction * 0.25 * seconds
        y -= 0.28 * abs(math.sin(2.6 * math.pi * seconds))
    half = 0.45 * prop.size
    outside = x + half < seen[0] or x - half > seen[2] or y + half < seen[1] or y - half > seen[3]
    return None if outside else (x, y, 0.0)


def passing_x(prop: Prop, progress: float, aspect: float) -> float:
    """Middle of a passing thing in the picture, in picture heights from its centre; progress 0-1."""
    return (progress - 0.5) * (aspect + 2 * PASSING_HALF_WIDTHS[prop.kind] * prop.size) * prop.direction


def _visible(joints: Points, actor: Actor, seen: Extents) -> bool:
    margin = 0.04 * actor.height
    low, high = joints.min(axis=0) - margin, joints.max(axis=0) + margin
    return bool(low[0] < seen[2] and high[0] > seen[0] and low[1] < seen[3] and high[1] > seen[1])


def _head_visible(joints: Points, seen: Extents) -> bool:
    x, y = joints[INDEX["head"]]
    return bool(seen[0] < x < seen[2] and seen[1] < y < seen[3])


def drawings(scene: Scene, frames: int, fps: Fraction, size: tuple[int, int]) -> tuple[Drawing, ...]:
    """All drawings of a shot of `frames` frames, in order; their lengths add up to `frames`."""
    seen = extents(scene.camera, frames, size)
    scale = size[1] * closest_zoom(scene.camera, frames)
    cadence = scene.cadence
    drawn_fps = cadence.source_fps or fps
    made: list[Drawing] = []
    for frame in range(frames):
        body = float(drawn_index(frame, fps, cadence, cadence.body) / drawn_fps)
        mouth = float(drawn_index(frame, fps, cadence, cadence.mouth) / drawn_fps)
        last = made[-1] if made else None
        figures: list[Figure] = []
        pose_changed = face_changed = False
        for number, actor in enumerate(scene.actors):
            pose = pose_at(actor.motion, body)
            joints = joints_of(actor, pose)
            face = Face(viseme_at(actor.speech, mouth), _lids(actor, mouth, number))
            before = last.figures[number] if last else None
            if before is not None:
                moved = float(np.abs(joints - before.joints).max()) * scale
                shown = _visible(joints, actor, seen) or _visible(before.joints, actor, seen)
                if moved < MINIMUM_PIXELS or not shown:
                    pose, joints = before.pose, before.joints
                else:
                    pose_changed = True
                if face != before.face:
                    if _head_visible(joints, seen):
                        face_changed = True
                    else:
                        face = before.face
            figures.append(Figure(pose, joints, face))
        props = _prop_states(scene, frame, body, seen, last.props if last else (), scale, size[0] / size[1])
        lines = drawn_index(frame, fps, cadence, cadence.body) if scene.speed_lines else 0
        others = last is not None and (props != last.props or lines != last.lines)
        if last is not None and not (pose_changed or face_changed or others):
            made[-1] = Drawing(last.start, last.length + 1, last.change, last.figures, last.props, last.lines)
            continue
        change: Literal["pose", "face"] = "face" if last and not pose_changed and not others else "pose"
        made.append(Drawing(frame, 1, change, tuple(figures), props, lines))
    return tuple(made)
