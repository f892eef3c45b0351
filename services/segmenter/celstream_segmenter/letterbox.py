"""Letterbox: the rectangle that holds the picture, inside bars of black.

Bars are the outermost rows and columns that stay dark and even from edge to edge. A dark scene may look like a bar, so
a clip's rectangle is the smallest that holds the picture of every frame looked at; what is left must be plausible.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DARKEST_BAR = 40  # luma, 0-255: limited range black is 16, and some bars are lifted
ABOVE_BAR = 9  # levels above the bar's own: the picture, not ringing of the codec beside it
LIT_SHARE = 0.01  # of a row's or column's samples that must be the picture's
RINGING = 4  # pixels that a codec's ringing may reach into a bar
HALF_LIT = 0.4  # of the light inside: the picture; ringing is far below
STRIDE = 4  # every 4th sample along a row or column is read
LARGEST_BARS = 0.5  # of height or width: bars that take more are a dark picture
LEAST_BAR = 2  # pixels; a thinner dark edge is dirt of the transfer
LOPSIDED = 0.02  # of the size: how far opposite bars may differ, else one of them is picture


@dataclass(frozen=True, slots=True)
class Rectangle:
    """Pixels of the frame: columns [left, left + width), rows [top, top + height)."""

    left: int
    top: int
    width: int
    height: int


def picture_edges(luma: NDArray[np.uint8]) -> Rectangle | None:
    """What is not bar in one frame's whole luma plane (height x width); None where the frame is dark throughout."""
    height, width = luma.shape
    bar = _bar_level(luma)
    if bar is None:
        return Rectangle(0, 0, width, height)
    rows, columns = luma[:, ::STRIDE], luma[::STRIDE]
    top, bottom = _extent(rows > bar + ABOVE_BAR, rows.mean(1), bar)
    left, right = _extent((columns > bar + ABOVE_BAR).T, columns.mean(0), bar)
    if top >= bottom or left >= right:
        return None
    return Rectangle(left, top, right - left, bottom - top)


def _extent(lit: NDArray[np.bool_], level: NDArray[np.float64], bar: int) -> tuple[int, int]:
    """First and one past the last line that is picture. lit: lines x samples. level: mean luma of each line."""
    lines = np.flatnonzero(np.count_nonzero(lit, axis=1) > LIT_SHARE * lit.shape[1])
    if not len(lines):
        return 0, 0
    first, last = int(lines[0]), int(lines[-1])
    return _sharpened(level, bar, first, 1), _sharpened(level, bar, last, -1) + 1


def _sharpened(level: NDArray[np.float64], bar: int, edge: int, inward: int) -> int:
    """The edge without the codec's ringing: where the lines become about as light as those a little farther inside."""
    if edge in (0, len(level) - 1):
        return edge
    inside = level[edge + inward * RINGING : edge + inward * 3 * RINGING : inward]
    if not len(inside):
        return edge
    enough = bar + HALF_LIT * (float(inside.mean()) - bar)
    for step in range(RINGING):
        if level[edge + inward * step] >= enough:
            return edge + inward * step
    return edge


def _bar_level(luma: NDArray[np.uint8]) -> int | None:
    """The level of the darkest of the outermost rows and columns; None where none of them is dark."""
    edges = (luma[0], luma[-1], luma[:, 0], luma[:, -1])
    level = min(float(np.percentile(edge, 90)) for edge in edges)
    return int(level) if level <= DARKEST_BAR else None


def picture_rectangle(found: Iterable[Rectangle | None], width: int, height: int) -> Rectangle:
    """The picture of a clip of frames of width x height pixels, from what was found in some of its frames."""
    boxes = [box for box in found if box is not None]
    whole = Rectangle(0, 0, width, height)
    if not boxes:
        return whole
    left, right = _bars(min(box.left for box in boxes), width - max(box.left + box.width for box in boxes), width)
    top, bottom = _bars(min(box.top for box in boxes), height - max(box.top + box.height for box in boxes), height)
    return Rectangle(left, top, width - left - right, height - top - bottom)


def _bars(first: int, second: int, size: int) -> tuple[int, int]:
    """The two opposite bars, 0 where they cannot be bars."""
    if first + second > LARGEST_BARS * size or abs(first - second) > max(LEAST_BAR, LOPSIDED * size):
        return 0, 0
    return (first, second) if max(first, second) >= LEAST_BAR else (0, 0)
