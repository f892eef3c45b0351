"""Letterbox: the rectangle that holds the picture, inside bars of black.

Bars are the outermost rows and columns that stay dark and even from edge to edge. A dark scene may look like a bar, so
a clip's rectangle is the smallest that holds the picture of every frame looked at; what is left must be plausible.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from celstream_segmenter.measured import Rectangle

DARKEST_BAR = 40  # luma, 0-255: limited range black is 16, and some bars are lifted
ABOVE_BAR = 9  # levels above the bar's own: the picture, not ringing of the codec beside it
LIT_ALONG = 0.5  # of an outermost line's samples that are lit where a picture ends
LIT_SHARE = 0.01  # of a row's or column's samples that must be the picture's
NEAR_EDGE = 4  # pixels inside an edge, of which one line must be lit along
RINGING = 8  # pixels that a codec's ringing may reach into a bar: its largest usual transform
HALF_LIT = 0.4  # of the light of as many pixels farther in: the picture; ringing is far below
SAMPLES = 135  # the shorter side of the picture is read at so many places, about
LARGEST_BARS = 0.5  # of height or width: bars that take more are a dark picture
LEAST_BAR = 2  # pixels; a thinner dark edge is dirt of the transfer
LOPSIDED = 0.02  # of the size: how far opposite bars may differ, else one of them is picture

Luma = NDArray[Any]  # height x width uint8; the stubs of cv2 know no closer type


@dataclass(frozen=True, slots=True)
class Edges:
    """Where one frame's picture ends. across, down: whether its outermost columns (rows) are lit along much of their
    length, as a picture's are where bars end; those of letters on black are not.
    """

    inside: Rectangle
    across: bool
    down: bool


def picture_edges(luma: Luma) -> Edges | None:
    """What is not bar in one frame's whole luma plane (height x width); None where the frame is dark throughout."""
    height, width = luma.shape
    bar = _bar_level(luma)
    if bar is None:
        return Edges(Rectangle(0, 0, width, height), across=True, down=True)
    apart = max(1, min(height, width) // SAMPLES)
    # Columns are taken eight side by side, as words of 64 bits: one by one it takes five times as long.
    words = luma[:, : width // 8 * 8].view(np.uint64) if width >= 8 * apart else luma
    rows = np.ascontiguousarray(words[:, ::apart]).view(np.uint8)
    columns = np.ascontiguousarray(luma[::apart])
    top, bottom, down = _extent(rows, 1, bar)
    left, right, across = _extent(columns, 0, bar)
    if top >= bottom or left >= right:
        return None
    return Edges(Rectangle(left, top, right - left, bottom - top), across, down)


def _extent(samples: Luma, along: int, bar: int) -> tuple[int, int, bool]:
    """First and one past the last line that is picture, and whether both are lit along much of their length.

    samples: of the picture, 0-255. along: the axis of the array that goes along the lines.
    """
    lit = cv2.threshold(samples, bar + ABOVE_BAR, 255, cv2.THRESH_BINARY)[1]
    count = samples.shape[along]
    shares = cv2.reduce(lit, along, cv2.REDUCE_SUM, dtype=cv2.CV_32F).ravel() / (255 * count)
    level = cv2.reduce(samples, along, cv2.REDUCE_SUM, dtype=cv2.CV_32F).ravel() / count
    lines = np.flatnonzero(shares > LIT_SHARE)
    if not len(lines):
        return 0, 0, False
    first = _sharpened(level, bar, int(lines[0]), 1)
    last = _sharpened(level, bar, int(lines[-1]), -1)
    lit_along = all(
        float(shares[line] if line in (0, len(shares) - 1) else near.max(initial=0.0)) > LIT_ALONG
        for line, near in (
            (first, shares[first : first + NEAR_EDGE]),
            (last, shares[max(0, last - NEAR_EDGE + 1) : last + 1]),
        )
    )
    return first, last + 1, lit_along


def _sharpened(level: NDArray[Any], bar: int, edge: int, inward: int) -> int:
    """The edge without the codec's ringing: the first line about as light as those a little farther in."""
    if edge in (0, len(level) - 1):
        return edge
    near = level[edge::inward][: 2 * RINGING + 1] - bar
    for step in range(min(RINGING + 1, len(near) - 1)):
        if near[step] >= HALF_LIT * float(near[step + 1 : step + 1 + RINGING].mean()):
            return edge + inward * step
    return edge


def _bar_level(luma: Luma) -> int | None:
    """The level of the darkest of the outermost rows and columns; None where none of them is dark."""
    edges = (luma[0], luma[-1], luma[:, 0], luma[:, -1])
    level = min(int(np.sort(edge)[int(0.9 * (len(edge) - 1))]) for edge in edges)
    return level if level <= DARKEST_BAR else None


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
