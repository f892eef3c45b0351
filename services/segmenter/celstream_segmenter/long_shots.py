"""Long shots: where one that is too long for a clip is split, and which of its holds are too long for any clip.

A split is seen least where little moves, between two drawings, in a silence. Every frame gets a price by that, every
part one by how far it is from the wanted length; the cheapest way through the shot wins (dynamic programming).
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.float64]

INSIDE_A_DRAWING = 6.0  # price of parting the frames of one drawing: as much as a part four times too long
MOTION_PRICE = 4.0  # where much more moves than usual in this shot; half of it where as much moves as usual
SOUND_PRICE = 1.5  # where the shot is at its loudest
LENGTH_PRICE = 3.0  # of a part e times (2.7 times) too long or too short; grows with the square of the logarithm
FORBIDDEN = 1e6  # price of a part outside the bounds, where there is no other way
MOTION_SECONDS = 0.25  # to each side: a pause is no shorter
LEAST_MOTION = 0.05  # levels, 0-255; less is codec noise
SILENCE_DB, LOUD_SPAN_DB = -60.0, 10.0  # below is silence; a smaller span between soft and loud says nothing
PLACES_PER_TARGET = 25  # places looked at in each target length: the best of every fifth of a second, for 5 s
FREE_SHARE = 100 / PLACES_PER_TARGET  # %; as many places as are needed cost nothing: bad ones do not lengthen parts


def split_prices(seconds: Times, new_drawing: NDArray[np.bool_], motion: Times, level_db: Times | None) -> Times:
    """What it costs to begin a part with each of the n frames.

    seconds: when each frame begins, ascending, and as last entry when the last one ends (n + 1 values).
    new_drawing: whether the frame shows another drawing than the one before. motion: mean absolute difference from the
    frame before, 0-255. level_db: how loud it is about the frame's beginning, NaN where unknown; None without sound.
    """
    count = len(motion)
    starts = seconds[:count]
    total = np.concatenate(([0.0], np.cumsum(motion)))
    low = np.searchsorted(starts, starts - MOTION_SECONDS)
    high = np.searchsorted(starts, starts + MOTION_SECONDS)
    around = (total[high] - total[low]) / np.maximum(high - low, 1)
    usual = max(float(np.median(around)), LEAST_MOTION)
    prices = MOTION_PRICE * around / (around + usual) + INSIDE_A_DRAWING * ~new_drawing
    if level_db is not None and np.isfinite(level_db).any():
        heard = np.maximum(level_db, SILENCE_DB)
        loud, soft = np.nanpercentile(heard, 95), np.nanpercentile(heard, 5)
        if loud - soft >= LOUD_SPAN_DB:
            share = np.clip((heard - soft) / (loud - soft), 0.0, 1.0)
            prices = prices + SOUND_PRICE * np.where(np.isfinite(share), share, 0.5)
    return np.asarray(prices, np.float64)


def split(
    seconds: Times, prices: Times, *, min_seconds: float, target_seconds: float, max_seconds: float
) -> list[tuple[int, int]]:
    """Split n frames into parts [start, end) of at least `min_seconds` and at most `max_seconds`.

    seconds: n + 1 values as for `split_prices`; prices: n values. Parts are about `target_seconds` long. Where the
    bounds cannot be kept (a shot of 7 s in parts of 4 to 5 s), as few parts as possible break them.
    """
    count = len(prices)
    if count < 2 or float(seconds[-1] - seconds[0]) <= max_seconds:
        return [(0, count)]
    width = min(target_seconds / PLACES_PER_TARGET, (max_seconds - min_seconds) / 4)
    inner = _places(seconds[:count], prices, width)
    edges = np.concatenate(([0], inner, [count]))
    times = seconds[edges] - seconds[0]
    free = float(np.percentile(prices[inner], FREE_SHARE))
    charge = np.concatenate(([0.0], np.maximum(prices[inner] - free, 0.0), [0.0]))
    best, before = np.zeros(len(edges)), np.zeros(len(edges), np.int64)
    firsts = np.minimum(np.searchsorted(times, times - max_seconds * (1 + 1e-9)), np.arange(len(edges)) - 1)
    for place in range(1, len(edges)):
        first = max(0, int(firsts[place]))
        lengths = times[place] - times[first:place]
        outside = (lengths < min_seconds * (1 - 1e-9)) | (lengths > max_seconds * (1 + 1e-9))
        cost = best[first:place] + LENGTH_PRICE * np.log(lengths / target_seconds) ** 2 + FORBIDDEN * outside
        cheapest = int(np.argmin(cost))
        best[place], before[place] = cost[cheapest] + charge[place], first + cheapest
    way = [len(edges) - 1]
    while way[-1]:
        way.append(int(before[way[-1]]))
    return [(int(edges[a]), int(edges[b])) for a, b in pairwise(reversed(way))]


def _places(starts: Times, prices: Times, width: float) -> NDArray[np.int64]:
    """The cheapest frame, but the first, of every `width` seconds; every frame where that is less than a frame."""
    frames = np.arange(1, len(starts))
    if width <= 0 or width < float(np.median(np.diff(starts))):
        return frames
    bins = ((starts[1:] - starts[0]) // width).astype(np.int64)
    order = np.lexsort((frames, prices[1:], bins))
    return np.sort(frames[order[np.unique(bins[order], return_index=True)[1]]])


def held_too_long(starts: Sequence[int], seconds: Times, *, max_seconds: float) -> list[tuple[int, int]]:
    """The holds [start, end) that last longer than `max_seconds`.

    starts: first frame of each drawing, ascending from 0. seconds: n + 1 values as for `split_prices`.
    """
    edges = [*starts, len(seconds) - 1]
    return [(a, b) for a, b in pairwise(edges) if float(seconds[b] - seconds[a]) > max_seconds]
