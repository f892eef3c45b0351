"""Painting anti-aliased shapes into transparent layers.

A layer is premultiplied red, green, blue, alpha at twice the picture's resolution; shapes are given
in world units. Layers are drawn with OpenCV's polygons (8 fractional bits), reduced by area, and
laid over a picture.
"""

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from celstream_renderer.film import Colour

Picture = NDArray[np.uint8]
Points = NDArray[np.float64]

SUPERSAMPLE = 2
_SHIFT = 8


@lru_cache(maxsize=64)
def _spline_basis(count: int, per_span: int, closed: bool) -> Points:
    """Matrix of a Catmull-Rom spline: (samples, count) weights of the control points."""
    spans = count if closed else count - 1
    rows = []
    for span in range(spans):
        for t in np.arange(per_span) / per_span:
            weights = 0.5 * np.array(
                [
                    -t + 2 * t**2 - t**3,
                    2 - 5 * t**2 + 3 * t**3,
                    t + 4 * t**2 - 3 * t**3,
                    -(t**2) + t**3,
                ]
            )
            row = np.zeros(count)
            for offset, weight in zip((-1, 0, 1, 2), weights, strict=True):
                at = span + offset
                row[at % count if closed else min(max(at, 0), count - 1)] += weight
            rows.append(row)
    if not closed:
        rows.append(np.eye(count)[-1])
    return np.array(rows)


def smooth(points: Points, *, closed: bool = True, per_span: int = 6) -> Points:
    """A Catmull-Rom curve through the points, shape (n, 2) to (more, 2)."""
    points = np.asarray(points, dtype=np.float64)
    curve: Points = _spline_basis(len(points), per_span, closed) @ points
    return curve


@lru_cache(maxsize=8)
def _circle(count: int) -> Points:
    angles = np.linspace(0.0, 2 * np.pi, count, endpoint=False)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def ellipse(centre: Points, radius_x: float, radius_y: float, degrees: float = 0.0, count: int = 28) -> Points:
    """Polygon of an ellipse, turned clockwise on screen."""
    radians = np.deg2rad(degrees)
    cos, sin = np.cos(radians), np.sin(radians)
    points = _circle(count) * (radius_x, radius_y)
    return np.asarray(points @ np.array([[cos, sin], [-sin, cos]]) + centre, dtype=np.float64)


def rectangle(x0: float, y0: float, x1: float, y1: float) -> Points:
    """Polygon of an upright rectangle."""
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])


def bent(a: Points, b: Points, c: Points, roundness: float, count: int = 7) -> Points:
    """Line from a by b to c whose corner is rounded: 0 is an elbow, 1 a hose. Shape (count + 2, 2)."""
    roundness = min(max(roundness, 0.05), 0.98)
    start, end = b + (a - b) * roundness, b + (c - b) * roundness
    t = np.linspace(0.0, 1.0, count)[:, None]
    arc = (1 - t) ** 2 * start + 2 * t * (1 - t) * b + t**2 * end
    return np.vstack([a, arc, c])


_CAP_ANGLES = np.linspace(0.0, np.pi, 7)[1:-1, None]
_CAP_COS, _CAP_SIN = np.cos(_CAP_ANGLES), np.sin(_CAP_ANGLES)


def tube(line: Points, radius_start: float, radius_end: float) -> Points:
    """Outline of a tapering tube with round ends around a line of (n, 2) points."""
    steps = line[1:] - line[:-1]
    lengths = np.maximum(np.sqrt(steps[:, 0] ** 2 + steps[:, 1] ** 2), 1e-9)
    ahead = np.empty_like(line)
    ahead[0], ahead[-1] = steps[0], steps[-1]
    ahead[1:-1] = steps[1:] + steps[:-1]
    ahead /= np.maximum(np.sqrt(ahead[:, 0] ** 2 + ahead[:, 1] ** 2), 1e-9)[:, None]
    normal = np.empty_like(ahead)
    normal[:, 0], normal[:, 1] = -ahead[:, 1], ahead[:, 0]
    along = np.empty(len(line))
    along[0] = 0.0
    np.cumsum(lengths, out=along[1:])
    offset = (radius_start + (radius_end - radius_start) * along / along[-1])[:, None] * normal
    end_cap = line[-1] + radius_end * (_CAP_COS * normal[-1] + _CAP_SIN * ahead[-1])
    start_cap = line[0] - radius_start * (_CAP_COS * normal[0] + _CAP_SIN * ahead[0])
    return np.concatenate([line + offset, end_cap, (line - offset)[::-1], start_cap])


