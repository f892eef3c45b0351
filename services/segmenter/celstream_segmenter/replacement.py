"""What was replaced between two frames that share their background: a figure in another pose, or other figures.

A cut before the same background changes little of the picture. What changes is told apart by its outlines: where a
thing appears, outlines come; where one vanishes, they go. A sign that pops up only appears; a figure in another pose
appears where it vanished; after a cut, figures appear where none was and vanish elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from celstream_segmenter.transition_features import HEIGHT, WIDTH, Sample

CHANGED = (
    20,
    12,
    12,
    255,
)  # levels of Y, U and V that noise, at edges and at CRF 32, stays below
OUTLINE = 14  # levels by which an outline must come or go
MIN_PIXELS = 12  # fewer are a speck
NEAR, FAR = (9, 9), (25, 25)  # pixels: within a limb, within a figure
COLOURS = [4, 8, 8]  # bins of Y, U and V

_NONE = (0, 0, 0, 0)
_BODY = np.ones((5, 5), np.uint8)
_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
_X, _Y = np.meshgrid(
    np.arange(WIDTH, dtype=np.float32) / HEIGHT,
    np.arange(HEIGHT, dtype=np.float32) / HEIGHT,
)


@dataclass(frozen=True, slots=True)
class Replacement:
    """What changed between two frames, in place; everything 0 where nothing did.

    area: share 0..1 of the pixels. balance: smaller by larger of the outlines that come and go, 0..1; 0 where things
    only appear or only vanish. apart, far_apart: 0 where outlines come right beside those that go, 1 where they come
    elsewhere; by the size of a limb and of a figure. shift: between the centres of what goes and what comes, in heights
    of the picture. colours: share 0..1 of the changed pixels whose colour was not there before. thick: share 0..1 of
    them that have others all around: bodies, not arms. wide: share 0..1 of the picture's columns with such pixels.
    """

    area: float
    balance: float
    apart: float
    far_apart: float
    shift: float
    colours: float
    thick: float
    wide: float


NOTHING = Replacement(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def changed_pixels(first: Sample, second: Sample) -> NDArray[Any]:
    """Mask, 72 x 128, 0 or 255, of the pixels that differ by more than noise."""
    same = cv2.inRange(cv2.absdiff(first.picture, second.picture), _NONE, CHANGED)
    return cv2.medianBlur(cv2.bitwise_not(same), 3)


def changed_area(first: Sample, second: Sample) -> float:
    """Share 0..1 of the pixels that differ by more than noise."""
    return cv2.countNonZero(changed_pixels(first, second)) / (WIDTH * HEIGHT)


def replacement(first: Sample, second: Sample) -> Replacement:
    """Look closely at what changed between two frames."""
    changed = changed_pixels(first, second)
    count = cv2.countNonZero(changed)
    if count < MIN_PIXELS:
        return NOTHING
    inner = cv2.erode(changed, _BODY)
    wide = int(np.count_nonzero(inner.any(axis=0))) / WIDTH
    thick = cv2.countNonZero(inner) / count
    colours = _other_colours(first, second, changed, count)
    around = cv2.dilate(changed, _CROSS)
    old, new = (cv2.morphologyEx(item.luma, cv2.MORPH_GRADIENT, _CROSS) for item in (first, second))
    come = cv2.bitwise_and(cv2.subtract(new, old), around)
    gone = cv2.bitwise_and(cv2.subtract(old, new), around)
    come = cv2.threshold(come, OUTLINE, 0, cv2.THRESH_TOZERO)[1].astype(np.float32)
    gone = cv2.threshold(gone, OUTLINE, 0, cv2.THRESH_TOZERO)[1].astype(np.float32)
    power_come, power_gone = float(cv2.sumElems(come)[0]), float(cv2.sumElems(gone)[0])
    power = power_come + power_gone
    if power < 1.0:
        return Replacement(count / (WIDTH * HEIGHT), 0.0, 0.0, 0.0, 0.0, colours, thick, wide)
    weaker = min(power_come, power_gone)
    shift = 0.0
    if weaker > 1.0:
        x = float((_X * come).sum()) / power_come - float((_X * gone).sum()) / power_gone
        y = float((_Y * come).sum()) / power_come - float((_Y * gone).sum()) / power_gone
        shift = float(np.hypot(x, y))
    return Replacement(
        area=count / (WIDTH * HEIGHT),
        balance=weaker / max(power_come, power_gone),
        apart=_apart(come, gone, NEAR, power),
        far_apart=_apart(come, gone, FAR, power),
        shift=shift,
        colours=colours,
        thick=thick,
        wide=wide,
    )


def _apart(come: NDArray[Any], gone: NDArray[Any], size: tuple[int, int], power: float) -> float:
    border = cv2.BORDER_CONSTANT
    difference = cv2.absdiff(cv2.blur(come, size, borderType=border), cv2.blur(gone, size, borderType=border))
    return float(cv2.sumElems(difference)[0]) / power


def _other_colours(first: Sample, second: Sample, changed: NDArray[Any], count: int) -> float:
    """Half the absolute difference of the colours of the changed pixels before and after."""
    old, new = (
        cv2.calcHist([item.picture], [0, 1, 2], changed, COLOURS, [0, 256, 0, 256, 0, 256]) for item in (first, second)
    )
    return float(cv2.norm(old, new, cv2.NORM_L1)) / (2 * count)
