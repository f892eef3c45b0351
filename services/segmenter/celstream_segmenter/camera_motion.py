"""Camera motion: how the camera may have moved from one frame to the next.

From one frame to the next the camera gives one similarity (shift, zoom, turn) to most of the picture, whatever the
characters do. Corners are followed by sparse optical flow (Lucas and Kanade 1981, pyramids by Bouguet 2000) and the
similarities that many of them agree on are found one after the other (RANSAC): the camera's, a large character's, those
of things that stand before the camera. Two frames alone do not always tell which is which; `camera_path` does.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from celstream_segmenter.measured import Affine, CameraStep

Places = NDArray[Any]  # N x 1 x 2 float32, x and y in pixels
Luma = NDArray[Any]  # height x width uint8; the stubs of cv2 know no closer type

CELL = 7  # pixels of half the small picture; one corner is followed per cell, so that no part of the picture outvotes
STILL_PEAK = 3  # levels; where no pixel changes by more, only the codec's noise does
STILL_BLOCK = 0.5  # mean difference of a 4 x 4 block; the slowest moves change an edge by more
TEXTURED = 24  # levels between neighbouring pixels from which their standing still means something
FEWEST_TEXTURED = 8  # blocks
STILL_SHARE = 0.5  # of the textured blocks standing still: the camera does, and no corner need be followed …
INSIDE, MOVED_INSIDE = 0.68, 0.1  # … unless fewer do in this part of width and height: speed lines stand around it
WINDOW = 9  # pixels around a corner that are followed with it
CLOSE_PIXELS = 0.1  # of the small picture: what codec noise moves a corner by
STILL_CORNERS = 0.3  # share of the corners moving by less: the camera may stand, whatever the others do …
STILL_GAIN = 1.25  # … unless a move puts this much more of them right
LEAST_PIXELS = 0.03  # of the small picture: less is how well a move can be known
NEAR_LEVELS, FAR_LEVELS = 1, 3  # halvings of the picture: corners are found 8 pixels and 32 pixels away, about
WEAK, STRONG = 0.01, 0.1  # of the strongest corner: which are followed
LEAST_RESPONSE = 0.5  # of phase correlation, 0-1: pictures of other things reach 0.2
GROSS = 0.2  # trust in the shift that it finds, as no corner bears it out
SURE = 0.45  # share of the corners that agree; with fewer the corners may lie too far from where they were looked for
AGREEMENT = 0.28  # of the corners on one similarity: the camera likely made it; the rest are weak or on characters
LAYER = 0.12  # of the corners on one similarity: something made it
MOST_LAYERS = 2  # a third is seldom the camera's
MOST_TRIES = 100  # of RANSAC: with a quarter of the corners it still finds them in 99 of 100 cases
LEFT = 0.25  # of the corners, from which it is asked whether they agree on another similarity
LEAST_STILL = 0.05  # share of the corners that stand: chance makes no more do so
INLIER_PIXELS = 0.3  # of the small picture
FEWEST_CORNERS = 8
EXPOSURE_MEAN = 8.0  # change of mean luma, 0-255, from which it is undone before corners are followed

STANDING = CameraStep()
LOST = CameraStep(trust=0.0)
_SQUARE = np.ones((3, 3), np.uint8)
_FLOW_STOPS = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 12, 0.01)  # steps, pixels


@dataclass(frozen=True, slots=True)
class CameraSight:
    """What a frame and the one before tell of the camera.

    step: the likeliest, as far as these two tell. layers: the steps that parts of the picture made, the trust of each
    being the share 0-1 of what has contrast that made it.
    """

    step: CameraStep = STANDING
    layers: tuple[CameraStep, ...] = (STANDING,)


STANDS = CameraSight()
NOTHING_SEEN = CameraSight(LOST, ())


def camera_sight(luma: Luma, previous: Luma, guess: CameraStep = STANDING, *, may_whip: bool = True) -> CameraSight:
    """What two small pictures (height x width, 0-255) of one footage tell.

    guess: the step before, say; a good one saves work. may_whip: whether steps of half the picture are looked for.
    """
    standing, inside = _standing_shares(luma, previous)
    if standing >= STILL_SHARE:
        return STANDS if inside > MOVED_INSIDE else _sight_inside(luma, previous, guess, standing)
    previous = _same_exposure(previous, luma)
    before = _corners(previous)
    if len(before) < FEWEST_CORNERS:
        return NOTHING_SEEN
    sight = _followed(luma, previous, before, guess, NEAR_LEVELS)
    if sight.step != STANDING and sum(layer.trust for layer in sight.layers) < SURE:
        far = _followed(luma, previous, before, STANDING, FAR_LEVELS)
        sight = far if _most(far) > _most(sight) else sight
    if sight.step.trust > 0 or not may_whip:
        return sight
    whip = _whip_step(luma, previous)
    return CameraSight(whip, (whip, *sight.layers)) if whip.trust > 0 else sight


def _sight_inside(luma: Luma, previous: Luma, guess: CameraStep, standing: float) -> CameraSight:
    """Where something stands around a middle that moves: a camera that stands, or speed lines before one that moves."""
    height, width = luma.shape
    stands = CameraStep(trust=standing)
    corners = _corners(previous)
    x, y = np.abs(2 * corners.reshape(-1, 2).T / [[width - 1], [height - 1]] - 1)
    corners = corners[np.hypot(x, y) < INSIDE]
    if len(corners) < FEWEST_CORNERS:
        return STANDS
    followed = _followed(luma, previous, corners, guess, NEAR_LEVELS)
    return CameraSight(STANDING, (stands, *(layer for layer in followed.layers if not layer.still)))


def _most(sight: CameraSight) -> float:
    return max((layer.trust for layer in sight.layers), default=0.0)


def _whip_step(luma: Luma, previous: Luma) -> CameraStep:
    """The step of a whip pan: so far that no corner is found again, or so blurred that only the strongest are.

    Phase correlation (Kuglin and Hines 1975) finds the shift that most of the picture made, up to half of its size.
    """
    height, width = (size // 2 for size in luma.shape)
    now, before = (
        np.asarray(
            cv2.GaussianBlur(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), (3, 3), 0), np.float32
        )
        for picture in (luma, previous)
    )
    window = cv2.createHanningWindow((width, height), cv2.CV_32F)
    (right, down), response = cv2.phaseCorrelate(before, now, window)
    if response < LEAST_RESPONSE:
        return LOST
    gross = CameraStep(dx=right / height, dy=down / height, trust=GROSS)
    corners = _corners(previous, STRONG)
    step = LOST if len(corners) < FEWEST_CORNERS else _followed(luma, previous, corners, gross, NEAR_LEVELS).step
    return gross if step.trust == 0 or step.still else step


def _followed(luma: Luma, previous: Luma, before: Places, guess: CameraStep, levels: int) -> CameraSight:
    """The steps that many corners agree on, followed from where the guess has them through `levels` halvings."""
    height, width = luma.shape
    after, found, _ = cv2.calcOpticalFlowPyrLK(
        previous,
        luma,
        before,
        cv2.transform(before, guess.matrix(width, height)),
        winSize=(WINDOW, WINDOW),
        maxLevel=levels,
        criteria=_FLOW_STOPS,
        flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
    )
    good = found.ravel() == 1
    count = int(np.count_nonzero(good))
    if count < FEWEST_CORNERS:
        return NOTHING_SEEN
    before, after = before[good], after[good]
    still = _close(after, before)
    likeliest, layers = LOST, []
    rest, fewest = count, max(FEWEST_CORNERS, math.ceil(LAYER * count))
    for number in range(MOST_LAYERS):
        fit, inliers = cv2.estimateAffinePartial2D(
            before, after, method=cv2.RANSAC, ransacReprojThreshold=INLIER_PIXELS, maxIters=MOST_TRIES, confidence=0.99
        )
        agreeing = 0 if fit is None else cv2.countNonZero(inliers)
        moved = cv2.transform(before, fit) if agreeing else before
        if number == 0 and still >= STILL_CORNERS and (not agreeing or _close(after, moved) < STILL_GAIN * still):
            likeliest = STANDING
        if agreeing < fewest:
            break
        if float(np.abs(moved - before).mean()) >= LEAST_PIXELS:
            layers.append(_as_step(np.asarray(fit, np.float64), width, height, agreeing / count))
            if number == 0 and likeliest is LOST and agreeing >= AGREEMENT * count:
                likeliest = layers[0]
        elif number == 0 and agreeing >= AGREEMENT * count:
            likeliest = STANDING
        rest -= agreeing
        if likeliest is STANDING or rest < LEFT * count:
            break
        out = inliers.ravel() == 0
        before, after = before[out], after[out]
    if still >= LEAST_STILL:
        layers.append(CameraStep(trust=still))
    return CameraSight(likeliest, tuple(layers))


def _standing_shares(luma: Luma, previous: Luma) -> tuple[float, float]:
    """Share of what has contrast that did not change: in all of the picture, and inside of what speed lines cover."""
    difference = cv2.absdiff(luma, previous)
    if cv2.minMaxLoc(difference)[1] <= STILL_PEAK:
        return 1.0, 1.0
    height, width = (max(1, size // 4) for size in luma.shape)
    # In sixteenths of a level, so that what each halving rounds away does not add up.
    fine = cv2.convertScaleAbs(difference[: 4 * height, : 4 * width], alpha=16)
    for size in ((2 * width, 2 * height), (width, height)):
        fine = cv2.resize(fine, size, interpolation=cv2.INTER_AREA)
    textured = cv2.morphologyEx(previous, cv2.MORPH_GRADIENT, _SQUARE)[2::4, 2::4][:height, :width] > TEXTURED
    count = int(np.count_nonzero(textured))
    if count < FEWEST_TEXTURED:  # a plain picture: nothing tells of a camera
        return 1.0, 1.0
    still = textured & (fine[: textured.shape[0], : textured.shape[1]] < 16 * STILL_BLOCK)
    share = int(np.count_nonzero(still)) / count
    if share < STILL_SHARE:
        return share, share
    inside = _inside(*textured.shape)
    count = int(np.count_nonzero(textured & inside))
    return share, int(np.count_nonzero(still & inside)) / count if count >= FEWEST_TEXTURED else 1.0


@lru_cache(maxsize=4)
def _inside(height: int, width: int) -> NDArray[np.bool_]:
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return np.asarray(np.hypot(x, y) < INSIDE)


def _same_exposure(previous: Luma, luma: Luma) -> Luma:
    """The frame before with this one's mean and contrast where they differ: flow takes brightness as given."""
    (mean,), (deviation,) = (v.ravel().tolist() for v in cv2.meanStdDev(luma))
    (mean_before,), (deviation_before,) = (v.ravel().tolist() for v in cv2.meanStdDev(previous))
    if abs(mean - mean_before) < EXPOSURE_MEAN or min(deviation, deviation_before) < 2.0:
        return previous
    gain = min(4.0, float(deviation / deviation_before))
    return np.asarray(cv2.convertScaleAbs(previous, alpha=gain, beta=float(mean - gain * mean_before)), np.uint8)


