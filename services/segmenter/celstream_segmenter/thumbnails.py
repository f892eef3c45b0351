"""Thumbnails: a clip, or what was refused, as a small picture for people.

A clip that fades in begins black: then its last frame says more.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from celstream_segmenter.small_pictures import SmallPicture

WIDTH = 320  # pixels: sharp on a phone's screen, about 12 KB
JPEG_QUALITY = 85
DULL_DEVIATION = 12.0  # a picture whose luma (0-255) deviates by less shows next to nothing


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """jpeg: the file's bytes. deviation: the standard deviation of its luma, 0-128."""

    jpeg: bytes
    deviation: float


def thumbnail(picture: NDArray[np.uint8]) -> Thumbnail:
    """Of a whole picture: height x width x 3, red, green, blue, 0-255. Its pixels keep their shape."""
    height, width = picture.shape[:2]
    small = picture
    if width > WIDTH:
        size = WIDTH, max(1, round(WIDTH * height / width))
        small = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    luma = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    return Thumbnail(_jpeg(cv2.cvtColor(small, cv2.COLOR_RGB2BGR)), float(luma.std()))


def livelier(first: Thumbnail, last: Thumbnail) -> Thumbnail:
    """Which of its first and its last frame stands for a clip: the first, if it shows anything."""
    return first if first.deviation >= DULL_DEVIATION or first.deviation >= last.deviation else last


def jpeg_of(picture: SmallPicture) -> bytes:
    """A small picture as the bytes of a JPEG file."""
    return _jpeg(picture.bgr())


def _jpeg(bgr: "cv2.typing.MatLike") -> bytes:
    # Encoded in memory: OpenCV's own writing reports no reason when the disk is full.
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()
