"""Camera motion: how the camera moved from each frame to the next, and what move a clip shows.

From one frame to the next the camera gives one similarity (shift, zoom, turn) to most of the picture, whatever the
characters do. Corners are followed by sparse optical flow (Lucas and Kanade 1981, pyramids by Bouguet 2000) and the
similarity that most of them agree on wins (RANSAC). Where a good part of what has contrast stands still, so does the
camera: a character that fills half of the picture does not move it.
"""

import math
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from celstream_segmenter.measured import Affine, CameraKind, CameraMove, CameraStep

Places = NDArray[Any]  # N x 1 x 2 float32, x and y in pixels
Luma = NDArray[Any]  # height x width uint8; the stubs of cv2 know no closer type

CELL = 7  # pixels of half the small picture; one corner is followed per cell, so that no part of the picture outvotes
STILL_PEAK = 3  # levels; where no pixel changes by more, only the codec's noise does
STILL_BLOCK = 0.5  # mean difference of a 4 x 4 block; the slowest moves change an edge by more
TEXTURED = 24  # levels between neighbouring pixels from which their standing still means something
FEWEST_TEXTURED = 8  # blocks
STILL_SHARE = 0.5  # of the textured blocks standing still: the camera does, and no corner need be followed
WINDOW = 9  # pixels around a corner that are followed with it
CLOSE_PIXELS = 0.1  # of the small picture: what codec noise moves a corner by
STILL_CORNERS = 0.3  # share of the corners moving by less: the camera may stand, whatever the others do …
STILL_GAIN = 1.25  # … unless a move puts this much more of them right
LEAST_PIXELS = 0.03  # of the small picture: less is how well a move can be known
NEAR_LEVELS, FAR_LEVELS = 1, 3  # halvings of the picture: corners are found 8 pixels and 32 pixels away, about
WEAK, STRONG = 0.01, 0.1  # of the strongest corner: which are followed
LEAST_RESPONSE = 0.5  # of phase correlation, 0-1: pictures of other things reach 0.2
SURE = 0.45  # share of the corners that agree; with fewer the corners may lie too far from where they were looked for
AGREEMENT = 0.28  # of the corners on one similarity: the camera made it; the rest are weak or on characters
INLIER_PIXELS = 0.3  # of the small picture
FEWEST_CORNERS = 8
EXPOSURE_MEAN = 8.0  # change of mean luma, 0-255, from which it is undone before corners are followed

# What a clip must show to be named a move; sizes are shares of the picture's height.
LEAST_MOVE = 0.012  # how far the picture, or its border under a zoom or a turn, goes in all
BORDER = 0.6  # from the middle of the picture to the middle of its border, about
FEW_STEPS = 3  # frames; see `_alone`
FAINT_STEP = 0.0012  # a camera that creeps is seen to move now and then only; no character drawn anew moves so little
LEAST_BROKEN_PAN = 0.08  # as LEAST_MOVE, of a pan that stands every other frame …
STRAIGHT = 0.6  # … and gets so far of the way it goes: a head that bobs comes back
MOVING_SHARE, TRUSTED = 0.25, 0.4  # of the frames, and of the corners in them: a walking character has fewer
SMOOTH_REACH = 2  # frames to both sides: a step unlike these is a character's that filled the view
SHAKE_STEP = 0.0012  # mean step of a shaking camera
SHAKE_DETOUR = 4.0  # length of its way by how far it gets
SHAKE_TURNS = 0.3  # of the frames it turns back


STANDING = CameraStep()
_SQUARE = np.ones((3, 3), np.uint8)
_FLOW_STOPS = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 12, 0.01)  # steps, pixels
LOST = CameraStep(trust=0.0)


def camera_step(luma: Luma, previous: Luma, guess: CameraStep = STANDING) -> CameraStep:
    """How the camera moved between two small pictures (height x width, 0-255) of one footage.

    guess: the step before, say; a good one saves work.
    """
    if stands_still(luma, previous):
        return STANDING
    previous = _same_exposure(previous, luma)
    before = _corners(previous)
    if len(before) < FEWEST_CORNERS:
        return LOST
    step = _agreed_step(luma, previous, before, guess, NEAR_LEVELS)
    if step.trust < SURE:
        step = _agreed_step(luma, previous, before, STANDING, FAR_LEVELS)
    return step if step.trust > 0 else _whip_step(luma, previous)


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
    gross = CameraStep(dx=right / height, dy=down / height, trust=AGREEMENT)
    corners = _corners(previous, STRONG)
    step = LOST if len(corners) < FEWEST_CORNERS else _agreed_step(luma, previous, corners, gross, NEAR_LEVELS)
    return gross if step.trust == 0 or step.still else step


def _agreed_step(luma: Luma, previous: Luma, before: Places, guess: CameraStep, levels: int) -> CameraStep:
    """The step that most corners agree on, followed from where the guess has them through `levels` halvings."""
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
    if np.count_nonzero(good) < FEWEST_CORNERS:
        return LOST
    before, after = before[good], after[good]
    still = _close(after, before)
    fit, inliers = cv2.estimateAffinePartial2D(
        before, after, method=cv2.RANSAC, ransacReprojThreshold=INLIER_PIXELS, maxIters=200, confidence=0.99
    )
    moved = 0.0 if fit is None else _close(after, cv2.transform(before, fit))
    if still >= STILL_CORNERS and moved < STILL_GAIN * still:
        return STANDING
    if fit is None:
        return LOST
    agreeing = cv2.countNonZero(inliers)
    if agreeing < max(AGREEMENT * len(before), FEWEST_CORNERS):
        return LOST
    if float(np.abs(cv2.transform(before, fit) - before).mean()) < LEAST_PIXELS:
        return STANDING
    return _as_step(np.asarray(fit, np.float64), width, height, agreeing / len(before))


