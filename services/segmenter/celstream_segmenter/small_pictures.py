"""Small pictures: what every analysis of the decoding pass looks at.

The planes of the decoded frame are averaged over squares of whole pixels: no colour conversion, and at 1080p less than
half a millisecond a frame.
"""

from dataclasses import dataclass

import av
import cv2
import numpy as np
from av.video.plane import VideoPlane
from numpy.typing import NDArray

from celstream_segmenter.conversion import resized

SMALLEST_HEIGHT = 128  # pixels; the squares are as large as leaves at least this height

# 8 bit, luma first, chroma at half height: their planes can be read as they are.
_PLANAR = frozenset({"yuv420p", "yuvj420p"})


@dataclass(frozen=True, slots=True)
class SmallPicture:
    """One frame, small.

    luma: height x width, 0-255. chroma: (height / 2) x (width / 2) x 2, U and V, 0-255, 128 is grey.
    """

    luma: NDArray[np.uint8]
    chroma: NDArray[np.uint8]

    def bgr(self) -> NDArray[np.uint8]:
        """The picture in colour, for people: height x width x 3, blue, green, red, 0-255, as BT.601."""
        height, width = self.luma.shape
        planes = np.concatenate([self.luma.ravel(), self.chroma[..., 0].ravel(), self.chroma[..., 1].ravel()])
        return np.asarray(cv2.cvtColor(planes.reshape(height * 3 // 2, width), cv2.COLOR_YUV2BGR_I420), np.uint8)


def shrink_factor(height: int) -> int:
    """Pixels of the frame per pixel of its small picture, in each direction."""
    return max(1, height // SMALLEST_HEIGHT)


def small_picture(frame: av.VideoFrame, *, rows: int | None = None) -> SmallPicture:
    """Reduce a decoded frame of any size and pixel format.

    rows: how many rows of the frame are looked at for each of the small picture, if as many fit evenly; else all are.
    """
    factor = shrink_factor(frame.height)
    # Chroma has half the size; both must come out even.
    width, height = (max(2, size // factor // 2 * 2) for size in (frame.width, frame.height))
    if frame.format.name in _PLANAR and frame.height >= 4 and frame.width >= 4:
        every = factor // rows if rows is not None and factor > rows and factor % rows == 0 else 1
        luma, u, v = (
            _shrink(plane, width // part, height // part, factor, every)
            for plane, part in zip(frame.planes, (1, 2, 2), strict=True)
        )
    else:
        small = resized(frame, width, height, "yuv420p")
        luma, u, v = (_shrink(plane, plane.width, plane.height, 1, 1) for plane in small.planes)
    return SmallPicture(luma, np.asarray(cv2.merge((u, v)), np.uint8))


def _shrink(plane: VideoPlane, width: int, height: int, factor: int, every: int) -> NDArray[np.uint8]:
    """every: how many rows are taken as one; it divides the factor."""
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
    rows = rows[: height * factor : every, : width * factor]
    if factor == 1:
        return np.array(rows)
    across, down = factor, factor // every
    while across > 1:
        # OpenCV averages squares of two pixels four times as fast as larger ones in one step; of two pixels beside one
        # another it does so by interpolating between them.
        across_step = 2 if across % 2 == 0 else across
        down_step = 2 if down % 2 == 0 else down if across_step == across else 1
        across, down = across // across_step, down // down_step
        how = cv2.INTER_LINEAR if (across_step, down_step) == (2, 1) else cv2.INTER_AREA
        rows = np.asarray(cv2.resize(rows, (width * across, height * down), interpolation=how), np.uint8)
    return rows
