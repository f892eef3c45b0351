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
FAINT, FAINT_ALONG = 3, 0.9  # levels above the bar's own that make a picture where so much of a line is lighter
SUBTITLE = 0.35  # of a line's samples that letters light at most
NEAR_EDGE = 4  # pixels inside an edge, of which one line must be lit along
RINGING = 8  # pixels that a codec's ringing may reach into a bar: its largest usual transform
GHOST, GHOST_LIGHT = 16, 0.1  # pixels and share of the picture's light: what a flash leaves of it in a block of a bar
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
    shares, faint = (_lighter(samples, bar + above, along) for above in (ABOVE_BAR, FAINT))
    count = samples.shape[along]
    light = cv2.reduce(samples, along, cv2.REDUCE_SUM, dtype=cv2.CV_32F).ravel() / count - bar
    first, first_along = _edge(shares, faint, light)
    last, last_along = _edge(shares[::-1], faint[::-1], light[::-1])
    return (first, len(light) - last, first_along and last_along) if first < len(light) else (0, 0, False)


def _edge(shares: NDArray[Any], faint: NDArray[Any], light: NDArray[Any]) -> tuple[int, bool]:
    """The first line that is picture, and whether the picture's edge is lit along much of its length.

    shares, faint: of each line's samples that are plainly, or a little, lighter than a bar. light: the lines' mean
    above the bar's.
    """
    lines = np.flatnonzero(shares > LIT_SHARE)
    line = int(lines[0]) if len(lines) else len(light)
    pale = np.flatnonzero(faint[:line] > FAINT_ALONG)
    first = int(pale[0]) if len(pale) else line
    if (
        first < line
        and _behind_ghost(light, first) == first
        and light[first] >= HALF_LIT * float(light[first + 1 :][:RINGING].mean())
    ):
        return first, True
    if not len(lines):
        return line, False
    line = _sharpened(light, _below_letters(shares, line))
    beside = faint[line : line + NEAR_EDGE] if line else faint[:1]
    return line, float(beside.max()) > LIT_ALONG


def _lighter(samples: Luma, level: int, along: int) -> NDArray[Any]:
    """Share 0-1 of each line's samples above the level."""
    lit = cv2.threshold(samples, level, 255, cv2.THRESH_BINARY)[1]
    sums = cv2.reduce(lit, along, cv2.REDUCE_SUM, dtype=cv2.CV_32F)
    return np.asarray(sums.ravel() / (255 * samples.shape[along]))


def _below_letters(shares: NDArray[Any], first: int) -> int:
    """The first line that is picture, where those from `first` on may be letters in the bar: they end in the dark,
    and after it the picture begins along much of a line.
    """
    along = np.flatnonzero(shares[first:] > LIT_ALONG)
    if not len(along) or along[0] == 0:
        return first
    edge = first + int(along[0])
    dark = np.flatnonzero(shares[max(first, edge - RINGING) : edge] <= LIT_SHARE)
    letters = shares[first : max(first, edge - RINGING) + int(dark[-1])] if len(dark) else shares[first:edge]
    return edge if len(dark) and float(letters.max(initial=0.0)) < SUBTITLE else first


def _sharpened(light: NDArray[Any], edge: int) -> int:
    """The edge without the codec's ringing: the first line about as light as those a little farther in."""
    if edge == 0:
        return edge
    edge = _behind_ghost(light, edge)
    near = light[edge:][: 2 * RINGING + 1]
    for step in range(min(RINGING + 1, len(near) - 1)):
        if near[step] >= HALF_LIT * float(near[step + 1 : step + 1 + RINGING].mean()):
            return edge + step
    return edge


def _behind_ghost(light: NDArray[Any], edge: int) -> int:
    """The line where the picture begins behind a faint trace of it in the bar; the same line where there is none."""
    near = light[edge:][: GHOST + NEAR_EDGE]
    for step in range(len(near) - NEAR_EDGE, 0, -1):
        if float(near[:step].max()) < GHOST_LIGHT * float(near[step : step + NEAR_EDGE].min()):
            return edge + step
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
