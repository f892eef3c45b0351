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
LOPSIDED = 0.005  # of the size: how far opposite bars may differ, else each must be seen for itself
OTHER_LIT = 0.2  # of a picture's edge, where the opposite one is lit along more than LIT_ALONG
TRACE, TRACE_ALONG = 1, 0.8  # levels above the bar's own, and how much of a line they make a picture's in the dark
SHARP = 0.6  # of a line's samples that become lighter at once where a bar without its like on the other side ends
LEAST_SHARP = 0.3  # the same at the sharper one of two alike; a column of letters begins at many places
STEEP = 3  # pixels to each side of an edge, within which it rises
STAYS = 0.5  # of the frames in which such an edge is where it is

Luma = NDArray[Any]  # height x width uint8; the stubs of cv2 know no closer type


@dataclass(frozen=True, slots=True)
class Edges:
    """Where one frame's picture ends, and how: at its left, top, right and lower edge."""

    inside: Rectangle
    ends: tuple["End", "End", "End", "End"]


@dataclass(frozen=True, slots=True)
class End:
    """How a picture ends at one side. bar: pixels from there to the border of the frame.

    lit: the share of the edge that is lighter than the bar; letters on black are so along little of it. sharp: the
    share that becomes lighter within a few pixels. step: where, farther in, nearly all of a line does; else 0.
    """

    bar: int
    lit: float
    sharp: float
    step: int = 0


def picture_edges(luma: Luma) -> Edges | None:
    """What is not bar in one frame's whole luma plane (height x width); None where the frame is dark throughout."""
    height, width = luma.shape
    bar = _bar_level(luma)
    if bar is None:
        end = End(0, 1.0, 1.0)
        return Edges(Rectangle(0, 0, width, height), (end, end, end, end))
    apart = max(1, min(height, width) // SAMPLES)
    # Columns are taken eight side by side, as words of 64 bits: one by one it takes five times as long.
    words = luma[:, : width // 8 * 8].view(np.uint64) if width >= 8 * apart else luma
    rows = np.ascontiguousarray(words[:, ::apart]).view(np.uint8)
    columns = np.ascontiguousarray(luma[::apart])
    top, bottom = _extent(rows, 1, bar)
    left, right = _extent(columns, 0, bar)
    if top.bar + bottom.bar >= height or left.bar + right.bar >= width:
        return None
    inside = Rectangle(left.bar, top.bar, width - left.bar - right.bar, height - top.bar - bottom.bar)
    return Edges(inside, (left, top, right, bottom))


def _extent(samples: Luma, along: int, bar: int) -> tuple[End, End]:
    """How the picture ends at the first lines and at the last ones.

    samples: of the picture, 0-255. along: the axis of the array that goes along the lines.
    """
    shares, faint, trace = (_lighter(samples, bar + above, along) for above in (ABOVE_BAR, FAINT, TRACE))
    count = samples.shape[along]
    light = cv2.reduce(samples, along, cv2.REDUCE_SUM, dtype=cv2.CV_32F).ravel() / count - bar
    first = _end(shares, faint, trace, light)
    last = _end(shares[::-1], faint[::-1], trace[::-1], light[::-1])
    return _like(first, last, len(light)), _like(last, first, len(light))


def _like(end: End, other: End, size: int) -> End:
    """The end behind letters or a sign in the bar: where the picture steps up, as far in as the other side's end."""
    if end.bar < end.step and other.sharp > SHARP and _alike(end.step, other.bar, size):
        return End(end.step, 1.0, 1.0)
    return end


def _alike(first: int, second: int, size: int) -> bool:
    """Whether two bars are as large as each other; size: of the frame, from one to the other."""
    return abs(first - second) <= max(LEAST_BAR, LOPSIDED * size)


def _end(shares: NDArray[Any], faint: NDArray[Any], trace: NDArray[Any], light: NDArray[Any]) -> End:
    """How the picture ends before the first line; see `_edge`. trace: as faint, of the least that can be told."""
    edge, pale = _edge(shares, faint, light)
    if edge >= len(light):
        return End(edge, 0.0, 0.0)
    lit = 1.0 if pale else float((faint[edge : edge + NEAR_EDGE] if edge else faint[:1]).max())
    outside = slice(max(0, edge - RINGING - NEAR_EDGE), max(1, edge - RINGING))
    if edge and float(trace[outside].max()) < 1 - TRACE_ALONG:
        along = float(trace[edge : edge + NEAR_EDGE].min())
        lit = max(lit, along if along > TRACE_ALONG else 0.0)
    rise = np.maximum(_rise(shares), _rise(faint))
    steps = np.flatnonzero(rise[: len(rise) // 2] > SHARP)
    step = _sharpened(light, int(steps[0])) if len(steps) else 0
    if 0 < step < edge and _behind_ghost(light, step) == step:
        return End(step, 1.0, float(rise[step]))  # too faint for the picture's edge, and too long for anything else
    return End(edge, lit, float(rise[edge]) if edge else 0.0, step)


def _rise(shares: NDArray[Any]) -> NDArray[Any]:
    """By how much the share of each line rises from STEEP lines before it to as many behind it, and stays there."""
    padded = np.pad(shares, STEEP, mode="edge")
    count = len(shares)
    before, behind = padded[:count], [padded[2 * STEEP - at : 2 * STEEP - at + count] for at in range(2)]
    return np.asarray(np.minimum(*behind) - before)


def _edge(shares: NDArray[Any], faint: NDArray[Any], light: NDArray[Any]) -> tuple[int, bool]:
    """The first line that is picture, and whether it is pale along its whole length.

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
        half, least = HALF_LIT * float(light[first + 1 :][:RINGING].mean()), max(0, first - NEAR_EDGE)
        while first > least and light[first - 1] >= half:
            first -= 1  # the codec smooths so faint an edge
        return first, True
    if not len(lines):
        return line, False
    return _sharpened(light, _below_letters(shares, line)), False


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
    if not edges:
        return Rectangle(0, 0, width, height)
    lefts, tops, rights, bottoms = ([item.ends[side] for item in edges] for side in range(4))
    left, right = _bars(lefts, rights, width)
    top, bottom = _bars(tops, bottoms, height)
    return Rectangle(left, top, width - left - right, height - top - bottom)


def _bars(firsts: list[End], seconds: list[End], size: int) -> tuple[int, int]:
    """The two opposite bars of a clip, 0 where they cannot be bars; firsts, seconds: how its frames end there."""
    first, second = (min(end.bar for end in ends) for ends in (firsts, seconds))
    if first + second > LARGEST_BARS * size or max(first, second) < LEAST_BAR:
        return 0, 0
    if _alike(first, second, size):
        here = [[end for end in ends if end.bar <= bar + 1] for ends, bar in ((firsts, first), (seconds, second))]
        lit, sharp = ([max(getattr(end, what) for end in ends) for ends in here] for what in ("lit", "sharp"))
        if max(lit) > LIT_ALONG and min(lit) > OTHER_LIT and max(sharp) > LEAST_SHARP:
            return first, second
    return _alone(firsts, first), _alone(seconds, second)


def _alone(ends: list[End], bar: int) -> int:
    """A bar without its like on the other side; 0 where the picture does not end there sharply, and at one place."""
    here = [end for end in ends if end.bar <= bar + 1]
    stays = len(here) >= STAYS * len(ends)
    return bar if bar >= LEAST_BAR and stays and max(end.sharp for end in here) > SHARP else 0
