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
    rows = np.count_nonzero(luma[:, ::STRIDE] > bar + ABOVE_BAR, axis=1) > LIT_SHARE * width / STRIDE
    columns = np.count_nonzero(luma[::STRIDE] > bar + ABOVE_BAR, axis=0) > LIT_SHARE * height / STRIDE
    lit_rows, lit_columns = np.flatnonzero(rows), np.flatnonzero(columns)
    if not len(lit_rows) or not len(lit_columns):
        return None
    top, left = int(lit_rows[0]), int(lit_columns[0])
    return Rectangle(left, top, int(lit_columns[-1]) + 1 - left, int(lit_rows[-1]) + 1 - top)


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
