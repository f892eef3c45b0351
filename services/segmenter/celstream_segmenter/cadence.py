"""Cadence: for how many frames each drawing is held.

Animation drawn "on twos" shows every drawing for two frames. What differs inside a hold is codec noise only, so a hold
ends where the difference rises above the noise of this clip. The difference of two frames is that of the 4 x 4 block
that changed most: a mouth that opens changes a thousandth of the picture, and drowns in any mean over all of it. The
camera's move and a change of exposure are undone first.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from celstream_segmenter.measured import Affine, Cadence, CameraStep, Hold
from celstream_segmenter.rhythm import drawing_starts

CODING_NOISE = 28.0  # of one pixel's level (0-255), at CRF 32; averaging over squares of n x n pixels divides it by n
LEAST_NOISE = 3.0
QUIET_PEAK = 2  # levels; where no pixel differs by more, nothing was drawn
MOVED_NOISE = 6.5  # what the undoing of a camera's move leaves, whatever the size
NOISE_RATIO = 3.0  # grain's largest block by its upper quartile
SIGNED_RATIO = 2.5  # of grain: mean absolute difference of 4 x 4 pixels by the absolute mean of 6 x 6
HELD_RATIO, FEWEST_HELD = 2.2, 4  # a new drawing by the median of what a move leaves of held ones, if so many are held
LEAST_MOVED, MOST_MOVED = 0.35, 1.6
MISPLACED_PIXELS = 0.1  # of the small picture: how well a camera's move is known
BLOCK = 4  # pixels of the small picture, both ways
EDGE_BLOCK = 6  # the same under a camera's move: edges that lie aside by less than a pixel average out in it
FINE_BITS = 2  # signed differences are counted in quarters of a level, which halving the picture rounds
STEEPNESS_PARTS = 16  # of a level per pixel: what the Sobel operator counts at half the size
STANDING_LEVELS = 6  # a pixel that changes by no more while the camera moves …
LINE_STEP = 24  # … and lies on an edge of so many levels belongs to something that stands before the camera
LEAST_APART = 0.75  # pixels that the camera must move for the two to be told apart
STANDING_REST = 0.5  # of the change, at most, is left when what stands is taken out, if that made it
RIM = 2.0  # pixels along the border of the picture that are not compared under a camera's move
QUIETEST = 0.25  # a smaller novelty says no more
LEAST_THRESHOLD, MOST_THRESHOLD = 0.8, 2.0  # of novelty; farther up two kinds of drawings are told apart, not new ones
SHAPE = 3.0  # half of so many frames does what is usual about the spread count for
EXPOSURE_MEAN, EXPOSURE_GAIN = 2.5, 0.05  # changes of mean luma and of contrast from which exposure is undone
ALIKE = 0.9  # correlation of two frames from which their difference can be one of exposure
PARTIAL_SHARE = 0.25  # of the area that a clip's drawings usually change: less is a mouth or an eye

Luma = NDArray[Any]  # height x width uint8; the stubs of cv2 know no closer type
_SQUARE = np.ones((3, 3), np.uint8)
_LINEAR, _BORDER = cv2.INTER_LINEAR, cv2.BORDER_REPLICATE


@dataclass(frozen=True, slots=True)
class _Usual:
    """Usual novelties: mean and variance of their logarithm; weight: for how many frames the mean counts."""

    log_mean: float
    variance: float
    weight: float


HELD = _Usual(math.log(0.55), 0.083, 5.0)
NEW = _Usual(math.log(5.0), 0.4, 1.0)


@dataclass(frozen=True, slots=True)
class Change:
    """How one frame differs from the one before, camera and exposure undone.

    most: of the block that changed most, 0-255. noise: upper quartile of all blocks, 0-255. area: share 0-1 of the
    picture that changed. moved: whether a camera's move was undone.
    """

    most: float = 0.0
    noise: float = 0.0
    area: float = 0.0
    moved: bool = False


def change_between(luma: Luma, previous: Luma, step: CameraStep) -> Change:
    """Compare two small pictures (height x width, 0-255) of one shot; step: how the camera moved between them."""
    if step.still:
        peak = cv2.norm(luma, previous, cv2.NORM_INF)
        if peak <= QUIET_PEAK:
            return Change(most=float(peak), noise=float(cv2.norm(luma, previous, cv2.NORM_L1)) / luma.size)
        luma, previous, contrast = _same_exposure(luma, previous)
        # Blocks are formed at half size, of 2 x 2 pixels each: a quarter of the work.
        blocks = cv2.blur(_halved(cv2.absdiff(luma, previous)), (BLOCK // 2, BLOCK // 2))
        return _measured(blocks, _quartile(blocks), 1 / contrast, moved=False)
    height, width = luma.shape
    half = step.half().matrix(width, height)
    new, old, contrast = _same_exposure(*_met_halfway(luma, previous, half))
    difference = np.left_shift(np.subtract(new, old, dtype=np.int16), FINE_BITS)
    inside = _inside(half, width, height)
    side = EDGE_BLOCK // 2
    sums = np.abs(cv2.boxFilter(_halved(difference) & inside, cv2.CV_16S, (side, side), normalize=False))
    level = 1 / (side**2 * 2**FINE_BITS * contrast)
    noise = _quartile(sums)
    steepness = cv2.boxFilter(_steepness(new), cv2.CV_16S, (side, side), normalize=False)
    allowed = -MISPLACED_PIXELS * 2**FINE_BITS / STEEPNESS_PARTS
    found = _measured(cv2.addWeighted(sums, 1.0, steepness, allowed, 0.0), noise, level, moved=True)
    if found.most < MOVED_NOISE / 2 or max(abs(step.dx), abs(step.dy)) * height < LEAST_APART:
        return found
    difference[_standing(luma, previous, half)] = 0
    sums = np.abs(cv2.boxFilter(_halved(difference) & inside, cv2.CV_16S, (side, side), normalize=False))
    rest = _measured(cv2.addWeighted(sums, 1.0, steepness, allowed, 0.0), noise, level, moved=True)
    return rest if rest.most < STANDING_REST * found.most else found


def _same_exposure(luma: Luma, previous: Luma) -> tuple[Luma, Luma, float]:
    """The two pictures with one exposure, and the contrast that is left, 0.2-1."""
    gain, offset = exposure(luma, previous)
    if gain > 1.0:  # the frame of less contrast is the reference: stretching it would stretch its noise as well
        luma = cv2.convertScaleAbs(luma, alpha=1 / gain, beta=-offset / gain)
    elif gain < 1.0 or offset:
        previous = cv2.convertScaleAbs(previous, alpha=gain, beta=offset)
    return luma, previous, max(0.2, min(gain, 1 / gain))


def _met_halfway(luma: Luma, previous: Luma, half: Affine) -> tuple[Luma, Luma]:
    """Both pictures, each moved by half of the camera's step towards the other.

    Sampling between pixels blurs; halfway it blurs both alike.
    """
    return (
        cv2.warpAffine(luma, half, luma.shape[::-1], flags=_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=_BORDER),
        cv2.warpAffine(previous, half, luma.shape[::-1], flags=_LINEAR, borderMode=_BORDER),
    )


def _inside(half: Affine, width: int, height: int) -> NDArray[np.int16]:
    """Where two pictures that met halfway both show anything, at half their size: -1 there, else 0."""
    right, bottom = width - 1 - RIM, height - 1 - RIM
    corners = np.array([[RIM, right, right, RIM], [RIM, RIM, bottom, bottom], [1, 1, 1, 1]])
    inside = np.full((height // 2, width // 2), -1, np.int16)
    for matrix in (half, cv2.invertAffineTransform(half)):
        shown = np.zeros_like(inside)
        cv2.fillConvexPoly(shown, np.rint((matrix @ corners).T / 2 - 0.25).astype(np.int32), -1)
        inside &= shown
    return inside


def _standing(luma: Luma, previous: Luma, half: Affine) -> NDArray[np.bool_]:
    """Where pictures that met halfway show lines that do not move with the camera: letters, bars, speed lines."""
    calm = cv2.threshold(cv2.absdiff(luma, previous), STANDING_LEVELS, 255, cv2.THRESH_BINARY_INV)[1]
    edges = cv2.threshold(cv2.morphologyEx(previous, cv2.MORPH_GRADIENT, _SQUARE), LINE_STEP, 255, cv2.THRESH_BINARY)[1]
    lines = cv2.dilate(cv2.bitwise_and(cv2.erode(calm, _SQUARE), edges), _SQUARE, iterations=2)
    flags = cv2.INTER_NEAREST
    here, there = (
        cv2.warpAffine(lines, half, luma.shape[::-1], flags=f) for f in (flags, flags | cv2.WARP_INVERSE_MAP)
    )
    return np.asarray(cv2.bitwise_or(here, there), np.bool_)


def _halved(picture: Luma) -> Luma:
    height, width = (size // 2 for size in picture.shape)
    return cv2.resize(picture[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA)


def _steepness(luma: Luma) -> NDArray[Any]:
    """How steep luma is in each 2 x 2 pixels, in 1 / STEEPNESS_PARTS level per pixel.

    Under a camera's move an edge that lies a fraction of a pixel aside differs by plus on one side and by minus on the
    other: the mean of the block, taken with its sign, keeps what is new and loses that; this allows for the rest.
    """
    across, down = cv2.spatialGradient(_halved(luma))
    return np.asarray(np.abs(across) + np.abs(down))


def _quartile(blocks: NDArray[Any]) -> float:
    some = blocks[::2, ::2].ravel()
    place = 3 * some.size // 4
    return float(np.partition(some, place)[place])


def _measured(blocks: NDArray[Any], noise: float, level: float, *, moved: bool) -> Change:
    """level: levels (0-255) per unit of the blocks and of the noise."""
    most = float(cv2.minMaxLoc(blocks)[1]) * level
    changed = cv2.threshold(blocks, max(LEAST_NOISE, 0.25 * most) / level, 255, cv2.THRESH_BINARY)[1]
    return Change(most, noise * level, cv2.countNonZero(changed) / blocks.size, moved)


def exposure(luma: Luma, previous: Luma) -> tuple[float, float]:
    """Gain and offset that turn the frame before into this one, where a flash or a fade did; else 1 and 0."""
    (mean,), (deviation,) = (v.ravel().tolist() for v in cv2.meanStdDev(luma))
    (mean_before,), (deviation_before,) = (v.ravel().tolist() for v in cv2.meanStdDev(previous))
    if min(deviation, deviation_before) < 1.0:
        return 1.0, 0.0
    if abs(mean - mean_before) < EXPOSURE_MEAN and abs(deviation / deviation_before - 1) < EXPOSURE_GAIN:
        return 1.0, 0.0
    product = float(np.vdot(luma.astype(np.float32), previous.astype(np.float32))) / luma.size
    correlation = (product - mean * mean_before) / (deviation * deviation_before)
    if correlation < ALIKE:
        return 1.0, 0.0
    gain = float(deviation / deviation_before)
    return gain, float(mean - gain * mean_before)


def novelty(changes: Sequence[Change], shrink: int) -> NDArray[np.float64]:
    """By how many times each change exceeds the noise that this footage usually has; above 1 it may well be new.

    shrink: pixels of the frame per pixel of the small picture, in each direction.
    """
    if not changes:
        return np.zeros(0)
    quiet = [change.noise * (SIGNED_RATIO if change.moved else 1.0) for change in changes]
    grain = NOISE_RATIO * float(np.percentile(quiet, 30))
    coding, moved = max(LEAST_NOISE, CODING_NOISE / shrink, grain), max(MOVED_NOISE, grain / SIGNED_RATIO)
    found = np.array([change.most / (moved if change.moved else coding) for change in changes])
    if 2 * sum(change.moved for change in changes) <= len(changes):
        return found
    # How well a camera's move can be undone depends on what is in the picture: the quieter frames of the clip tell.
    held = found[(found > 0) & (found < 1.0)]
    usual = 1.0 if len(held) < FEWEST_HELD else HELD_RATIO * float(np.median(held))
    return found / min(max(usual, LEAST_MOVED), MOST_MOVED)


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
    news = novelty([changes[place] for place in places.tolist()], shrink)
    starts = np.concatenate(([0], places))[drawing_starts(news, threshold_of(news))]
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
