"""Dissolves and wipes: one picture gives way to another over several frames.

Between two frames A and B on either side, every frame of a dissolve is (1 - a) A + a B with a rising from 0 to 1;
in a wipe the same holds block by block, but each block turns at its own time, and that time is a smooth function of
the block's place. A camera move or an action leaves much over in both models, or goes on outside the supposed
transition as fast as inside.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from celstream_segmenter.transition_features import BLACK

REACHES = (4, 7, 12, 18, 26)  # frames from the middle to either side: transitions of 3 to about 48 frames
EVERY_FRAMES = 2  # middles are tried at this distance; the shortest reach overlaps itself fourfold
BUFFER_FRAMES = 2 * (2 * max(REACHES) + 1)
MIN_STEP = 3.0  # root mean square of B - A in levels; below it the two sides are the same to the eye
MAX_LEFTOVER = 0.4  # what the blend may leave over, relative to B - A: action and camera go on under a dissolve
MAX_JUMP = 0.45  # larger steps of `a` in one frame are cuts
MAX_RETREAT = 0.08  # `a` falls back by codec noise and action only
MIN_MIXED = 3  # frames with a between 0.1 and 0.9
EDGE = 0.05
OUTSIDE = 0.7  # change outside the transition over the same time, relative to the change inside
MIN_NEW = 0.7  # share of blocks that must be new in B after motion compensation; a title over a scene changes 0.5
MIN_STILL = 0.7  # of the middle's change, what motion does not explain (pans: up to 0.4; dissolves: from 0.8)
SAME_SHAPE = 0.65  # correlation of the lumas of both sides from which the change is one of light
WIPE_MIN_STILL = 0.35  # a front that moves looks like motion in part
WIPE_MIN_FIT = 0.7  # share of the variance of the blocks' turning times that a smooth front explains
WIPE_ONCE = 0.65  # share of the blocks that turn once and stay
WIPE_LEFTOVER = 0.6
WIPE_SLOW = 0.45  # time that a block takes to turn, relative to the whole wipe; in a dissolve it is all of it
WIPE_MIN_BLOCKS = 0.5  # share of the picture's blocks that must turn


@dataclass(frozen=True, slots=True)
class Blend:
    """first, last: first and last mixed frame; wipe: by a moving front; leftover: 0 for a perfect blend.

    change: root mean square of what the blend changes, in levels.
    """

    first: int
    last: int
    wipe: bool
    leftover: float
    change: float = 0.0


class BlendFinder:
    """Follows small pictures, frame by frame, and reports blends once the frames after them have been seen."""

    def __init__(self, new_share: Callable[[int, int], float], still_share: Callable[[int, int], float]) -> None:
        """Two measures of pairs of frames of the last BUFFER_FRAMES.

        new_share: share 0..1 of the blocks that are new in both directions.
        still_share: share 0..1 of the difference that motion does not explain.
        """
        self._new_share = new_share
        self._still_share = still_share
        self._coarse = np.zeros((0, 0), dtype=np.float32)
        self._count = 0

    def push(self, coarse: NDArray[np.float32]) -> list[Blend]:
        """coarse: height x width x 3 of one frame. Returns blends found around frames half a buffer ago."""
        flat = coarse.reshape(-1)
        if self._coarse.size == 0:
            self._coarse = np.zeros((BUFFER_FRAMES, flat.size), dtype=np.float32)
        self._coarse[self._count % BUFFER_FRAMES] = flat
        self._count += 1
        found: list[Blend] = []
        for reach in REACHES:
            middle = self._count - 1 - reach
            if middle >= reach and middle % EVERY_FRAMES == 0:
                found += self._around(middle, reach)
        return found

    def _rows(self, first: int, last: int) -> NDArray[np.float32]:
        return self._coarse[np.arange(first, last + 1) % BUFFER_FRAMES]

    def _around(self, middle: int, reach: int) -> list[Blend]:
        first, last = middle - reach, middle + reach
        before, after = self._coarse[first % BUFFER_FRAMES], self._coarse[last % BUFFER_FRAMES]
        whole = after - before
        power = float(whole @ whole)
        if power < MIN_STEP**2 * whole.size:
            return []
        half = float(whole @ (self._coarse[middle % BUFFER_FRAMES] - before)) / power
        if not 0.15 < half < 0.85:  # the middle of a blend is mixed; nearly every other window ends here
            return []
        rows = self._rows(first, last)
        blend = fit_dissolve(rows) or (fit_wipe(rows) if reach > REACHES[0] else None)
        if blend is None:
            return []
        blend = Blend(
            blend.first + first, blend.last + first, blend.wipe, blend.leftover, float(np.sqrt(power / whole.size))
        )
        if not self._bounded(blend, power / whole.size):
            return []
        if not blend.wipe and self._same_shape(blend.first - 1, blend.last + 1):
            return []
        if self._new_share(blend.first - 1, blend.last + 1) < MIN_NEW:
            return []
        eighth = (blend.last - blend.first) / 8
        inner = (int(blend.first + 3 * eighth), int(np.ceil(blend.last - 3 * eighth)))
        if inner[1] > inner[0] and self._still_share(*inner) < (WIPE_MIN_STILL if blend.wipe else MIN_STILL):
            return []
        return [blend]

    def _same_shape(self, first: int, last: int) -> bool:
        """Whether the lumas of two frames go up and down together: one picture, dimmed or lit."""
        a, b = (self._coarse[frame % BUFFER_FRAMES][::3] for frame in (first, last))
        shown = (a > BLACK) | (b > BLACK)  # the bars of a letterbox go along with anything
        if not shown.any():
            return True
        a, b = a[shown] - a[shown].mean(), b[shown] - b[shown].mean()
        return float(a @ b) > SAME_SHAPE * float(np.sqrt((a @ a) * (b @ b)))

    def _bounded(self, blend: Blend, power: float) -> bool:
        """Whether the picture changes less before and after the blend than within it."""
        length = min(blend.last - blend.first + 1, 12)
        oldest = max(0, self._count - BUFFER_FRAMES)
        limit = OUTSIDE**2 * power
        start, end = blend.first - 1, blend.last + 1
        for near, far in ((start, max(start - length, oldest)), (end, min(end + length, self._count - 1))):
            if abs(far - near) < min(3, length):
                continue
            change = self._coarse[far % BUFFER_FRAMES] - self._coarse[near % BUFFER_FRAMES]
            # A cut soon after the dissolve is no sign of a moving camera: the nearest three frames count then.
            change_near = (
                self._coarse[(near + (3 if far > near else -3)) % BUFFER_FRAMES] - self._coarse[near % BUFFER_FRAMES]
            )
            if min(float(change @ change), 4.0 * float(change_near @ change_near)) > limit * change.size:
                return False
        return True


def fit_dissolve(rows: NDArray[np.float32]) -> Blend | None:
    """Whether frames 0..n-1 (rows of n x values) begin in one picture and dissolve into the last one."""
    whole = rows[-1] - rows[0]
    power = float(whole @ whole)
    parts = rows - rows[0]
    weights = parts @ whole / power
    steps = np.diff(weights)
    if steps.max() > MAX_JUMP or steps.min() < -MAX_RETREAT:
        return None
    mixed = (weights > 0.1) & (weights < 0.9)
    if np.count_nonzero(mixed) < MIN_MIXED:
        return None
    rest = parts[mixed] - weights[mixed, None] * whole
    leftover = float(np.sqrt((rest**2).sum(axis=1).mean() / power))
    if leftover > MAX_LEFTOVER:
        return None
    first, last = _edges(weights)
    return Blend(first, last, False, leftover)


def fit_wipe(rows: NDArray[np.float32]) -> Blend | None:
    """Whether frames 0..n-1 turn from the first picture into the last one behind a moving front.

    rows: n x (blocks_y * blocks_x * 3), of a picture 16 blocks wide.
    """
    frames = rows.shape[0]
    blocks = rows.reshape(frames, -1, 16, 3)
    whole = blocks[-1] - blocks[0]
    power = (whole**2).sum(axis=2)
    valid = power > 3 * 8.0**2
    if valid.mean() < WIPE_MIN_BLOCKS:
        return None
    parts = blocks - blocks[0]
    weights = (parts * whole).sum(axis=3) / np.maximum(power, 1.0)
    rest = ((parts - weights[..., None] * whole) ** 2).sum(axis=3) / np.maximum(power, 1.0)
    weights = weights[:, valid]
    leftover = float(np.sqrt(np.median(rest[:, valid].max(axis=0))))
    turned = weights > 0.5
    turning = frames - turned.sum(axis=0).astype(np.float64)
    once = (np.diff(turned.astype(np.int8), axis=0) != 0).sum(axis=0) == 1
    if once.mean() < WIPE_ONCE or leftover > WIPE_LEFTOVER:
        return None
    early, late = np.percentile(turning[once], (4, 96))
    if late - early < MIN_MIXED or early < 1 or late > frames - 1:
        return None
    # A block turns quickly compared with the whole picture; in a dissolve all of them turn slowly together.
    slow = ((weights > 0.2) & (weights < 0.8)).sum(axis=0)
    if np.median(slow) > WIPE_SLOW * (late - early) + 1:
        return None
    y, x = np.nonzero(valid)
    x_c, y_c = (x - 7.5) / 8.0, (y - (blocks.shape[1] - 1) / 2.0) / 4.5
    explained = max(
        _explained(turning[once], np.stack((np.ones_like(x_c), x_c, y_c), axis=1)[once]),
        _explained(turning[once], np.stack((np.ones_like(x_c), np.hypot(x_c * 16, y_c * 9)), axis=1)[once]),
        _explained(turning[once], np.stack((np.ones_like(x_c), np.abs(x_c), np.abs(y_c)), axis=1)[once]),
    )
    if explained < WIPE_MIN_FIT:
        return None
    start, end = np.percentile(turning[once], (1, 99))
    return Blend(max(1, int(start) - 1), min(frames - 2, int(end)), True, 1.0 - explained)


def _explained(values: NDArray[np.float64], basis: NDArray[np.float64]) -> float:
    fitted = basis @ np.linalg.lstsq(basis, values, rcond=None)[0]
    return 1.0 - float(((values - fitted) ** 2).sum()) / max(1e-9, float(((values - values.mean()) ** 2).sum()))


def _edges(weights: NDArray[np.float32]) -> tuple[int, int]:
    """First and last mixed frame by the weight of the second picture."""
    middle = int(np.argmin(np.abs(weights - 0.5)))
    before = np.flatnonzero(weights[: middle + 1] <= EDGE)
    after = np.flatnonzero(weights[middle:] >= 1.0 - EDGE)
    return int(before[-1]) + 1, middle + int(after[0]) - 1
