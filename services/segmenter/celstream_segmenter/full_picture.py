"""What is read of a decoded frame beside its small picture: the edges of the picture, text, and an interlaced frame's
two fields. Most of it is read from a few frames a second; the rest costs a glance at every twelfth line.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from celstream_segmenter.conversion import resized
from celstream_segmenter.field_matching import fields, is_woven
from celstream_segmenter.letterbox import Edges, picture_edges
from celstream_segmenter.title_cards import TextLines, text_lines

READINGS_PER_SECOND = 2
TEXT_HEIGHT = 480  # pixels; taller pictures are halved until they are lower: letters stay legible, and it costs little
WOVEN_FPS = 31  # no footage of more frames per second holds two moments in one
LOWEST_WOVEN = 240  # lines; no smaller footage is interlaced, and thin lines look like a comb in it
PLANAR = frozenset({"yuv420p", "yuvj420p", "yuv422p", "yuv444p", "yuvj422p", "yuvj444p", "gray"})

Plane = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Glance:
    """What is read of some frames only. edges: where the picture is inside bars; None where all is dark."""

    edges: Edges | None
    text: TextLines


@dataclass(frozen=True, slots=True)
class FullPicture:
    """What was read of a frame.

    size: width and height of the frame, pixels. glance: of some frames. top, bottom, bottom_before: where fields are
    woven together, the fields and the bottom field of the frame before, as small as the small picture; else None.
    """

    size: tuple[int, int]
    glance: Glance | None = None
    top: Plane | None = None
    bottom: Plane | None = None
    bottom_before: Plane | None = None


class FullPictureReader:
    """Reads frames in display order."""

    def __init__(self, fps: Fraction) -> None:
        self._every = max(1, round(fps / READINGS_PER_SECOND))
        self._may_be_woven = fps <= WOVEN_FPS
        self._before: Plane | None = None

    def read(self, number: int, frame: av.VideoFrame, width: int, height: int) -> FullPicture:
        """Read the frame of that number; width, height: size of its small picture."""
        size = frame.width, frame.height
        looked_at = number % self._every == 0
        planar = frame.format.name in PLANAR
        if not planar and not looked_at and not frame.interlaced_frame:
            self._before = None
            return FullPicture(size)
        luma = luma_plane(frame)
        before, self._before = self._before, luma
        glance = Glance(picture_edges(luma), text_lines(_legible(luma))) if looked_at else None
        if before is None or before.shape != luma.shape or luma.shape[0] < LOWEST_WOVEN:
            return FullPicture(size, glance)
        if not frame.interlaced_frame and (not self._may_be_woven or not is_woven(luma, before)):
            return FullPicture(size, glance)
        return FullPicture(size, glance, *fields(luma, width, height), fields(before, width, height)[1])


def luma_plane(frame: av.VideoFrame) -> NDArray[np.uint8]:
    """The luma of a frame, height x width, 0-255; not a copy where the frame holds it so."""
    if frame.format.name not in PLANAR:
        frame = resized(frame, frame.width, frame.height, "gray")
    plane = frame.planes[0]
    return np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)[:, : frame.width]


def _legible(luma: Plane) -> Plane:
    while luma.shape[0] >= TEXT_HEIGHT:
        height, width = (size // 2 for size in luma.shape)
        luma = cv2.resize(luma[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA)
    return luma