class Layer:
    """A transparent layer over part of a picture.

    scale, offset: world units to pixels of the picture, x_px = scale * x + offset. box: left, top,
    right, bottom in pixels that the layer covers; shapes outside are cut off.
    """

    def __init__(self, scale: float, offset: tuple[float, float], box: tuple[int, int, int, int]) -> None:
        self.box = box
        self.scale = scale
        self.offset = offset
        self._factor = scale * SUPERSAMPLE * (1 << _SHIFT)
        self._shift = (np.array(offset, dtype=np.float64) - np.array(box[:2])) * SUPERSAMPLE * (1 << _SHIFT)
        # OpenCV's pixel centres are whole numbers; ours are at .5.
        self._shift -= 0.5 * (1 << _SHIFT)
        height, width = max(1, box[3] - box[1]), max(1, box[2] - box[0])
        self.pixels: Picture = np.zeros((height * SUPERSAMPLE, width * SUPERSAMPLE, 4), np.uint8)

    def _fixed(self, points: Points) -> NDArray[np.int32]:
        return np.asarray(np.rint(points * self._factor + self._shift), dtype=np.int32)

    def pen_pixels(self, width: float) -> int:
        """Pen width in layer pixels for a width in world units, at least 1."""
        return max(1, round(width * self.scale * SUPERSAMPLE))

    def fill(self, points: Points, colour: Colour, alpha: float = 1.0) -> None:
        """Fill a polygon (n, 2) of world points; alpha below 1 lets what is beneath shine through."""
        if alpha >= 1.0:
            cv2.fillPoly(self.pixels, [self._fixed(points)], (*colour, 255), cv2.LINE_AA, _SHIFT)
            return
        fixed = self._fixed(points)
        low = np.maximum(np.floor(fixed.min(axis=0) / (1 << _SHIFT)).astype(int) - 2, 0)
        high = np.ceil(fixed.max(axis=0) / (1 << _SHIFT)).astype(int) + 3
        part = self.pixels[low[1] : max(high[1], 0), low[0] : max(high[0], 0)]
        if part.size:
            painted = part.copy()
            cv2.fillPoly(painted, [fixed - (low << _SHIFT).astype(np.int32)], (*colour, 255), cv2.LINE_AA, _SHIFT)
            part[:] = cv2.addWeighted(painted, alpha, part, 1 - alpha, 0)

    def stroke(self, points: Points, colour: Colour, width: float, *, closed: bool = False) -> None:
        """Draw a line of `width` world units along the points."""
        pen = self.pen_pixels(width)
        cv2.polylines(self.pixels, [self._fixed(points)], closed, (*colour, 255), pen, cv2.LINE_AA, _SHIFT)

    def over(self, picture: Picture) -> None:
        """Lay the layer over the part of the picture that it covers, in place."""
        left, top, right, bottom = self.box
        if right <= left or bottom <= top:
            return
        small = cv2.resize(self.pixels, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
        lay_over(picture[top:bottom, left:right], as_picture(small))


def as_picture(array: NDArray[Any]) -> Picture:
    """What OpenCV returned, as the 8 bit picture that it is."""
    return np.asarray(array, dtype=np.uint8)


def lay_over(picture: Picture, layer: Picture) -> None:
    """Lay premultiplied RGBA over RGB of the same size, in place."""
    rest = cv2.cvtColor(cv2.bitwise_not(layer[..., 3]), cv2.COLOR_GRAY2RGB)
    beneath = cv2.multiply(picture, rest, scale=1 / 255)
    picture[:] = cv2.add(beneath, cv2.cvtColor(layer, cv2.COLOR_RGBA2RGB))
