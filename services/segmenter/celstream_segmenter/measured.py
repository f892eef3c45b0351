"""What is measured of a clip: plain values, without what it takes to measure them."""

import cmath
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

CameraKind = Literal["static", "pan", "zoom", "rotate", "shake"]
Affine = NDArray[np.float64]  # 2 x 3
TextKind = Literal["none", "some", "title_card", "credits"]
Scan = Literal["progressive", "interlaced", "telecined"]
HASHES_PER_SECOND = 8


@dataclass(frozen=True, slots=True)
class Hold:
    """One drawing and the frames that show it: frames [start, start + length). partial: only a part was drawn anew."""

    start: int
    length: int
    partial: bool = False


@dataclass(frozen=True, slots=True)
class Cadence:
    """Shares 0-1 of the frames by the length of the hold that they are in; drawings per second; median hold in frames.

    The first and the last hold count like the others, though the clip may show only a part of them. partial: share of
    the new drawings that changed a part only, such as a mouth.
    """

    ones: float
    twos: float
    threes: float
    longer: float
    partial: float
    drawings_per_second: float
    median_frames: float


@dataclass(frozen=True, slots=True)
class CameraStep:
    """The similarity from the frame before to this one, about the middle of the picture.

    dx, dy: shift of the picture, shares of its height, right and down positive. zoom: natural logarithm of the scale.
    turn: radians, clockwise as seen positive. trust: share 0-1 of the corners that agree; 0 where none was found.
    """

    dx: float = 0.0
    dy: float = 0.0
    zoom: float = 0.0
    turn: float = 0.0
    trust: float = 1.0

    @property
    def still(self) -> bool:
        """Whether the camera stood."""
        return self.dx == 0 and self.dy == 0 and self.zoom == 0 and self.turn == 0

    def part(self, count: int) -> "CameraStep":
        """The step that leads to this one when it is made `count` times."""
        turned = cmath.exp(complex(self.zoom, self.turn) / count)
        shift = complex(self.dx, self.dy) / sum(turned**number for number in range(count))
        return CameraStep(shift.real, shift.imag, self.zoom / count, self.turn / count, self.trust)

    def matrix(self, width: int, height: int) -> Affine:
        """As 2 x 3 affine from pixels of the frame before to pixels of this one; pixel centres are whole numbers."""
        scale = math.exp(self.zoom)
        cos, sin = scale * math.cos(self.turn), scale * math.sin(self.turn)
        x, y = (width - 1) / 2, (height - 1) / 2
        right, down = self.dx * height, self.dy * height
        return np.array([[cos, -sin, x + right - cos * x + sin * y], [sin, cos, y + down - sin * x - cos * y]])


@dataclass(frozen=True, slots=True)
class CameraMove:
    """What the camera does in a clip.

    right, down: how far the picture goes from the first frame to the last, shares of its height. zoom: natural
    logarithm of its scale. turn: radians, clockwise. step: mean shift from frame to frame, shares of the height.
    known: share 0-1 of the frames whose step was found.
    """

    kind: CameraKind
    right: float
    down: float
    zoom: float
    turn: float
    step: float
    known: float


@dataclass(frozen=True, slots=True)
class Rectangle:
    """Pixels of the frame: columns [left, left + width), rows [top, top + height)."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class StyleHints:
    """flat: share 0-1 of the picture in even fills. lines: share 0-1 in dark outlines. saturation: mean distance of
    U and V from grey, 0-1. colours: how many colours cover the picture, brightness apart.
    """

    flat: float
    lines: float
    saturation: float
    colours: float


@dataclass(frozen=True, slots=True)
class ClipMeasurements:
    """What is measured over one clip of frames.

    holds: in order, frames from the clip's first. cadence: in frames of the film where the clip is telecined, else in
    frames of the file. steps: the camera's, one a frame, the first standing. picture: inside bars, pixels of the frame.
    black_frames, flash_frames: how many. hashes: see `fingerprint`. live_action: suspicion 0-1.
    """

    cadence: Cadence
    holds: list[Hold]
    scan: Scan
    camera: CameraMove
    steps: list[CameraStep]
    picture: Rectangle
    text: TextKind
    black_frames: int
    flash_frames: int
    style: StyleHints
    live_action: float
    hashes: NDArray[np.uint64]
