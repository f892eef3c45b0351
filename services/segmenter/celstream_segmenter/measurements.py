"""Measurements of frames, taken from the small pictures of the one decoding pass."""

from dataclasses import dataclass, fields

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class FrameMeasurements:
    """One value per frame, float32.

    brightness: mean luma, 0-255. deviation: standard deviation of luma. peak: largest luma of the small picture.
    motion: mean absolute difference from the frame before, 0-255 (0 for the first frame).
    sharpness: variance of the Laplacian of luma (Pech-Pacheco et al., 2000).
    """

    brightness: NDArray[np.float32]
    deviation: NDArray[np.float32]
    peak: NDArray[np.float32]
    motion: NDArray[np.float32]
    sharpness: NDArray[np.float32]

    @property
    def mean_brightness(self) -> float:
        """Over all frames."""
        return float(np.mean(self.brightness))

    @property
    def mean_motion(self) -> float:
        """Over all frames but the first, whose motion leads in from outside; 0 for a single one."""
        return float(np.mean(self.motion[1:])) if len(self.motion) > 1 else 0.0

    @property
    def mean_sharpness(self) -> float:
        """Over all frames."""
        return float(np.mean(self.sharpness))

    def part(self, start_frame: int, end_frame: int) -> "FrameMeasurements":
        """The measurements of frames [start_frame, end_frame)."""
        frames = slice(start_frame, end_frame)
        return FrameMeasurements(*(getattr(self, field.name)[frames] for field in fields(self)))


class FrameMeasurer:
    """Measures frames one by one; keeps five numbers of each."""

    def __init__(self) -> None:
        self._rows: list[tuple[float, float, float, float, float]] = []
        self._previous: NDArray[np.uint8] | None = None

    def add(self, luma: NDArray[np.uint8]) -> float:
        """Measure one frame's small picture (height x width, 0-255) and return its motion."""
        mean, deviation = (float(v[0, 0]) for v in cv2.meanStdDev(luma))
        motion = 0.0
        if self._previous is not None:
            motion = float(cv2.norm(luma, self._previous, cv2.NORM_L1)) / luma.size
        laplacian = cv2.Laplacian(luma, cv2.CV_16S)
        square = cv2.norm(laplacian, cv2.NORM_L2SQR) / luma.size
        sharpness = square - (cv2.sumElems(laplacian)[0] / luma.size) ** 2
        self._rows.append((mean, deviation, cv2.minMaxLoc(luma)[1], motion, sharpness))
        self._previous = luma
        return motion

    def finish(self) -> FrameMeasurements:
        """All values so far."""
        columns = np.array(self._rows, np.float32).reshape(-1, 5).T
        return FrameMeasurements(*columns)


def is_black(frames: FrameMeasurements, *, mean_luma: float, peak_luma: float) -> bool:
    """Whether every frame's mean luma is below `mean_luma`, and no spot of it is above `peak_luma`."""
    return bool(np.all((frames.brightness < mean_luma) & (frames.peak < peak_luma)))


def is_plain(frames: FrameMeasurements, *, deviation: float) -> bool:
    """Whether every frame is of a single colour: its luma deviates by no more than `deviation` (standard deviation)."""
    return bool(np.all(frames.deviation <= deviation))
