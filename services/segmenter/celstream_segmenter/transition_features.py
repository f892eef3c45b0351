"""What two frames have in common: the measures that the search for transitions is built on.

Every frame is reduced to one small colour picture. Two pictures are compared by asking, block by block, the
question of a video encoder: is this block found in the other picture (after motion and a change of exposure),
or is it new? A block is new when its motion-compensated residual exceeds a share of its own contrast ("inter"
cost above "intra" cost), so that alike colours do not hide a cut and a moving camera does not make one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 128, 72  # a picture is squeezed to this; 16 x 9 blocks of 8 x 8
BLOCKS_X, BLOCKS_Y = WIDTH // 8, HEIGHT // 8
NOISE = 7.0  # codec noise of a block's mean absolute residual, summed over Y, U and V, at CRF 32
INTRA_SHARE = 0.75  # residual above this share of the block's own contrast: the block is new
FLAT_SHARE = 0.4  # the same where the other picture is flat there, so that no motion can be mistaken for news
BLACK = 34  # luma (limited range black is 16); noise and grain included
SAME_SHAPE = 0.8  # correlation of two lumas that show one picture
KEPT_SHARE = 0.25  # residual below this share of a block's contrast: the block is the same, in the same place
CARD_GROUND = 0.5  # share of a title card's blocks that show its ground alone
FAINT = 12.0  # deviation of luma below which a picture's shape must be compared before its exposure is matched
MIN_SHOWN_SHARE = 0.04  # a title of a few letters is about 2 % of the picture; less is a speck

Picture = NDArray[Any]  # height x width x 4 uint8: Y, U, V, 0; OpenCV moves four channels faster than three
Shares = NDArray[Any]  # one float32 a block

_GRID = np.dstack(np.meshgrid(np.arange(WIDTH, dtype=np.float32), np.arange(HEIGHT, dtype=np.float32)))
_NOTHING = np.zeros((HEIGHT, WIDTH), np.uint8)
_LEVELS = np.arange(256, dtype=np.float32)[:, None] * np.array([1, 1, 1, 0], np.float32)
_SUM_CHANNELS = np.array([[1, 1, 1, 0]], np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One frame, small; equal to itself alone.

    picture: 72 x 128 x 4 uint8, Y, U, V, 0. luma: 72 x 128 uint8, Y alone.
    contrast: 9 x 16 float32, mean absolute deviation of each block from its own mean, summed over Y, U, V.
    shown: 9 x 16 bool, false where black and without structure: a bar of the letterbox, or a black frame.
    coarse: 9 x 16 x 3 float32, the means of the blocks.
    mean, deviation: of luma, 0-255.
    """

    picture: Picture
    luma: NDArray[Any]
    contrast: NDArray[np.float32]
    shown: NDArray[np.bool_]
    coarse: NDArray[np.float32]
    mean: float
    deviation: float


@dataclass(frozen=True, slots=True)
class Novelty:
    """How much of two pictures is not found in the other; shares 0..1 of its blocks that show anything.

    gone: share of the first picture that is missing in the second; come: share of the second not in the first.
    still, still_both: the larger and the smaller of the two without motion and exposure undone.
    exact: false where one of the shares is an upper bound, because the other one was small.
    """

    gone: float
    come: float
    still: float
    still_both: float
    exact: bool = True

    @property
    def both(self) -> float:
        """The smaller direction: what a cut changes and a covered or uncovered background does not."""
        return min(self.gone, self.come)


SAME = Novelty(0.0, 0.0, 0.0, 0.0)


def sample(luma: NDArray[Any], chroma: NDArray[Any]) -> Sample:
    """Reduce one frame.

    luma: height x width, 0-255, any size. chroma: height x width x 2 (U, V), any size.
    Raises ValueError for arrays of another shape.
    """
    if luma.ndim != 2 or chroma.ndim != 3 or chroma.shape[2] != 2:
        raise ValueError(f"frame of luma {luma.shape}, chroma {chroma.shape}: expected (h, w) and (h, w, 2).")
    size = (WIDTH, HEIGHT)
    small = _shrunk(luma)
    colour = cv2.resize(chroma, size, interpolation=cv2.INTER_LINEAR)
    picture = cv2.merge((small, colour, _NOTHING))
    blocks = cv2.resize(picture, (BLOCKS_X, BLOCKS_Y), interpolation=cv2.INTER_AREA)
    contrast = _residual(picture, cv2.resize(blocks, size, interpolation=cv2.INTER_NEAREST))
    mean, deviation = cv2.meanStdDev(small)
    return Sample(
        picture=picture,
        luma=small,
        contrast=contrast,
        shown=(contrast >= 3.0) | (blocks[..., 0] >= BLACK),
        coarse=blocks[..., :3].astype(np.float32),
        mean=float(mean[0, 0]),
        deviation=float(deviation[0, 0]),
    )


