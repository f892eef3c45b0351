"""Evidence for a hard cut before one frame, gathered from about a second around it.

A cut is a change that is complete in one frame, that no motion or exposure explains, and after which the old
picture does not come back: every pair of frames across a cut differs, the pairs on either side agree. A flash or an
object that passes the camera fails the second test, a fast pan the first.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from celstream_segmenter.transition_features import (
    SAME,
    Novelty,
    Sample,
    alike,
    colour_distance,
    novelty,
    region_colour_distance,
    same_drawing,
)

REACH_BEFORE, REACH_AFTER = 11, 11  # frames around a candidate that its evidence reads
RETURN_FRAMES = (1, 2, 3, 4, 6, 8, 10)  # a flash or a passing object is over within so many frames
CANDIDATE = 0.15  # share of new blocks below which a frame is no candidate
SAME_COLOURS = 4.0  # levels between the colours of the changed region before and after; other characters: 14 and more
SAME_PLACE = 0.5  # correlation of the lumas; other places: below 0.5, mostly near 0
ROW = 0.5  # size of the changes before and after, relative to this one
LASTING = 0.08  # the same from two frames before to two frames after the change: less is a flicker

FEATURES = (
    "new_both", "new_most", "new_in_place", "colour",
    "before_1", "before_2", "before_3", "after_1", "after_2", "after_3", "before_most", "after_most",
    "across_2", "across_3", "returns_after", "returns_in", "seen_before", "symmetric",
    "deviation_before", "deviation_after", "mean_before", "mean_after",
    "jump", "step", "complete", "sudden", "colour_across", "mixed_after", "rest_after", "mixed_before", "rest_before",
    "shape", "shape_across", "region_colour", "region_colour_across",
)  # fmt: skip


class Window:
    """The recent frames of a footage and what pairs of their drawings have in common, computed once.

    Frames are numbered from 0 at the start of the footage; those asked for outside the footage are its first or last.
    """

    def __init__(self, capacity: int) -> None:
        """capacity: how many frames are kept; asking for an older one raises IndexError."""
        self._capacity = capacity
        self._samples: dict[int, Sample] = {}
        self._drawn: dict[int, int] = {}  # each frame's drawing, by the first frame that shows it
        self._drawings: dict[int, Sample] = {}
        self._pairs: dict[tuple[int, int], Novelty] = {}
        self.length = 0

    def append(self, item: Sample) -> None:
        frame = self.length
        held = frame > 0 and same_drawing(self._drawings[self._drawn[frame - 1]], item)
        self._drawn[frame] = self._drawn[frame - 1] if held else frame
        if not held:
            self._drawings[frame] = item
        self._samples[frame] = item
        self.length += 1
        expired = frame - self._capacity
        if expired >= 0:
            del self._samples[expired], self._drawn[expired]
        if self.length % 64 == 0:
            oldest = min(self._drawn.values())
            self._drawings = {drawing: first for drawing, first in self._drawings.items() if drawing >= oldest}
            self._pairs = {pair: value for pair, value in self._pairs.items() if min(pair) >= oldest}

    def sample(self, frame: int) -> Sample:
        frame = min(max(frame, 0), self.length - 1)
        if frame not in self._samples:
            raise IndexError(f"frame {frame} is no longer kept: the window holds the last {self._capacity}.")
        return self._samples[frame]

    def novelty(self, first: int, second: int, *, at_least: float = 0.0) -> Novelty:
        """As transition_features.novelty; what is below `at_least` may be an upper bound."""
        pair = self._drawing(first), self._drawing(second)
        known = SAME if pair[0] == pair[1] else self._pairs.get(pair)
        if known is None or not (known.exact or known.both < at_least):
            # In a slow fade the drawing's first frame is far from its last one, which the next drawing follows.
            follows = self._drawn.get(pair[1] - 1) == pair[0] and pair[1] - 1 in self._samples
            before = self._samples[pair[1] - 1] if follows else self._drawings[pair[0]]
            known = novelty(before, self._drawings[pair[1]], at_least=at_least)
            self._pairs[pair] = known
        return known

    def _drawing(self, frame: int) -> int:
        """The first frame that shows the drawing of `frame`."""
        frame = min(max(frame, 0), self.length - 1)
        if frame not in self._drawn:
            raise IndexError(f"frame {frame} is no longer kept: the window holds the last {self._capacity}.")
        return self._drawn[frame]


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


def cut_features(window: Window, frame: int, stride: int = 1) -> NDArray[np.float32]:
    """The evidence for a cut between `frame` - 1 and `frame`, in the order of FEATURES.

    stride: frames of the footage per frame of about 1/24 s; at 50 and 60 frames/s it is 2, so that motion, cadence
    and flashes look as they do at 24. Shares are 0..1; colours, steps and deviations in log(1 + levels), means in
    levels (0-255), `returns_in` in strides.
    """
    before: Callable[[int], int] = lambda strides: frame - 1 - strides * stride
    after: Callable[[int], int] = lambda strides: frame + strides * stride
    both: Callable[[int, int], float] = lambda first, second: window.novelty(first, second).both
    at = window.sample
    old, new = at(frame - 1), at(frame)
    change = window.novelty(frame - 1, frame)
    returns = [both(frame - 1, after(k)) for k in RETURN_FRAMES]
    seen = [both(before(k - 1), frame) for k in RETURN_FRAMES[1:]]
    symmetric = [both(before(k), after(k)) for k in range(1, 7)]
    step = distance(old, new)
    mixed_after, rest_after = _mixture(new, old, at(after(1)))
    mixed_before, rest_before = _mixture(old, at(before(1)), new)
    evidence = np.array(
        [
            change.both,
            max(change.gone, change.come),
            change.still,
            colour_distance(old, new),
            *(both(before(k), before(k - 1)) for k in (1, 2, 3)),
            *(both(after(k - 1), after(k)) for k in (1, 2, 3)),
            max(both(before(k), before(k - 1)) for k in range(4, 9)),
            max(both(after(k - 1), after(k)) for k in range(4, 9)),
            both(before(1), after(1)),
            both(before(2), after(2)),
            min(returns),
            float(RETURN_FRAMES[int(np.argmin(returns))]),
            min(seen),
            min(symmetric),
            old.deviation,
            new.deviation,
            old.mean,
            new.mean,
            step / max(1.0, distance(at(before(2)), at(after(2)))),
            step,
            step / max(0.1, distance(old, at(after(2)))),
            step / max(0.1, distance(at(before(2)), new)),
            colour_distance(at(before(2)), at(after(2))),
            mixed_after,
            rest_after,
            mixed_before,
            rest_before,
            alike(old, new),
            alike(at(before(2)), at(after(2))),
            region_colour_distance(old, new),
            region_colour_distance(at(before(2)), at(after(2))),
        ],
        dtype=np.float32,
    )
    # A level more or less matters where there are few.
    evidence[_LOGARITHMIC] = np.log1p(evidence[_LOGARITHMIC])
    return evidence


def only_another_drawing(evidence: NDArray[np.float32]) -> bool:
    """Whether the change is one of a row of alike ones, in the same colours and the same place.

    A figure that fills the picture and dances on threes changes half of it with every drawing; so does a montage of
    shots of three frames, but that brings new colours.
    """
    value = dict(zip(FEATURES, evidence.tolist(), strict=True))
    before = max(value[name] for name in ("before_1", "before_2", "before_3", "before_most"))
    after = max(value[name] for name in ("after_1", "after_2", "after_3", "after_most"))
    same_colours = float(np.expm1(value["region_colour"])) < SAME_COLOURS
    return same_colours and value["shape"] > SAME_PLACE and min(before, after) > ROW * value["new_both"]


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
