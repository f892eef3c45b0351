"""Perceptual fingerprint of a clip: finds the same pictures again after re-encoding, scaling and a shift in time.

Eight times a second the picture is reduced to 64 bits: the signs of its 64 slowest two-dimensional cosines against
their median (pHash, Zauner 2010, "Implementation and Benchmarking of Perceptual Image Hash Functions"), with the slow
waves across and down told apart and the mean left out. What repeats in a collection is the catalog's judgement
(`celstream_catalog.near_duplicates`).
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 32  # pixels; the picture is squeezed to SIDE x SIDE, so that its shape does not count
LEAST_CONTRAST = 3.0  # standard deviation of luma: a plainer picture has no hash
NEAR_BITS = 10  # of 64: two hashes of one picture; of different pictures 32 +- 4 differ

Luma = NDArray[Any]  # height x width uint8; the stubs of cv2 know no closer type
NO_HASH = np.uint64(0)  # of a picture of one colour


def picture_hash(luma: Luma) -> np.uint64:
    """64 bits of one picture (height x width, 0-255, any size); 0 for one of a single colour."""
    small = cv2.resize(luma, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    if float(cv2.meanStdDev(small)[1][0, 0]) < LEAST_CONTRAST:
        return NO_HASH
    waves = cv2.dct(small.astype(np.float32))[:9, :9].ravel()[1:65]
    middle = np.sort(waves)[31:33].sum() / 2  # the median, at a tenth of what numpy's own takes for so few
    return np.packbits(waves > middle).view(">u8")[0].astype(np.uint64) or np.uint64(1)
