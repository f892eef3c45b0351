"""How one frame differs from the one before: by a new drawing, or by the codec's noise only.

The difference is that of the 4 x 4 block that changed most: a mouth that opens changes a thousandth of the picture, and
drowns in any mean over all of it. The camera's move and a change of exposure are undone first.
"""

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from celstream_segmenter.measured import CameraStep

LEAST_NOISE = 3.0
QUIET_PEAK = 2  # levels; where no pixel differs by more, nothing was drawn
MOVED_NOISE = 6.5  # what the undoing of a camera's move leaves, whatever the size
MISPLACED_PIXELS = 0.2  # of the small picture: how well a camera's move is known
BLOCK = 4  # pixels of the small picture, both ways; a mouth is hardly larger
FINE_BITS = 2  # signed differences are counted in quarters of a level, which halving the picture rounds
STEEPNESS_PARTS = 16  # of a level per pixel: what the Sobel operator counts at half the size
STANDING_LEVELS = 6  # a pixel that changes by no more while the camera moves …
LINE_STEP = 24  # … and lies on an edge of so many levels belongs to something that stands before the camera
THIN_RATIO, THIN_STEP = 1.5, 8.0  # by how much what stands is the better explanation, and levels besides
THIN_SHARE = 0.01  # of the picture, of thin lines; what a mouth leaves alone looks like a few of them
LEAST_APART = 0.75  # pixels that the camera must move for the two to be told apart
STANDING_REST = 0.5  # of the change, at most, is left when what stands is taken out, if that made it
PURE_SHIFT, PURE_SHIFT_WHOLE = 0.1, 0.5  # pixels at the corners by which half of a step turns or zooms, passed over
RIM = 2.0  # pixels along the border of the picture that are not compared under a camera's move
EXPOSURE_MEAN, EXPOSURE_GAIN = 2.5, 0.05  # changes of mean luma and of contrast from which exposure is undone
ALIKE = 0.9  # correlation of two frames from which their difference can be one of exposure
FLASH_MEAN = 12.0  # change of mean luma of a flash, under which a new drawing may come as well …
FLASH_PERCENT, FLASH_ROUNDS, FLASH_ALIKE = 75.0, 4, 0.97  # … that leaves so much of the picture, and that so alike

