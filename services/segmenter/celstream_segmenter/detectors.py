"""Detectors of transitions behind one interface."""

from typing import Protocol

import av

from celstream_segmenter.rules import DetectorName
from celstream_segmenter.second_opinion import Asked
from celstream_segmenter.small_pictures import SmallPicture
from celstream_segmenter.transition_finder import TransitionFinder
from celstream_segmenter.transitions import Transition


class Detector(Protocol):
    """Finds transitions in frames that are pushed in display order."""

    @property
    def change(self) -> list[float]:
        """For each frame that was pushed, how much it differs from the one before, 0-1, by the detector's measure."""

    @property
    def change_threshold(self) -> float:
        """Where that measure means a cut."""

    @property
    def restarts(self) -> bool:
        """Whether a new detector may begin with any shot, given pictures alone, and find the same."""

    def push(self, picture: SmallPicture, frame: av.VideoFrame | None) -> list[Transition]:
        """Take the next frame's small picture; return the transitions that are certain by now, in order.

        frame: the decoded frame; None only for a detector that restarts.
        """

    def up_to_cut(self, from_frame: int) -> list[Transition]:
        """The transitions up to the first cut from `from_frame` on, as soon as it is certain; none before that.

        Asked only of a detector that restarts.
        """

    def finish(self) -> list[Transition]:
        """Return the rest, after the last frame."""


class CelstreamDetector:
    """Celstream's own: cuts, dissolves, fades and wipes."""

    restarts = True

    def __init__(self, fps: float, asked: Asked | None = None) -> None:
        self._finder = TransitionFinder(fps, asked)

    @property
    def change(self) -> list[float]:
        return self._finder.change

    @property
    def change_threshold(self) -> float:
        return self._finder.change_threshold

    def push(self, picture: SmallPicture, frame: av.VideoFrame | None) -> list[Transition]:
        return self._finder.push(picture.luma, picture.chroma)

    def up_to_cut(self, from_frame: int) -> list[Transition]:
        return self._finder.up_to_cut(from_frame)

    def finish(self) -> list[Transition]:
        return self._finder.finish()


def detector_of(name: DetectorName, fps: float, asked: Asked | None = None) -> Detector:
    """The detector of that name, for footage of about `fps` frames per second; asked: see `second_opinion`."""
    if name == "celstream":
        return CelstreamDetector(fps, asked)
    from celstream_segmenter.scenedetect_detectors import scenedetect_detector  # half a second, wanted by few

    return scenedetect_detector(name, fps)
