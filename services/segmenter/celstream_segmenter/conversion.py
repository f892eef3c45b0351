"""Conversion of decoded frames to other pixel formats and sizes, by libav's scaler.

One converter for all frames: `frame.reformat` would keep one with its threads for every frame that is kept, and the
stacks of those threads count as memory of the limited process.
"""

import av
import numpy as np
from av.video.reformatter import Colorspace, Interpolation, VideoReformatter
from numpy.typing import NDArray

UNNAMED_COLOURS = 2  # ITU-T H.273, matrix coefficients: unspecified
FIRST_HD_HEIGHT = 720  # pixels; from here on, footage that does not name its colours uses BT.709

_CONVERTER = VideoReformatter()


def resized(frame: av.VideoFrame, width: int, height: int, pixel_format: str) -> av.VideoFrame:
    """The frame in another size, averaged over areas."""
    return _CONVERTER.reformat(frame, width, height, pixel_format, interpolation=Interpolation.AREA, threads=1)


def as_opencv_reads(frame: av.VideoFrame) -> NDArray[np.uint8]:
    """Height x width x 3, blue, green, red, 0-255: as OpenCV's own reader converts, whatever colours the file names."""
    picture = _CONVERTER.reformat(frame, format="bgr24", interpolation=Interpolation.BICUBIC, threads=1)
    return np.asarray(picture.to_ndarray(), np.uint8)


def colour(frame: av.VideoFrame) -> NDArray[np.uint8]:
    """Height x width x 3, red, green, blue, 0-255, in the colours that the file names; rows may be padded."""
    unnamed = frame.colorspace == UNNAMED_COLOURS
    source = Colorspace.ITU709 if unnamed and frame.height >= FIRST_HD_HEIGHT else None
    picture = _CONVERTER.reformat(
        frame, format="rgb24", src_colorspace=source, interpolation=Interpolation.BICUBIC, threads=1
    )
    plane = picture.planes[0]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
    return rows[:, : 3 * picture.width].reshape(picture.height, picture.width, 3)
