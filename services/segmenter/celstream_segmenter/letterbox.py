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
LIT_ALONG = 0.5  # of an outermost line's samples that are lit where a picture ends
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


@dataclass(frozen=True, slots=True)
class Edges:
    """Where one frame's picture ends. across, down: whether its outermost columns (rows) are lit along much of their
    length, as a picture's are where bars end; those of letters on black are not.
    """

    inside: Rectangle
    across: bool
    down: bool


def picture_edges(luma: NDArray[np.uint8]) -> Edges | None:
    """What is not bar in one frame's whole luma plane (height x width); None where the frame is dark throughout."""
    height, width = luma.shape
    bar = _bar_level(luma)
    if bar is None:
        return Edges(Rectangle(0, 0, width, height), across=True, down=True)
    rows, columns = luma[:, ::STRIDE], luma[::STRIDE]
    top, bottom, down = _extent(rows > bar + ABOVE_BAR, rows.mean(1), bar)
    left, right, across = _extent((columns > bar + ABOVE_BAR).T, columns.mean(0), bar)
    if top >= bottom or left >= right:
        return None
    return Edges(Rectangle(left, top, right - left, bottom - top), across, down)


def _extent(lit: NDArray[np.bool_], level: NDArray[np.float64], bar: int) -> tuple[int, int, bool]:
    """First and one past the last line that is picture, and whether both are lit along much of their length.

    lit: lines x samples. level: mean luma of each line.
    """
    shares = lit.mean(1)
    lines = np.flatnonzero(shares > LIT_SHARE)
    if not len(lines):
        return 0, 0, False
    first = _sharpened(level, bar, int(lines[0]), 1)
    last = _sharpened(level, bar, int(lines[-1]), -1)
    lit_along = all(
        float(shares[line] if line in (0, len(shares) - 1) else near.max(initial=0.0)) > LIT_ALONG
        for line, near in (
            (first, shares[first : first + RINGING]),
            (last, shares[max(0, last - RINGING + 1) : last + 1]),
        )
    )
    return first, last + 1, lit_along


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


def picture_rectangle(found: Iterable[Edges | None], width: int, height: int) -> Rectangle:
    """The picture of a clip of frames of width x height pixels, from what was found in some of its frames."""
    edges = [item for item in found if item is not None]
    boxes = [item.inside for item in edges]
    left = right = top = bottom = 0
    if any(item.across for item in edges):
        left, right = _bars(min(box.left for box in boxes), width - max(box.left + box.width for box in boxes), width)
    if any(item.down for item in edges):
        top, bottom = _bars(min(box.top for box in boxes), height - max(box.top + box.height for box in boxes), height)
    return Rectangle(left, top, width - left - right, height - top - bottom)


def _bars(first: int, second: int, size: int) -> tuple[int, int]:
    """The two opposite bars, 0 where they cannot be bars."""
    if first + second > LARGEST_BARS * size or abs(first - second) > max(LEAST_BAR, LOPSIDED * size):
        return 0, 0
    return (first, second) if max(first, second) >= LEAST_BAR else (0, 0)
