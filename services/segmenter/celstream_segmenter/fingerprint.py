"""Perceptual fingerprint of a clip: finds the same pictures again after re-encoding, scaling and a shift in time.

Eight times a second the picture is reduced to 64 bits: the signs of its 64 slowest two-dimensional cosines against
their median (pHash, Zauner 2010, "Implementation and Benchmarking of Perceptual Image Hash Functions"), with the slow
waves across and down told apart and the mean left out. Two clips match where many hashes agree at one offset in time
and the pictures change at the same moments.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from celstream_segmenter.measured import HASHES_PER_SECOND

SIDE = 32  # pixels; the picture is squeezed to SIDE x SIDE, so that its shape does not count
LEAST_CONTRAST = 3.0  # standard deviation of luma: a plainer picture has no hash
NEAR_BITS = 10  # of 64: two hashes of one picture; of different pictures 32 +- 4 differ
LEAST_TOGETHER = 6  # hashes that must meet, three quarters of a second
MATCH_SCORE = 0.6  # from here on two clips show the same; others reach 0.33, re-encoded ones 0.82 and more

Luma = NDArray[Any]  # height x width uint8; the stubs of cv2 know no closer type
NO_HASH = np.uint64(0)  # of a picture of one colour


@dataclass(frozen=True, slots=True)
class Match:
    """How two fingerprints agree. offset: seconds to add to a time in the first to get the time in the second.

    score: 0-1, share of the shorter overlap's pictures that agree; from MATCH_SCORE on they show the same.
    """

    offset: float
    score: float


def picture_hash(luma: Luma) -> np.uint64:
    """64 bits of one picture (height x width, 0-255, any size); 0 for one of a single colour."""
    small = cv2.resize(luma, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    if float(cv2.meanStdDev(small)[1][0, 0]) < LEAST_CONTRAST:
        return NO_HASH
    waves = cv2.dct(small.astype(np.float32))[:9, :9].ravel()[1:65]
    middle = np.sort(waves)[31:33].sum() / 2  # the median, at a tenth of what numpy's own takes for so few
    return np.packbits(waves > middle).view(">u8")[0].astype(np.uint64) or np.uint64(1)


def matches(first: NDArray[np.uint64], second: NDArray[np.uint64]) -> Match:
    """Compare the fingerprints of two clips: hashes, HASHES_PER_SECOND a second, in order.

    Every offset at which they overlap for long enough is tried; the one with the best score is given.
    """
    if len(first) == 0 or len(second) == 0:
        return Match(0.0, 0.0)
    distance = np.bitwise_count(first[:, None] ^ second[None, :]).astype(np.int16)
    # The two were not looked at at the same moments: what moves fast is found a moment before or after.
    around = np.pad(distance, ((0, 0), (1, 1)), constant_values=64)
    distance = np.minimum(distance, np.minimum(around[:, :-2], around[:, 2:]))
    known = (first[:, None] != NO_HASH) & (second[None, :] != NO_HASH)
    best = Match(0.0, 0.0)
    least = min(LEAST_TOGETHER, len(first), len(second))
    for shift in range(-(len(first) - least), len(second) - least + 1):
        diagonal = np.diagonal(distance, shift)
        usable = np.diagonal(known, shift)
        count = int(np.count_nonzero(usable))
        if count < least:
            continue
        near = np.count_nonzero(diagonal[usable] <= NEAR_BITS) / count
        # The shorter the overlap, the more it takes to believe it.
        score = near * min(1.0, 0.5 + 0.5 * count / min(len(first), len(second)))
        if score > best.score:
            best = Match(shift / HASHES_PER_SECOND, float(score))
    return best
