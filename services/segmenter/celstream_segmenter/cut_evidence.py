"""Evidence for a hard cut before one frame, gathered from about a second around it.

A cut is a change that is complete in one frame, that no motion or exposure explains, and after which the old
picture does not come back: every pair of frames across a cut differs, the pairs on either side agree. A flash or an
object that passes the camera fails the second test, a fast pan the first. Before the same background, other figures
stand in other places; a figure that moves changes as much with the drawings before and after.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from celstream_segmenter.drawing_window import Window
from celstream_segmenter.replacement import Replacement, changed_area, replacement
from celstream_segmenter.transition_features import (
    Sample,
    alike,
    colour_distance,
    kept_in_place,
    region_colour_distance,
)

REACH_BEFORE, REACH_AFTER = 11, 11  # frames around a candidate that its evidence reads
RETURN_FRAMES = (
    1,
    2,
    3,
    4,
    6,
    8,
    10,
)  # a flash or a passing object is over within so many frames
CANDIDATE = 0.06  # share of new blocks below which a frame is no candidate: a small figure before the same background
LASTING = 0.06  # the same from two frames before to two frames after the change: less is a flicker
ROW_FRAMES = 10  # three drawings on threes
OTHER_PLACE = 0.75  # share of new blocks; a figure that fills the picture and dances changes half of them
LATER_FRAMES = 4  # the light of a flash at a cut is gone by then
BACK = 0.25  # change from two or three frames before to as many after, relative to that at once: shots have three
ROW = 0.5  # size of the changes before and after, relative to this one
SAME_FIGURE = 0.5  # share of the changed pixels in other colours; other figures before the same background: 0.3 to 1
LEAST_AREA = 0.002  # share of the pixels: less than a mouth

# What costs little, and rules out most candidates.
QUICK_FEATURES = (
    "new_both", "new_most", "new_in_place", "colour",
    "before_1", "before_2", "before_3", "after_1", "after_2", "after_3", "before_most", "after_most",
    "row_new_before", "row_new_after", "deviation_before", "deviation_after", "mean_before", "mean_after",
    "jump", "step", "complete", "sudden", "colour_across", "mixed_after", "rest_after", "mixed_before", "rest_before",
    "shape", "shape_across", "region_colour", "region_colour_across", "kept",
    "area", "balance", "apart", "far_apart", "shift", "other_colours",
)  # fmt: skip
FEATURES = (
    *QUICK_FEATURES,
    "across_2", "across_3", "returns_after", "returns_in", "seen_before", "symmetric",
    "row_before", "row_after", "drift_before", "drift_after", "later_kept",
    "later_area", "later_balance", "later_apart", "later_far_apart", "later_shift", "later_colours",
    "thick", "wide", "later_thick", "later_wide",
)  # fmt: skip
_ACROSS = (FEATURES.index("across_2"), FEATURES.index("across_3"))
_AREAS = tuple(FEATURES.index(name) for name in ("area", "row_before", "row_after"))
_ROWS = (FEATURES.index("row_new_before"), FEATURES.index("row_new_after"))
_OTHER_COLOURS = FEATURES.index("other_colours")
_LOGARITHMIC = [
    FEATURES.index(name)
    for name in (
        "colour", "colour_across", "region_colour", "region_colour_across", "step",
        "deviation_before", "deviation_after",
    )
]  # fmt: skip


def is_candidate(window: Window, frame: int, stride: int = 1) -> bool:
    """Whether enough changes before `frame`, and lasts, to look at it closely."""
    if frame < 1 or window.novelty(frame - 1, frame, at_least=CANDIDATE).both < CANDIDATE:
        return False
    return window.novelty(frame - 1 - stride, frame + stride, at_least=LASTING).both >= LASTING


def quick_evidence(window: Window, frame: int, stride: int = 1) -> NDArray[np.float32]:
    """Evidence for a cut between `frame` - 1 and `frame`, in the order of QUICK_FEATURES.

    stride: frames of the footage per frame of about 1/24 s; at 50 and 60 frames/s it is 2, so that motion, cadence
    and flashes look as they do at 24. Shares are 0..1; colours, steps and deviations in log(1 + levels), means in
    levels (0-255), areas in log(LEAST_AREA + share).
    """
    old, new = window.sample(frame - 1), window.sample(frame)
    second_before, second_after = (
        window.sample(frame - 1 - 2 * stride),
        window.sample(frame + 2 * stride),
    )
    change = window.novelty(frame - 1, frame)
    before = [_change(window, frame - 1 - k * stride, frame - 1 - (k - 1) * stride) for k in range(1, ROW_FRAMES + 1)]
    after = [_change(window, frame + (k - 1) * stride, frame + k * stride) for k in range(1, ROW_FRAMES + 1)]
    step = distance(old, new)
    evidence = np.array(
        [
            change.both,
            max(change.gone, change.come),
            change.still,
            colour_distance(old, new),
            *before[:3],
            *after[:3],
            max(before[3:8]),
            max(after[3:8]),
            max(_same_place(before), default=0.0),
            max(_same_place(after), default=0.0),
            old.deviation,
            new.deviation,
            old.mean,
            new.mean,
            step / max(1.0, distance(second_before, second_after)),
            step,
            step / max(0.1, distance(old, second_after)),
            step / max(0.1, distance(second_before, new)),
            colour_distance(second_before, second_after),
            *_mixture(new, old, window.sample(frame + stride)),
            *_mixture(old, window.sample(frame - 1 - stride), new),
            alike(old, new),
            alike(second_before, second_after),
            region_colour_distance(old, new),
            region_colour_distance(second_before, second_after),
            kept_in_place(old, new),
            *_replaced(replacement(old, new)),
        ],
        dtype=np.float32,
    )
    # A level more or less matters where there are few.
    evidence[_LOGARITHMIC] = np.log1p(evidence[_LOGARITHMIC])
    return evidence


def cut_evidence(window: Window, frame: int, quick: NDArray[np.float32], stride: int = 1) -> NDArray[np.float32]:
    """All the evidence, in the order of FEATURES; quick: that of quick_evidence. `returns_in` is in strides."""
    before: Callable[[int], int] = lambda strides: frame - 1 - strides * stride
    after: Callable[[int], int] = lambda strides: frame + strides * stride
    both: Callable[[int, int], float] = lambda first, second: window.novelty(first, second).both
    returns = [both(frame - 1, after(k)) for k in RETURN_FRAMES]
    seen = [both(before(k - 1), frame) for k in RETURN_FRAMES[1:]]
    old, later = window.sample(frame - 1), window.sample(after(LATER_FRAMES))
    now, then = replacement(old, window.sample(frame)), replacement(old, later)
    row_before, drift_before = _action(window, frame - 1, -stride)
    row_after, drift_after = _action(window, frame, stride)
    more = [
        both(before(1), after(1)),
        both(before(2), after(2)),
        min(returns),
        float(RETURN_FRAMES[int(np.argmin(returns))]),
        min(seen),
        min(both(before(k), after(k)) for k in range(1, 7)),
        *(_log_area(area) for area in (row_before, row_after, drift_before, drift_after)),
        kept_in_place(old, later),
        *_replaced(then),
        *(now.thick, now.wide, then.thick, then.wide),
    ]
    return np.concatenate((quick, np.array(more, np.float32)))


def comes_back(evidence: NDArray[np.float32]) -> bool:
    """Whether the pictures before and after the change are one: something flashed, or passed the camera."""
    across = min(float(evidence[_ACROSS[0]]), float(evidence[_ACROSS[1]]))
    return across < BACK * float(evidence[0])


def one_of_a_row(evidence: NDArray[np.float32]) -> bool:
    """Whether about as much changes just before and just after, in the same place and in the same colours.

    A figure that fills the picture and dances on threes changes half of it with every drawing.
    """
    if float(evidence[0]) >= OTHER_PLACE:
        return False
    area, before, after = (float(np.exp(evidence[index])) - LEAST_AREA for index in _AREAS)
    new = min(float(evidence[index]) for index in _ROWS) / float(evidence[0])
    return (min(before, after) > ROW * area or new > ROW) and float(evidence[_OTHER_COLOURS]) < SAME_FIGURE


def _change(window: Window, first: int, second: int) -> float:
    return window.novelty(first, second, at_least=CANDIDATE).both


def _same_place(changes: list[float]) -> list[float]:
    """The changes up to the next one of place."""
    ends = (index for index, change in enumerate(changes) if change >= OTHER_PLACE)
    return changes[: next(ends, len(changes))]


def _action(window: Window, start: int, step: int) -> tuple[float, float]:
    """Largest share of the pixels that changes at once beside a frame, and in all, up to the next change of place."""
    row, last, changed = 0.0, start, False
    for k in range(1, ROW_FRAMES + 1):
        at = start + k * step
        change = _change(window, min(last, at), max(last, at))
        if change >= OTHER_PLACE:
            break
        if change > 0.0:
            changed = True
            row = max(row, changed_area(window.sample(last), window.sample(at)))
        last = at
    return row, changed_area(window.sample(start), window.sample(last)) if changed else 0.0


def _replaced(change: Replacement) -> tuple[float, ...]:
    return (
        _log_area(change.area), change.balance, change.apart, change.far_apart, change.shift, change.colours,
    )  # fmt: skip


def _log_area(share: float) -> float:
    return float(np.log(share + LEAST_AREA))


def distance(first: Sample, second: Sample) -> float:
    """Mean absolute difference of two coarse pictures, in levels (0-255)."""
    return float(cv2.norm(first.coarse, second.coarse, cv2.NORM_L1)) / first.coarse.size


def _mixture(middle: Sample, first: Sample, last: Sample) -> tuple[float, float]:
    """Weight of `last` in the blend of `first` and `last` nearest to `middle`, and what the blend leaves over."""
    whole = (last.coarse - first.coarse).ravel()
    part = (middle.coarse - first.coarse).ravel()
    power = float(whole @ whole)
    if power < 1e-3:
        return 0.0, 1.0
    weight = float(part @ whole) / power
    rest = part - weight * whole
    return weight, float(np.sqrt(float(rest @ rest) / power))