def same_drawing(first: Sample, second: Sample) -> bool:
    """Whether nothing but noise differs, in any block."""
    return first is second or float(_residual(first.picture, second.picture).max()) <= NOISE


def novelty(first: Sample, second: Sample, *, enough: float = 0.12, at_least: float = 0.0) -> Novelty:
    """Compare two frames of one footage, block by block, after motion and exposure.

    enough: below this share of changed blocks in place, motion is not searched; the shares then are upper bounds.
    at_least: where motion leaves less than this in one direction, it is not searched in the other one, whose share
    then is an upper bound: for pairs of which only the smaller direction matters, and only where it is large.
    """
    if first is second:
        return SAME
    cost = _residual(first.picture, second.picture)
    if float(cost.max()) <= NOISE:
        return SAME
    gone, come = _new(cost, first, second), _new(cost, second, first)
    in_place = (_share(gone, first), _share(come, second))
    gone_share, come_share = in_place
    exact = True
    if min(in_place) >= enough:
        if gone_share <= come_share:
            gone_share = _share(gone & _new_after_motion(first, second), first)
            exact = gone_share >= at_least
            if exact:
                come_share = _share(come & _new_after_motion(second, first), second)
        else:
            come_share = _share(come & _new_after_motion(second, first), second)
            exact = come_share >= at_least
            if exact:
                gone_share = _share(gone & _new_after_motion(first, second), first)
    # In a blank picture there is nothing that could be found or missed: the other one alone decides.
    if is_blank(first):
        gone_share = come_share
    elif is_blank(second):
        come_share = gone_share
    return Novelty(
        gone=gone_share,
        come=come_share,
        still=max(in_place),
        still_both=min(in_place),
        exact=exact,
    )


def colour_distance(first: Sample, second: Sample) -> float:
    """Largest of the earth mover's distances of the Y, U and V histograms, in levels (0-255)."""
    shifts = np.abs(np.cumsum(_histograms(first) - _histograms(second), axis=1)).sum(axis=1)
    return float(shifts.max()) * 8.0


