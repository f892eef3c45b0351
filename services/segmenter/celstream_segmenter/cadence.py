"""Cadence: for how many frames each drawing is held.

Animation drawn "on twos" shows every drawing for two frames. What differs inside a hold is codec noise only, so a hold
ends where the difference rises above the noise of this clip. Codecs show some drawings late or in two halves: a change
beside a larger one is the less likely to be a drawing of its own.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from celstream_segmenter.drawing_change import LEAST_NOISE, MOVED_NOISE, Change
from celstream_segmenter.measured import Cadence, Hold
from celstream_segmenter.rhythm import drawing_starts

CODING_NOISE = 28.0  # of one pixel's level (0-255), at CRF 32; averaging over squares of n x n pixels divides it by n
LEAST_CODING_NOISE = 18.0  # the same at its least: at a lower CRF the quieter frames of a clip are quieter by so much …
QUIET_PERCENT, QUIET_RATIO, FEWEST_QUIET = 25.0, 2.5, 12  # … and so many of them, times this, tell, of so many frames
NOISE_RATIO = 3.0  # grain's largest block by its upper quartile
SIGNED_RATIO = 2.5  # of grain: mean absolute difference of 4 x 4 pixels by the absolute mean of 6 x 6
HELD_RATIO, FEWEST_HELD = 2.2, 4  # a new drawing by the median of what a move leaves of held ones, if so many are held
LEAST_MOVED, MOST_MOVED = 0.8, 1.6  # of the usual: a quieter clip is not looked at more closely, but for speed lines
QUIETEST = 0.25  # a smaller novelty says no more
LEAST_THRESHOLD, MOST_THRESHOLD = 0.8, 2.0  # of novelty; farther up two kinds of drawings are told apart, not new ones
SHAPE = 3.0  # half of so many frames does what is usual about the spread count for
PARTIAL_SHARE = 0.25  # of the area that a clip's drawings usually change: less is a mouth or an eye

# What `odds` weighs, of logarithms of ratios: logistic regression over the frames of 36 rendered films (seeds 65001 to
# 65012, 66001 to 66024 of tests/accuracy) in six styles, at CRF 18 to 32 and telecined, and of paintings under grain;
# BIAS and MOVED then set for the most holds.
BIAS = -0.62
OVER_NOISE, OVER_THRESHOLD = 2.87, 0.54
AREA = -0.23  # what changes as much in fewer blocks is the likelier a mouth, and not noise
BEFORE, AFTER = -0.63, -0.74
LEAST_NOVELTY, LEAST_AREA = 0.05, 3e-4
LEAST_BESIDE, MOST_BESIDE = -2.0, 3.0  # logarithm of a neighbour's novelty by the frame's own

# The same under a camera's move, by regression over the pans of 24 rendered films (seeds 930000 to 930023, three kinds
# of encoding, CRF 18 to 32 and telecined). What undoing a move leaves depends on what is in the picture and how fast
# it moves: the clip's quieter frames tell, and the quietest around.
MOVED_BIAS, MOVED_OVER_NOISE, MOVED_AREA, MOVED_BEFORE, MOVED_AFTER = -5.7, 3.95, -0.54, -0.48, -0.59
OVER_QUIET, OVER_QUIETEST = 0.75, 1.24
QUIETEST_REACH = 8  # frames to each side: a camera's speed changes little meanwhile


@dataclass(frozen=True, slots=True)
class _Usual:
    """Usual novelties: mean and variance of their logarithm; weight: for how many frames the mean counts."""

    log_mean: float
    variance: float
    weight: float


HELD = _Usual(math.log(0.55), 0.083, 5.0)
NEW = _Usual(math.log(5.0), 0.4, 1.0)


def novelty(changes: Sequence[Change], shrink: int) -> NDArray[np.float64]:
    """By how many times each change exceeds the noise that this footage usually has; above 1 it may well be new.

    shrink: pixels of the frame per pixel of the small picture, in each direction.
    """
    if not changes:
        return np.zeros(0)
    coding, moved = _noises(changes, shrink)
    found = np.array([change.most / (moved if change.moved else coding) for change in changes])
    if 2 * sum(change.moved for change in changes) <= len(changes):
        return found
    # How well a camera's move can be undone depends on what is in the picture: the quieter frames of the clip tell.
    held = found[(found > 0) & (found < 1.0)]
    usual = 1.0 if len(held) < FEWEST_HELD else HELD_RATIO * float(np.median(held))
    return found / min(max(usual, LEAST_MOVED), MOST_MOVED)


def _noises(changes: Sequence[Change], shrink: int) -> tuple[float, float]:
    """Levels (0-255) that noise reaches in the most changed block: where the camera stands, and under its move."""
    quiet = [change.noise * (SIGNED_RATIO if change.moved else 1.0) for change in changes]
    grain = NOISE_RATIO * float(np.percentile(quiet, 30))
    coding = max(LEAST_NOISE, CODING_NOISE / shrink)
    standing = [change.most for change in changes if not change.moved]
    if len(standing) >= FEWEST_QUIET:
        seen = max(LEAST_CODING_NOISE / shrink, QUIET_RATIO * float(np.percentile(standing, QUIET_PERCENT)))
        coding = min(coding, max(LEAST_NOISE, seen))
    return max(coding, grain), max(MOVED_NOISE, grain / SIGNED_RATIO)


def threshold_of(novelties: NDArray[np.float64]) -> float:
    """The novelty above which a frame of this clip is a new drawing.

    The frames are split into quiet and new ones where two bell curves over the logarithm, one for each, explain them
    best: a clip on ones has few quiet frames to learn from, a still one no new ones, so both curves begin with what
    is usual and learn from what they are given (normal distribution with its conjugate prior, integrated out; Murphy
    2007, "Conjugate Bayesian analysis of the Gaussian distribution", equation 95).
    """
    count = len(novelties)
    if count == 0:
        return 1.0
    logs = np.log(np.sort(np.maximum(novelties, QUIETEST)))
    sums, squares = (np.concatenate(([0.0], np.cumsum(values))) for values in (logs, logs**2))
    quiet = np.arange(count + 1)
    split = _log_gamma(quiet + 1.0) + _log_gamma(count - quiet + 1.0)  # any share of new drawings is as likely
    held = _evidence(quiet, sums, squares, HELD)
    new = _evidence(count - quiet, sums[-1] - sums, squares[-1] - squares, NEW)
    best = int(np.argmax(held + new + split))
    below = logs[best - 1] if best else logs[0] - 1.0
    above = logs[best] if best < count else logs[-1] + 1.0
    return min(max(float(np.exp((below + above) / 2)), LEAST_THRESHOLD), MOST_THRESHOLD)


def _evidence(
    count: NDArray[np.int64], sums: NDArray[np.float64], squares: NDArray[np.float64], usual: "_Usual"
) -> NDArray[np.float64]:
    """Logarithm of how well one bell curve explains so many values of that sum and sum of squares."""
    mean = sums / np.maximum(count, 1)
    weight, shape = usual.weight + count, SHAPE + count / 2
    spread = 0.5 * (squares - sums * mean) + 0.5 * usual.weight * count * (mean - usual.log_mean) ** 2 / weight
    scale = SHAPE * usual.variance
    return np.asarray(
        _log_gamma(shape)
        + SHAPE * np.log(scale)
        - shape * np.log(scale + spread)
        - 0.5 * np.log(weight / usual.weight)
        - _log_gamma(np.array([SHAPE]))
        - count / 2 * np.log(2 * np.pi)
    )


_log_gamma = np.vectorize(math.lgamma, otypes=[np.float64])


def odds(changes: Sequence[Change], shrink: int) -> NDArray[np.float64]:
    """For each of a clip's frames the logarithm of the odds that it shows a new drawing, as it looks beside the others.

    It grows with the novelty, by itself and by the clip's threshold. A change right before or after a larger one is
    rather a part of that: B-frames mix two drawings, and a P-frame mends what they left. Noise covers more area than a
    mouth. shrink: as for `novelty`.
    """
    news = novelty(changes, shrink)
    if not len(news):
        return news
    logs = np.log(news + LEAST_NOVELTY)
    area = np.log(np.array([change.area for change in changes]) + LEAST_AREA)
    rise = np.diff(logs)
    before, after = (np.clip(v, LEAST_BESIDE, MOST_BESIDE) for v in (np.append(0.0, -rise), np.append(rise, 0.0)))
    own = OVER_NOISE * logs + OVER_THRESHOLD * (logs - math.log(threshold_of(news))) + AREA * area
    standing = BIAS + own + BEFORE * before + AFTER * after
    moved = np.array([change.moved for change in changes])
    return np.where(moved, _moved_odds(changes, shrink, area), standing) if moved.any() else standing


def _moved_odds(changes: Sequence[Change], shrink: int, area: NDArray[np.float64]) -> NDArray[np.float64]:
    """As `odds`, for the frames under a camera's move."""
    noise = _noises(changes, shrink)[1]
    logs = np.log(np.array([change.most for change in changes]) / noise + LEAST_NOVELTY)
    quiet = float(np.percentile(logs[[change.moved for change in changes]], QUIET_PERCENT))
    around = np.lib.stride_tricks.sliding_window_view(np.pad(logs, QUIETEST_REACH, "edge"), 2 * QUIETEST_REACH + 1)
    own = MOVED_OVER_NOISE * logs + OVER_QUIET * (logs - quiet) + OVER_QUIETEST * (logs - around.min(axis=1))
    rise = np.diff(logs)
    # A quiet neighbour does not speak for a drawing here: now and then a camera's move is not quite undone.
    before, after = (np.clip(v, 0.0, MOST_BESIDE) for v in (np.append(0.0, -rise), np.append(rise, 0.0)))
    return np.asarray(MOVED_BIAS + own + MOVED_AREA * area + MOVED_BEFORE * before + MOVED_AFTER * after)