Luma = NDArray[Any]  # height x width uint8; the stubs of cv2 know no closer type
_SQUARE = np.ones((3, 3), np.uint8)


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
        luma, previous = _same_exposure(luma, previous)
        # Blocks are formed at half size, of 2 x 2 pixels each: a quarter of the work.
        blocks = cv2.blur(_halved(cv2.absdiff(luma, previous)), (BLOCK // 2, BLOCK // 2))
        return _measured(blocks, _quartile(blocks), 1.0, moved=False)
    height, width = luma.shape
    half = step.part(2)
    # Sampling between pixels blurs; where the pictures meet halfway it blurs both alike.
    new, old = _same_exposure(_moved(luma, half, back=True), _moved(previous, half))
    difference = np.left_shift(np.subtract(new, old, dtype=np.int16), FINE_BITS)
    inside = _inside(half, width, height)
    side = BLOCK // 2
    sums = np.abs(cv2.boxFilter(_halved(difference) & inside, cv2.CV_16S, (side, side), normalize=False))
    level = 1 / (side**2 * 2**FINE_BITS)
    noise = _quartile(sums)
    steepness = cv2.boxFilter(_steepness(new), cv2.CV_16S, (side, side), normalize=False)
    allowed = -MISPLACED_PIXELS * 2**FINE_BITS / STEEPNESS_PARTS
    found = _measured(cv2.addWeighted(sums, 1.0, steepness, allowed, 0.0), noise, level, moved=True)
    if found.most < MOVED_NOISE / 2 or max(abs(step.dx), abs(step.dy)) * height < LEAST_APART:
        return found
    standing, behind_lines = _standing(luma, previous, half, difference)
    difference[standing] = 0
    sums = np.abs(cv2.boxFilter(_halved(difference) & inside, cv2.CV_16S, (side, side), normalize=False))
    rest = _measured(cv2.addWeighted(sums, 1.0, steepness, allowed, 0.0), noise, level, moved=True)
    return rest if behind_lines or rest.most < STANDING_REST * found.most else found


def _same_exposure(luma: Luma, previous: Luma) -> tuple[Luma, Luma]:
    """The two pictures with one exposure: that of less contrast, as stretching it would stretch its noise as well."""
    gain, offset = exposure(luma, previous)
    if gain > 1.0:
        luma = cv2.convertScaleAbs(luma, alpha=1 / gain, beta=-offset / gain)
    elif gain < 1.0 or offset:
        previous = cv2.convertScaleAbs(previous, alpha=gain, beta=offset)
    return luma, previous


def _moved(picture: Luma, step: CameraStep, *, back: bool = False, whole: bool = False) -> Luma:
    """A picture moved by a step of the camera, or back by it. whole: by whole pixels, not sampled between them."""
    height, width = picture.shape
    corners = math.hypot(step.zoom, step.turn) * math.hypot(width, height) / 2
    if corners < (PURE_SHIFT_WHOLE if whole else PURE_SHIFT):  # six times as fast
        right, down = (shift * height * (1 if back else -1) for shift in (step.dx, step.dy))
        if whole:
            right, down = round(right), round(down)
        return cv2.getRectSubPix(picture, (width, height), ((width - 1) / 2 + right, (height - 1) / 2 + down))
    flags = (cv2.INTER_NEAREST if whole else cv2.INTER_LINEAR) | (cv2.WARP_INVERSE_MAP if back else 0)
    matrix = step.matrix(width, height)
    return cv2.warpAffine(picture, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)


def _inside(half: CameraStep, width: int, height: int) -> NDArray[np.int16]:
    """Where two pictures that met halfway both show anything, at half their size: -1 there, else 0."""
    right, bottom = width - 1 - RIM, height - 1 - RIM
    corners = np.array([[RIM, right, right, RIM], [RIM, RIM, bottom, bottom], [1, 1, 1, 1]])
    inside = np.full((height // 2, width // 2), -1, np.int16)
    there = half.matrix(width, height)
    for matrix in (there, cv2.invertAffineTransform(there)):
        shown = np.zeros_like(inside)
        cv2.fillConvexPoly(shown, np.rint((matrix @ corners).T / 2 - 0.25).astype(np.int32), -1)
        inside &= shown
    return inside


def _standing(
    luma: Luma, previous: Luma, half: CameraStep, difference: NDArray[np.int16]
) -> tuple[NDArray[np.bool_], bool]:
    """Where pictures that met halfway show lines that do not move with the camera: letters, bars, speed lines.

    difference: of the two, in 1 / 2**FINE_BITS levels. Also returned is whether many of the lines are thin.
    """
    changed = cv2.absdiff(luma, previous)
    calm = cv2.threshold(changed, STANDING_LEVELS, 255, cv2.THRESH_BINARY_INV)[1]
    edges = cv2.threshold(cv2.morphologyEx(previous, cv2.MORPH_GRADIENT, _SQUARE), LINE_STEP, 255, cv2.THRESH_BINARY)[1]
    lines = cv2.dilate(cv2.bitwise_and(cv2.erode(calm, _SQUARE), edges), _SQUARE, iterations=3)
    wrong = cv2.convertScaleAbs(difference, alpha=1 / 2**FINE_BITS)
    many = cv2.countNonZero(cv2.threshold(wrong, THIN_STEP, 255, cv2.THRESH_BINARY)[1]) >= THIN_SHARE * wrong.size
    if many:
        # A thin line has no calm around it: it stands where it changes less than what the camera should have taken
        # away and what it should have brought.
        least = cv2.convertScaleAbs(changed, alpha=THIN_RATIO, beta=THIN_STEP)
        thin = cv2.compare(cv2.min(*_both_ways(wrong, half)), least, cv2.CMP_GT)
        many = cv2.countNonZero(thin) >= THIN_SHARE * thin.size
        lines = cv2.bitwise_or(lines, cv2.dilate(thin, _SQUARE)) if many else lines
    return np.asarray(cv2.bitwise_or(*_both_ways(lines, half)), np.bool_), many


def _both_ways(picture: Luma, half: CameraStep) -> tuple[Luma, Luma]:
    return _moved(picture, half, whole=True), _moved(picture, half, back=True, whole=True)


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
    most = max(0.0, float(cv2.minMaxLoc(blocks)[1]) * level)  # below 0 where all of it is allowed for
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
    gain = float(deviation / deviation_before)
    if correlation >= ALIKE:
        return gain, float(mean - gain * mean_before)
    return _flash(luma, previous) if abs(mean - mean_before) >= FLASH_MEAN else (1.0, 0.0)


def _flash(luma: Luma, previous: Luma) -> tuple[float, float]:
    """As `exposure`, where a new drawing comes with a flash: the pixels that it leaves alone tell."""
    # The frame of less contrast is explained by the other: the other way round its noise would flatten the line.
    forward = float(np.std(luma)) <= float(np.std(previous))
    old, new = (previous, luma) if forward else (luma, previous)
    x, y = old[::2, ::2].astype(np.float32).ravel(), new[::2, ::2].astype(np.float32).ravel()
    gain, offset = 1.0, 0.0
    kept = np.ones(x.shape, np.bool_)
    for _ in range(FLASH_ROUNDS):
        gain = float(np.cov(x[kept], y[kept])[0, 1] / max(1e-3, float(np.var(x[kept]))))
        offset = float(y[kept].mean() - gain * x[kept].mean())
        rest = np.abs(y - gain * x - offset)
        kept = rest <= np.percentile(rest, FLASH_PERCENT)
    if gain <= 0 or float(np.corrcoef(x[kept], y[kept])[0, 1]) < FLASH_ALIKE:
        return 1.0, 0.0
    return (gain, offset) if forward else (1 / gain, -offset / gain)