def region_colour_distance(first: Sample, second: Sample) -> float:
    """The same distance of the blocks alone that differ in place; 0 where none does.

    A character in another pose keeps its colours there; another character brings its own.
    """
    cost = _residual(first.picture, second.picture)
    changed = (cost > NOISE) & (cost > INTRA_SHARE * np.minimum(first.contrast, second.contrast))
    count = int(changed.sum())
    if count == 0:
        return 0.0
    mask = cv2.resize(changed.astype(np.uint8), (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST)
    shifts = []
    for channel in range(3):
        old, new = (cv2.calcHist([item.picture], [channel], mask, [32], [0, 256]).ravel() for item in (first, second))
        shifts.append(float(np.abs(np.cumsum(old - new)).sum()) * 8.0 / (count * 64))
    return max(shifts)


def kept_in_place(first: Sample, second: Sample) -> float:
    """Share 0..1 of the first picture's structured blocks that the second shows unchanged in the same place.

    Near 0 across a change of place and under a moving camera; a figure that moves or is replaced leaves the rest.
    """
    structured = first.contrast > 2 * NOISE
    count = int(np.count_nonzero(structured))
    if count < MIN_SHOWN_SHARE * structured.size:
        return 0.0
    cost = _residual(first.picture, second.picture)
    return int(np.count_nonzero(structured & (cost < np.maximum(NOISE, KEPT_SHARE * first.contrast)))) / count


def alike(first: Sample, second: Sample) -> float:
    """Correlation -1..1 of the coarse lumas of two pictures: whether they are light and dark in the same places."""
    a, b = first.coarse[..., 0], second.coarse[..., 0]
    a, b = a - a.mean(), b - b.mean()
    power = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / power if power > 1.0 else 0.0


def is_card(item: Sample) -> bool:
    """A card: text or a sign on flat ground, which fills most of it."""
    flat = item.contrast < NOISE
    if float(flat.mean()) < CARD_GROUND:
        return False
    ground = item.coarse[flat]
    return bool(np.abs(ground - np.median(ground, axis=0)).sum(axis=1).mean() < NOISE)


def is_blank(item: Sample) -> bool:
    """No picture at all: one colour from edge to edge, apart from noise."""
    return item.deviation < 3.0 and float(item.contrast.max()) < 8.0


def _shrunk(luma: Picture) -> Picture:
    """Halved as long as that fits, then interpolated: a sixth of the time of one exact average over uneven squares."""
    height, width = luma.shape
    while height >= 2 * HEIGHT and width >= 2 * WIDTH:
        height, width = height // 2, width // 2
        luma = cv2.resize(
            luma[: 2 * height, : 2 * width],
            (width, height),
            interpolation=cv2.INTER_AREA,
        )
    return luma if (height, width) == (HEIGHT, WIDTH) else cv2.resize(luma, (WIDTH, HEIGHT))


@lru_cache(maxsize=64)
def _histograms(item: Sample) -> NDArray[Any]:
    """Shares of Y, U and V in 32 bins each."""
    counts = [cv2.calcHist([item.picture], [channel], None, [32], [0, 256]).ravel() for channel in range(3)]
    return np.stack(counts) / (WIDTH * HEIGHT)


def _residual(first: Picture, second: Picture) -> Shares:
    difference: Picture = cv2.absdiff(first, second).astype(np.float32)
    for part in (2, 4, 8):  # three halvings are faster than one reduction to an eighth
        difference = cv2.resize(difference, (WIDTH // part, HEIGHT // part), interpolation=cv2.INTER_AREA)
    return cv2.transform(difference, _SUM_CHANNELS)


def _share(new: NDArray[np.bool_], item: Sample) -> float:
    return int(np.count_nonzero(new)) / max(int(np.count_nonzero(item.shown)), MIN_SHOWN_SHARE * item.shown.size)


def _new(cost: NDArray[np.float32], own: Sample, other: Sample, gain: float = 1.0) -> NDArray[np.bool_]:
    share = np.where(other.contrast < NOISE, np.float32(FLAT_SHARE), np.float32(INTRA_SHARE))
    # A brightened picture's noise is brightened with it.
    return (cost > np.maximum(NOISE * max(1.0, gain), share * own.contrast)) & own.shown


def _new_after_motion(own: Sample, other: Sample) -> NDArray[np.bool_]:
    exposed, gain = _match_exposure(other, own)
    return _new(_motion_residual(own, exposed), own, other, gain)


def _match_exposure(item: Sample, target: Sample) -> tuple[Picture, float]:
    """Picture of `item` with the mean and contrast of `target`, where exposure alone may differ; and its gain."""
    if item.deviation < 3.0 or target.deviation < 3.0:
        return item.picture, 1.0
    gain = target.deviation / item.deviation
    if (
        min(item.deviation, target.deviation) < FAINT
        and abs(item.mean - target.mean) > FAINT
        and alike(item, target) < SAME_SHAPE
    ):
        return (
            item.picture,
            1.0,
        )  # nearly flat pictures all look the same once their means agree
    if abs(item.mean - target.mean) < 2.0 and 0.96 < gain < 1.04:
        return item.picture, 1.0
    gain = min(max(gain, 0.2), 5.0)
    grey = 128.0 - 128.0 * gain
    offsets = np.array([target.mean - item.mean * gain, grey, grey, 0.0], np.float32)
    table = np.clip(_LEVELS * np.float32(gain) + offsets, 0.0, 255.0).astype(np.uint8)
    return cv2.LUT(item.picture, table[None]), gain


def _motion_residual(target: Sample, source: Picture) -> Shares:
    luma = cv2.extractChannel(source, 0)
    # OpenCV's stubs do not know that the flow to begin with may be left out.
    flow = _FLOW.calc(target.luma, luma, None)  # type: ignore[call-overload]
    flow += _GRID
    moved = cv2.remap(source, flow, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
    return _residual(target.picture, moved)


_FLOW = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)


def motion_share(first: Sample, second: Sample) -> float:
    """What is left of the difference of two frames once motion is undone: about 0 for a pan, 1 for a dissolve."""
    raw = _residual(first.picture, second.picture)
    moved = np.minimum(_motion_residual(first, second.picture), _motion_residual(second, first.picture))
    return float(np.minimum(moved, raw).sum() / max(1.0, raw.sum()))