def _corners(luma: Luma, least: float = WEAK) -> Places:
    """One corner a cell, found at half the size: following them needs no closer place."""
    half = cv2.resize(luma, (luma.shape[1] // 2, luma.shape[0] // 2), interpolation=cv2.INTER_AREA)
    strength = cv2.cornerMinEigenVal(half, 3)
    rows, columns = half.shape[0] // CELL, half.shape[1] // CELL
    cells = (
        strength[: rows * CELL, : columns * CELL]
        .reshape(rows, CELL, columns, CELL)
        .swapaxes(1, 2)
        .reshape(rows * columns, CELL * CELL)
    )
    place = cells.argmax(1)
    best = cells[np.arange(len(cells)), place]
    good = np.flatnonzero(best > max(1e-4, least * float(best.max(initial=0))))
    y = good // columns * CELL + place[good] // CELL
    x = good % columns * CELL + place[good] % CELL
    return 2 * np.stack([x, y], 1).astype(np.float32)[:, None] + 0.5


def _close(after: Places, expected: Places) -> float:
    """Share of the corners that lie where they are expected."""
    away = (after - expected).reshape(-1, 2)
    return np.count_nonzero(np.einsum("ij,ij->i", away, away) < CLOSE_PIXELS**2) / len(away)


def _as_step(fit: Affine, width: int, height: int, trust: float) -> CameraStep:
    (a, b, right), (c, d, down) = fit.tolist()
    x, y = (width - 1) / 2, (height - 1) / 2
    dx, dy = a * x + b * y + right - x, c * x + d * y + down - y
    return CameraStep(dx / height, dy / height, math.log(max(math.hypot(a, c), 1e-3)), math.atan2(c, a), trust)
