"""Celstream's transitions as a detector of PySceneDetect.

scenes = scenedetect.detect("film.mkv", CartoonDetector())
"""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np
from numpy.typing import NDArray
from scenedetect.common import FrameTimecode
from scenedetect.detector import SceneDetector

from celstream_segmenter.transition_features import HEIGHT, WIDTH
from celstream_segmenter.transition_finder import HOLD_FADE_FRAMES, HOLD_FRAMES, TransitionFinder
from celstream_segmenter.transitions import Transition

CHANGE = "cut_probability"
NOVELTY = "new_share"
_LATEST_FRAMES = 6 * (HOLD_FADE_FRAMES + HOLD_FRAMES)  # at up to 144 frames/s


class CartoonDetector(SceneDetector):  # type: ignore[misc]  # PySceneDetect has no types
    """Cuts, dissolves, fades and wipes in cartoons and other footage.

    PySceneDetect knows a transition as the first frame of the new scene; `transitions` has the rest.
    There is no threshold and no shortest scene to set: shots of three frames are found.
    """

    def __init__(self) -> None:
        super().__init__()
        self._finder: TransitionFinder | None = None  # begun with the first frame, which knows the rate
        self._times: deque[FrameTimecode] = deque(maxlen=_LATEST_FRAMES)
        self._measured = 0
        self.transitions: list[Transition] = []

    def get_metrics(self) -> list[str]:
        return [CHANGE, NOVELTY]

    @property
    def event_buffer_length(self) -> int:
        return _LATEST_FRAMES

    def process_frame(self, timecode: FrameTimecode, frame_img: NDArray[np.uint8]) -> list[FrameTimecode]:
        if self._finder is None:
            self._finder = TransitionFinder(float(timecode.frame_rate or 24))
        self._times.append(timecode)
        small = cv2.resize(frame_img, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        planes = cv2.cvtColor(small, cv2.COLOR_BGR2YUV_I420)
        u, v = planes[HEIGHT:].reshape(2, HEIGHT // 2, WIDTH // 2)
        return self._report(self._finder, self._finder.push(planes[:HEIGHT], np.dstack((u, v))))

    def post_process(self, timecode: FrameTimecode) -> list[FrameTimecode]:
        return [] if self._finder is None else self._report(self._finder, self._finder.finish())

    def _report(self, finder: TransitionFinder, found: list[Transition]) -> list[FrameTimecode]:
        self.transitions += found
        oldest = len(finder.novelty) - len(self._times)
        if self.stats_manager is not None:
            for frame in range(self._measured, len(finder.change)):
                metrics = {CHANGE: finder.change[frame], NOVELTY: finder.novelty[frame]}
                self.stats_manager.set_metrics(self._times[frame - oldest], metrics)
            self._measured = len(finder.change)
        # A fade-out that ends the footage begins no scene.
        return [self._times[item.frame - oldest] for item in found if item.frame < len(finder.novelty)]