def stands_still(luma: Luma, previous: Luma) -> bool:
    """Whether enough of what has contrast did not change."""
    difference = cv2.absdiff(luma, previous)
    if cv2.minMaxLoc(difference)[1] <= STILL_PEAK:
        return True
    height, width = (max(1, size // 4) for size in luma.shape)
    # In sixteenths of a level, so that what each halving rounds away does not add up.
    fine = cv2.convertScaleAbs(difference[: 4 * height, : 4 * width], alpha=16)
    for size in ((2 * width, 2 * height), (width, height)):
        fine = cv2.resize(fine, size, interpolation=cv2.INTER_AREA)
    textured = cv2.morphologyEx(previous, cv2.MORPH_GRADIENT, _SQUARE)[2::4, 2::4][:height, :width] > TEXTURED
    count = int(np.count_nonzero(textured))
    if count < FEWEST_TEXTURED:  # a plain picture: nothing tells of a camera
        return True
    still = fine[: textured.shape[0], : textured.shape[1]] < 16 * STILL_BLOCK
    return int(np.count_nonzero(textured & still)) >= STILL_SHARE * count


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


def camera_move(steps: Sequence[CameraStep]) -> CameraMove:
    """Sum up the steps of a clip, without the first frame's, which leads into the clip from outside."""
    if not steps:
        return CameraMove("static", 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)
    values = np.array([(step.dx, step.dy, step.zoom, step.turn) for step in steps])
    known = np.array([step.trust > 0 for step in steps])
    if known.any():  # a step that was not found is like those beside it
        places = np.arange(len(steps))
        values = np.stack([np.interp(places, places[known], column[known]) for column in values.T], 1)
    right, down, zoom, turn = (float(v) for v in values.sum(0))
    way = np.cumsum(values[:, :2], axis=0)
    reach = float(np.hypot(*np.ptp(np.vstack([np.zeros(2), way]), axis=0)))
    lengths = np.hypot(values[:, 0], values[:, 1])
    standing = np.array([step.still for step in steps]) & known
    share = float(known.mean())
    step = float(lengths.mean())

    def named(kind: CameraKind) -> CameraMove:
        return CameraMove(kind, right, down, zoom, turn, step, share)

    if _shakes(values[:, :2], lengths, reach, known):
        return named("shake")
    step_sizes = np.maximum(lengths, BORDER * np.abs(values[:, 2:]).max(1))
    lasting = _smoothed(np.where(_alone(standing, step_sizes)[:, None], 0.0, values))
    ways = np.vstack([np.zeros(4), np.cumsum(lasting, axis=0)])
    sizes: dict[CameraKind, float] = {
        "pan": float(np.hypot(*np.ptp(ways[:, :2], axis=0))),
        "zoom": BORDER * float(np.ptp(ways[:, 2])),
        "rotate": BORDER * float(np.ptp(ways[:, 3])),
    }
    kind = max(sizes, key=lambda name: sizes[name])
    if sizes[kind] >= LEAST_MOVE:
        return named(kind)
    straight = reach >= max(LEAST_BROKEN_PAN, STRAIGHT * float(lengths.sum()))
    trusts = [step.trust for step in steps if step.trust > 0 and not step.still]
    trusted = len(trusts) >= MOVING_SHARE * len(steps) and float(np.median(trusts)) >= TRUSTED
    return named("pan" if straight and trusted else "static")


def _smoothed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Medians over a few frames of each column."""
    width = 2 * SMOOTH_REACH + 1
    if len(values) < width:
        return values
    padded = np.pad(values, ((SMOOTH_REACH, SMOOTH_REACH), (0, 0)), mode="reflect")
    return np.asarray(np.median(np.lib.stride_tricks.sliding_window_view(padded, width, axis=0), axis=2))


def _alone(standing: NDArray[np.bool_], sizes: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which steps belong to a move of a few frames only, with the camera standing before and after it.

    Such a move is a character's, drawn anew, that fills the picture. sizes: of the steps, in picture heights.
    """
    edges = np.flatnonzero(np.diff(np.concatenate(([True], standing, [True]))))
    alone = np.zeros(len(standing), np.bool_)
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        few = end - start <= FEW_STEPS and (start > 0 or end < len(standing))
        alone[start:end] = few and sizes[start:end].mean() >= FAINT_STEP
    return alone


def _shakes(shifts: NDArray[np.float64], lengths: NDArray[np.float64], reach: float, known: NDArray[np.bool_]) -> bool:
    """known: which steps were found; what is put in for the others goes on in one direction."""
    if lengths.mean() < SHAKE_STEP or lengths.sum() < SHAKE_DETOUR * reach:
        return False
    found = shifts[known]
    turns_back = np.sum(found[1:] * found[:-1], axis=1) < 0
    return len(turns_back) > 0 and float(turns_back.mean()) >= SHAKE_TURNS
