"""PySceneDetect's detectors behind our interface, for parity with the papers."""

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from scenedetect import FrameTimecode
from scenedetect.detector import SceneDetector
from scenedetect.detectors import AdaptiveDetector, ContentDetector
from scenedetect.scene_manager import compute_downscale_factor
from scenedetect.stats_manager import StatsManager

from celstream_segmenter.conversion import as_opencv_reads
from celstream_segmenter.rules import DetectorName
from celstream_segmenter.small_pictures import SmallPicture
from celstream_segmenter.transitions import Transition


class SceneDetectDetector:
    """A detector of PySceneDetect with its own defaults, fed with the pictures that its own command would feed.

    It finds cuts only. Its confidence is its score by twice the threshold, at most 1.
    """

    restarts = False  # its cuts would differ from its command's

    def __init__(self, detector: SceneDetector, metric: str, threshold: float, scale: float, fps: float) -> None:
        detector.stats_manager = StatsManager()
        self._detector = detector
        self._metric = metric
        self._threshold = threshold
        self._scale = scale
        self._fps = fps
        self.change: list[float] = []

    @property
    def change_threshold(self) -> float:
        return self._threshold / self._scale

    def push(self, picture: SmallPicture, frame: av.VideoFrame | None) -> list[Transition]:
        if frame is None:
            raise ValueError("PySceneDetect's detectors look at whole frames.")
        time = FrameTimecode(len(self.change), self._fps)
        self.change.append(0.0)
        return self._transitions(self._detector.process_frame(time, _as_scenedetect_reads(frame)))

    def up_to_cut(self, from_frame: int) -> list[Transition]:
        raise ValueError("PySceneDetect's detectors do not restart.")

    def finish(self) -> list[Transition]:
        last = FrameTimecode(max(0, len(self.change) - 1), self._fps)
        found = self._transitions(self._detector.post_process(last))
        self.change = [min(1.0, self._score(frame) / self._scale) for frame in range(len(self.change))]
        return found

    def _transitions(self, cuts: list[FrameTimecode]) -> list[Transition]:
        return [self._cut(cut.frame_num) for cut in cuts]

    def _cut(self, frame: int) -> Transition:
        confidence = min(1.0, self._score(frame) / self._threshold / 2)
        return Transition("cut", frame, frame, frame, confidence)

    def _score(self, frame: int) -> float:
        time = FrameTimecode(frame, self._fps)
        stats = self._detector.stats_manager
        assert stats is not None
        return float(stats.get_metrics(time, [self._metric])[0] or 0.0)


def _as_scenedetect_reads(frame: av.VideoFrame) -> NDArray[np.uint8]:
    """The whole frame in colour, then shrunk as `scenedetect.SceneManager` does; its cuts depend on both."""
    picture = as_opencv_reads(frame)
    factor = compute_downscale_factor(frame.width)
    if factor > 1:
        size = (max(1, round(frame.width / factor)), max(1, round(frame.height / factor)))
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR), np.uint8)
    return picture


def scenedetect_detector(name: DetectorName, fps: float) -> SceneDetectDetector:
    """`content` or `adaptive`, for footage of about `fps` frames per second. Raises ValueError for another name."""
    if name == "content":
        content = ContentDetector()
        return SceneDetectDetector(content, ContentDetector.FRAME_SCORE_KEY, 27.0, 255.0, fps)
    if name == "adaptive":
        adaptive = AdaptiveDetector()
        key = next(k for k in adaptive.get_metrics() if "adaptive_ratio" in k)
        return SceneDetectDetector(adaptive, key, 3.0, 255.0, fps)
    raise ValueError(f"detector {name!r}: expected celstream, content or adaptive.")
