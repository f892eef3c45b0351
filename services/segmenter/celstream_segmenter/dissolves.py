"""Dissolves and wipes: one picture gives way to another over several frames.

Between two frames A and B on either side, every frame of a dissolve is (1 - a) A + a B with a rising from 0 to 1;
in a wipe the same holds block by block, but each block turns at its own time, and that time is a smooth function of
the block's place. A camera move or an action leaves much over in both models, or goes on outside the supposed
transition as fast as inside.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from celstream_segmenter.mixing import mixed_share, other_share
from celstream_segmenter.replacement import replacement
from celstream_segmenter.transition_features import BLACK, Sample, alike, motion_share

REACHES = (
    4,
    7,
    12,
    18,
    26,
)  # frames from the middle to either side: transitions of 3 to about 48 frames
EVERY_FRAMES = 2  # middles are tried at this distance; the shortest reach overlaps itself fourfold
SLOW_REACH = 12  # from here on transitions are so long that half as many middles find them
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
# A dissolve to other figures before the same background: less is new, but what changes is mixed at the same time, and
# figures vanish as well as appear. A title that comes up over a scene only appears; a slow pan stays alike.
LOCAL_NEW = 0.12
LOCAL_ALIKE = 0.96
LOCAL_AREA = (0.04, 0.7)  # share of the pixels that change; more is light
LOCAL_BALANCE, LOCAL_APART = 0.3, 0.3  # of Replacement
LOCAL_MIXED = 0.58
LOCAL_OTHER = (
    0.15  # pixels between that show neither picture, relative to those that change; walking figures: 0.2 and more
)
LOCAL_WIPE_BLOCKS, LOCAL_WIPE_ONCE, LOCAL_WIPE_FIT = 0.12, 0.75, 0.8
SAME_SHAPE = 0.65  # correlation of the lumas of both sides from which the change is one of light
SAME_BLEND = 0.75  # overlap of two finds, of neighbouring middles or reaches, from which one verdict holds for both
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

    def __init__(
        self,
        sample_at: Callable[[int], Sample],
        new_share: Callable[[int, int, float], float],
    ) -> None:
        """Access to the last BUFFER_FRAMES frames.

        sample_at: one of them. new_share: share 0..1 of the blocks that are new in both directions between two of
        them; below the third number, an upper bound.
        """
        self._sample_at = sample_at
        self._new_share = new_share
        self._verdicts: deque[tuple[Blend, bool]] = deque(maxlen=32)
        self._coarse = np.zeros((0, 0), dtype=np.float32)  # the last frames, twice: any run of them is one slice
        self._count = 0

    def push(self, coarse: NDArray[np.float32]) -> list[Blend]:
        """coarse: height x width x 3 of one frame. Returns blends found around frames half a buffer ago."""
        flat = coarse.reshape(-1)
        if self._coarse.size == 0:
            self._coarse = np.zeros((2 * BUFFER_FRAMES, flat.size), dtype=np.float32)
        self._coarse[self._count % BUFFER_FRAMES] = flat
        self._coarse[self._count % BUFFER_FRAMES + BUFFER_FRAMES] = flat
        self._count += 1
        found: list[Blend] = []
        for reach in REACHES:
            middle = self._count - 1 - reach
            if middle >= reach and middle % (EVERY_FRAMES if reach < SLOW_REACH else 2 * EVERY_FRAMES) == 0:
                found += self._around(middle, reach)
        return found

    def _rows(self, first: int, last: int) -> NDArray[np.float32]:
        start = first % BUFFER_FRAMES
        return self._coarse[start : start + last - first + 1]

    def _around(self, middle: int, reach: int) -> list[Blend]:
        first, last = middle - reach, middle + reach
        before, after = (
            self._coarse[first % BUFFER_FRAMES],
            self._coarse[last % BUFFER_FRAMES],
        )
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
            blend.first + first,
            blend.last + first,
            blend.wipe,
            blend.leftover,
            float(np.sqrt(power / whole.size)),
        )
        if not self._bounded(blend, power / whole.size):
            return []
        return [blend] if self._joins_two_shots(blend) else []

    def _joins_two_shots(self, blend: Blend) -> bool:
        """Whether another picture comes, or other figures before the same background; and not by motion."""
        for known, verdict in self._verdicts:
            if known.wipe == blend.wipe and _overlap(known, blend) >= SAME_BLEND:
                return verdict
        verdict = self._is_news(blend) and self._is_still(blend)
        self._verdicts.append((blend, verdict))
        return verdict

    def _is_news(self, blend: Blend) -> bool:
        first, last = blend.first - 1, blend.last + 1
        another = blend.wipe or not self._same_shape(first, last)
        if another and self._new_share(first, last, MIN_NEW) >= MIN_NEW:
            return True
        return self._brings_other_figures(blend)

    def _brings_other_figures(self, blend: Blend) -> bool:
        """Whether a part of the picture changes, all of it at the same time, and things vanish as well as appear."""
        first, last = blend.first - 1, blend.last + 1
        before, after = self._sample_at(first), self._sample_at(last)
        if alike(before, after) > LOCAL_ALIKE:
            return False
        change = replacement(before, after)
        if not LOCAL_AREA[0] <= change.area <= LOCAL_AREA[1]:
            return False
        if change.balance < LOCAL_BALANCE or change.far_apart < LOCAL_APART:
            return False
        if blend.wipe:
            return self._shows_nothing_else(blend) and self._new_share(first, last, LOCAL_NEW) >= LOCAL_NEW
        mixed = 0.0
        for at in (0.5, 0.3, 0.7):
            share = mixed_share(
                before,
                self._sample_at(round(blend.first + at * (blend.last - blend.first))),
                after,
            )
            if share < LOCAL_MIXED - 0.1:
                return False
            mixed += share / 3
        return mixed >= LOCAL_MIXED and self._new_share(first, last, LOCAL_NEW) >= LOCAL_NEW

    def _shows_nothing_else(self, blend: Blend) -> bool:
        """Whether every frame between shows parts of the two pictures and nothing that is in neither."""
        before, after = (
            self._sample_at(blend.first - 1),
            self._sample_at(blend.last + 1),
        )
        length = blend.last - blend.first
        return all(
            other_share(before, self._sample_at(round(blend.first + at * length)), after) <= LOCAL_OTHER
            for at in (0.5, 0.25, 0.75)
        )

    def _is_still(self, blend: Blend) -> bool:
        eighth = (blend.last - blend.first) / 8
        first, last = (
            int(blend.first + 3 * eighth),
            int(np.ceil(blend.last - 3 * eighth)),
        )
        least = WIPE_MIN_STILL if blend.wipe else MIN_STILL
        return last <= first or motion_share(self._sample_at(first), self._sample_at(last)) >= least

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
        for near, far in (
            (start, max(start - length, oldest)),
            (end, min(end + length, self._count - 1)),
        ):
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


def _overlap(first: Blend, second: Blend) -> float:
    """Intersection over union of two ranges of frames."""
    common = min(first.last, second.last) - max(first.first, second.first) + 1
    return common / (max(first.last, second.last) - min(first.first, second.first) + 1)


def fit_dissolve(rows: NDArray[np.float32]) -> Blend | None:
    """Whether frames 0..n-1 (rows of n x values) begin in one picture and dissolve into the last one."""
    whole = rows[-1] - rows[0]
    power = float(whole @ whole)
    weights = (rows @ whole - rows[0] @ whole) / power
    steps = weights[1:] - weights[:-1]
    if steps.max() > MAX_JUMP or steps.min() < -MAX_RETREAT:
        return None
    mixed = (weights > 0.1) & (weights < 0.9)
    if np.count_nonzero(mixed) < MIN_MIXED:
        return None
    rest = rows[mixed] - rows[0] - weights[mixed, None] * whole
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
    count = int(np.count_nonzero(valid))
    if count < LOCAL_WIPE_BLOCKS * valid.size:
        return None
    # Where few blocks can tell, each must tell more clearly.
    local = count < WIPE_MIN_BLOCKS * valid.size
    parts = (blocks - blocks[0])[:, valid]
    whole, power = whole[valid], power[valid]
    weights = np.einsum("fbc,bc->fb", parts, whole) / power
    turned = weights > 0.5
    once = np.count_nonzero(turned[1:] != turned[:-1], axis=0) == 1
    if np.count_nonzero(once) < (LOCAL_WIPE_ONCE if local else WIPE_ONCE) * once.size:
        return None
    turns = frames - np.count_nonzero(turned, axis=0)[once].astype(np.float64)
    in_order = np.sort(turns)
    early, late = _quantile(in_order, 0.04), _quantile(in_order, 0.96)
    if late - early < MIN_MIXED or early < 1 or late > frames - 1:
        return None
    # A block turns quickly compared with the whole picture; in a dissolve all of them turn slowly together.
    slow = np.count_nonzero((weights > 0.2) & (weights < 0.8), axis=0)
    if _quantile(np.sort(slow), 0.5) > WIPE_SLOW * (late - early) + 1:
        return None
    y, x = np.nonzero(valid)
    x_c, y_c = (x - 7.5) / 8.0, (y - (blocks.shape[1] - 1) / 2.0) / 4.5
    x_c, y_c = x_c[once], y_c[once]
    explained = max(
        _explained(turns, x_c, y_c),
        _explained(turns, np.hypot(x_c * 16, y_c * 9)),
        _explained(turns, np.abs(x_c), np.abs(y_c)),
    )
    if explained < (LOCAL_WIPE_FIT if local else WIPE_MIN_FIT):
        return None
    rest = ((parts - weights[..., None] * whole) ** 2).sum(axis=2) / power
    if _quantile(np.sort(rest.max(axis=0)), 0.5) > WIPE_LEFTOVER**2:
        return None
    start, end = _quantile(in_order, 0.01), _quantile(in_order, 0.99)
    return Blend(max(1, int(start) - 1), min(frames - 2, int(end)), True, 1.0 - explained)


def _quantile(in_order: NDArray[Any], share: float) -> float:
    """As numpy's, of sorted values, at a twentieth of the time for so few."""
    place = share * (len(in_order) - 1)
    below = int(place)
    above = min(below + 1, len(in_order) - 1)
    return float(in_order[below] + (in_order[above] - in_order[below]) * (place - below))


def _explained(values: NDArray[np.float64], *places: NDArray[np.float64]) -> float:
    """Share of the variance of `values` that a linear function of the places explains."""
    basis = np.stack((np.ones_like(values), *places), axis=1)
    # The small ridge is for places that all lie on one line.
    square = basis.T @ basis + 1e-9 * np.eye(len(places) + 1)
    rest = values - basis @ np.linalg.solve(square, basis.T @ values)
    around = values - values.mean()
    return 1.0 - float(rest @ rest) / max(1e-9, float(around @ around))


def _edges(weights: NDArray[np.float32]) -> tuple[int, int]:
    """First and last mixed frame by the weight of the second picture."""
    middle = int(np.argmin(np.abs(weights - 0.5)))
    before = np.flatnonzero(weights[: middle + 1] <= EDGE)
    after = np.flatnonzero(weights[middle:] >= 1.0 - EDGE)
    return int(before[-1]) + 1, middle + int(after[0]) - 1
