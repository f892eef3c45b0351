"""The camera: where a point of the world lies in the picture at each frame of a shot."""

import math

import numpy as np
from numpy.typing import NDArray

from celstream_renderer.film import Camera, View

Affine = NDArray[np.float64]  # 2x3


def _eased(share: float) -> float:
    return share * share * (3 - 2 * share)


def _between(a: View, b: View, share: float) -> View:
    return View(
        a.x + (b.x - a.x) * share,
        a.y + (b.y - a.y) * share,
        a.zoom * (b.zoom / a.zoom) ** share,
        a.degrees + (b.degrees - a.degrees) * share,
    )


def view_at(camera: Camera, frame: int, frames: int) -> View:
    """What the camera sees at a frame of a shot of `frames` frames."""
    share = frame / max(frames - 1, 1)
    if camera.kind == "static":
        return camera.start
    if camera.kind == "shake":
        # Incommensurable frequencies: the shake does not repeat within a shot.
        dx = camera.shake * math.sin(2.31 * frame + 0.3)
        dy = camera.shake * math.sin(1.87 * frame + 1.1)
        start = camera.start
        return View(start.x + dx, start.y + dy, start.zoom, start.degrees)
    if camera.kind == "whip":
        share = min(max((share - 1 / 3) * 3, 0.0), 1.0)
    return _between(camera.start, camera.end, _eased(share))


def whip_pixels(camera: Camera, frame: int, frames: int, height: int) -> int:
    """Length in pixels of a whip pan's motion blur at a frame (0 for other moves): half the way to the next frame."""
    if camera.kind != "whip":
        return 0
    here, there = view_at(camera, frame, frames), view_at(camera, min(frame + 1, frames - 1), frames)
    return round(0.5 * abs(there.x - here.x) * here.zoom * height)


def moves(camera: Camera) -> bool:
    """Whether frames of the shot may differ by the camera alone."""
    return camera.kind != "static" and (camera.start != camera.end or camera.shake > 0)


def world_to_picture(view: View, size: tuple[int, int]) -> Affine:
    """Matrix from world units to pixels of a picture of that size, 2x3; pixel centres are at .5."""
    width, height = size
    radians = math.radians(view.degrees)
    cos, sin = math.cos(radians) * view.zoom * height, math.sin(radians) * view.zoom * height
    turn = np.array([[cos, sin], [-sin, cos]])
    shift = np.array([width / 2, height / 2]) - turn @ np.array([view.x, view.y])
    return np.hstack([turn, shift[:, None]])


def chained(outer: Affine, inner: Affine) -> Affine:
    """The affine that applies `inner`, then `outer`."""
    return np.hstack([outer[:, :2] @ inner[:, :2], (outer[:, :2] @ inner[:, 2] + outer[:, 2])[:, None]])


def inverse(affine: Affine) -> Affine:
    """The affine that undoes another."""
    turn = np.linalg.inv(affine[:, :2])
    return np.hstack([turn, (-turn @ affine[:, 2])[:, None]])


def applied(affine: Affine, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points (n, 2) moved by an affine."""
    return points @ affine[:, :2].T + affine[:, 2]


def extents(camera: Camera, frames: int, size: tuple[int, int]) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of all that the camera sees in a shot, in world units."""
    width, height = size
    corners = np.array([[0.0, 0.0], [width, 0.0], [width, height], [0.0, height]])
    steps = [0] if not moves(camera) else range(frames)
    seen = np.vstack(
        [applied(inverse(world_to_picture(view_at(camera, step, frames), size)), corners) for step in steps]
    )
    (left, top), (right, bottom) = seen.min(axis=0), seen.max(axis=0)
    return float(left), float(top), float(right), float(bottom)


def closest_zoom(camera: Camera, frames: int) -> float:
    """The largest zoom of a shot."""
    return max(view_at(camera, frame, frames).zoom for frame in range(frames))