def holds(changes: Sequence[Change], shrink: int, repeated: NDArray[np.bool_] | None = None) -> list[Hold]:
    """Split a clip into holds. changes: one per frame; the first one's is not looked at. shrink: as for `novelty`.

    repeated: which frames only repeat the one before, as telecine makes them; no drawing begins there.
    Raises ValueError for no frame at all.
    """
    if not changes:
        raise ValueError("a clip of 0 frames: it has no drawings. Give at least one frame.")
    places = np.arange(1, len(changes))
    if repeated is not None:
        places = places[~repeated[1:]]
    starts = np.concatenate(([0], places))[drawing_starts(odds([changes[place] for place in places.tolist()], shrink))]
    area = np.array([change.area for change in changes])
    lengths = np.diff(np.append(starts, len(changes)))
    usual_area = float(np.percentile(area[starts[1:]], 75)) if len(starts) > 1 else 0.0
    return [
        Hold(int(start), int(length), bool(start > 0 and area[start] < PARTIAL_SHARE * usual_area))
        for start, length in zip(starts, lengths, strict=True)
    ]


def cadence_of(found: Sequence[Hold], seconds: float) -> Cadence:
    """Sum up the holds of a clip that lasts `seconds`."""
    lengths = np.array([hold.length for hold in found])
    frames = int(lengths.sum())
    new = found[1:]
    return Cadence(
        ones=float(lengths[lengths == 1].sum() / frames),
        twos=float(lengths[lengths == 2].sum() / frames),
        threes=float(lengths[lengths == 3].sum() / frames),
        longer=float(lengths[lengths > 3].sum() / frames),
        partial=sum(hold.partial for hold in new) / len(new) if new else 0.0,
        drawings_per_second=len(found) / seconds if seconds > 0 else 0.0,
        median_frames=float(np.median(lengths)),
    )
