"""Whether frames between two pictures are mixed of both, pixel by pixel.

In a dissolve every pixel that differs between the two pictures passes through the same shares of both at the same
time. Under action a pixel shows either what was there or what comes; at an edge or in motion blur alone it is mixed.
"""

from __future__ import annotations

import cv2
import numpy as np

from celstream_segmenter.replacement import changed_pixels
from celstream_segmenter.transition_features import Sample

MIN_DIFFERENCE = 40  # levels, summed over Y, U and V, from which a pixel can tell
MIN_PIXELS = 40
SHARE_ERROR = 0.2  # how far a pixel's share may be from that of the whole frame
MAX_REST = 0.35  # what the mixture may leave over, relative to the difference

_SUM = np.array([[1, 1, 1, 0]], np.float32)


def mixed_share(first: Sample, middle: Sample, last: Sample) -> float:
    """Share 0..1 of the pixels that differ between `first` and `last` which `middle` mixes of both in one proportion.

    0 where hardly a pixel differs.
    """
    telling = cv2.transform(cv2.absdiff(first.picture, last.picture), _SUM) > MIN_DIFFERENCE
    if int(np.count_nonzero(telling)) < MIN_PIXELS:
        return 0.0
    before = first.picture[telling].astype(np.float32)
    whole, part = last.picture[telling] - before, middle.picture[telling] - before
    power = np.einsum("pc,pc->p", whole, whole)
    weights = np.einsum("pc,pc->p", part, whole) / power
    rest = part - weights[:, None] * whole
    close = np.einsum("pc,pc->p", rest, rest) < MAX_REST**2 * power
    common = float(weights @ power) / float(power.sum())
    mixed = close & (np.abs(weights - common) < SHARE_ERROR) & (weights > 0.1) & (weights < 0.9)
    return int(np.count_nonzero(mixed)) / len(power)


def other_share(first: Sample, middle: Sample, last: Sample) -> float:
    """Pixels of `middle` that are in neither picture, relative to those that differ between the two; 0 or more.

    Behind and before the front of a wipe is what was or what comes; a figure that walks is somewhere else between.
    """
    other = cv2.bitwise_and(changed_pixels(first, middle), changed_pixels(middle, last))
    return cv2.countNonZero(other) / max(1, cv2.countNonZero(changed_pixels(first, last)))
