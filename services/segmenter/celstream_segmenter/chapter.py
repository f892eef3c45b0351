"""A chapter of a footage: what is found in its frames, and the chapter that is being read.

A chapter begins with a shot, and nothing that is found in it depends on what came before.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Self

import av
import numpy as np
from numpy.typing import NDArray

from celstream_segmenter.clip_measurements import ClipMeasurer
from celstream_segmenter.detectors import detector_of
from celstream_segmenter.full_picture import FullPicture
from celstream_segmenter.measurements import FrameMeasurements, FrameMeasurer
from celstream_segmenter.rules import SegmentationRules
from celstream_segmenter.second_opinion import Asked
from celstream_segmenter.shot_checker import ShotChecker
from celstream_segmenter.shots import Beginning, Doubt, Shot, ShotAssembler
from celstream_segmenter.small_pictures import SmallPicture
from celstream_segmenter.transitions import Transition

KEPT_PICTURES = 512  # a transition is certain at most 300 frames after its end; 25 MB at 1080p


@dataclass(frozen=True, slots=True)
class Chapter:
    """What the pass found in frames [first_frame, end_frame) of the footage, in the decoder's order of output.

    ticks: presentation time of each frame, in time_base (seconds per tick). end_ticks: when the last frame ends.
    corrupt: which frames the decoder had to make up. change: see `Detector.change`. All of them have one value a frame.
    clips, measurements: sum up any clip of the chapter, where clips are measured. doubts: where the shots may be wrong.
    following: the next chapter's beginning; None at the end of the footage.
    """

    first_frame: int
    time_base: Fraction
    ticks: NDArray[np.int64]
    end_ticks: int
    corrupt: NDArray[np.bool_]
    transitions: list[Transition]
    shots: list[Shot]
    measurements: FrameMeasurements
    change: list[float]
    change_threshold: float
    clips: ClipMeasurer
    following: Beginning | None = None
    doubts: Sequence[Doubt] = ()

    @property
    def end_frame(self) -> int:
        """One past the last frame."""
        return self.first_frame + len(self.ticks)

    def ticks_at(self, frame: int) -> int:
        """When a frame begins; for `end_frame`, when the last one ends."""
        return int(self.ticks[frame - self.first_frame]) if frame < self.end_frame else self.end_ticks

    def seconds(self) -> NDArray[np.float64]:
        """When each frame begins, and as last value when the last one ends, in seconds from the chapter's first."""
        edges = np.append(self.ticks, self.end_ticks) - self.ticks[0]
        return np.asarray(edges * float(self.time_base), np.float64)

    def measured(self, start_frame: int, end_frame: int) -> FrameMeasurements:
        """The measurements of frames [start_frame, end_frame)."""
        return self.measurements.part(start_frame - self.first_frame, end_frame - self.first_frame)


@dataclass(frozen=True, slots=True)
class Seen:
    """What is kept of a decoded frame."""

    ticks: int
    duration: int
    corrupt: bool
    picture: SmallPicture
    full: FullPicture | None
    """None where clips are not measured."""

    def as_first(self) -> Self:
        """The same, as the first frame of a chapter: nothing is known of the frame before it."""
        return replace(self, full=replace(self.full, bottom_before=None) if self.full else None)


class OpenChapter:
    """A chapter that is being read."""

    def __init__(
        self,
        beginning: Beginning,
        rules: SegmentationRules,
        time_base: Fraction,
        fps: Fraction,
        target: int | None,
        recent: Callable[[int], SmallPicture | None],
        asked: Asked | None = None,
    ) -> None:
        """target: from what time on a hard cut ends the chapter, ticks; None for none. recent: see ShotChecker.

        asked: see `second_opinion`.
        """
        self._first_frame = beginning.frame
        self._rules = rules
        self._time_base = time_base
        self._fps = fps
        self._asked = asked
        self._detector = detector_of(rules.detector, float(fps), asked)
        self._target = target if self._detector.restarts else None
        self._measurer = FrameMeasurer()
        self._clips = ClipMeasurer(beginning.frame)
        self._recent = recent
        self._checker = ShotChecker(float(fps), recent)
        self._doubts: list[Doubt] = []
        self._assembler = ShotAssembler(beginning.frame, beginning.shot_ordinal, beginning.opening)
        self._ticks: list[int] = []
        self._corrupt: list[bool] = []
        self._transitions: list[Transition] = []
        self._shots: list[Shot] = []
        self._last_duration = self._judged = 0
        self._cut_wanted_from: int | None = None  # counted from the chapter's first frame
        self.following: Beginning | None = None
        """The next chapter's beginning, once it is known; frames from there on belong to that one."""
        self.motion = 0.0
        """Motion of the frame that was added last."""

    @property
    def next_frame(self) -> int:
        """The number of the frame to be added next."""
        return self._first_frame + len(self._ticks)

    def ticks_at(self, frame: int) -> int:
        """When a frame begins, or the last one ends."""
        number = frame - self._first_frame
        return self._ticks[number] if number < len(self._ticks) else self._end_ticks()

    def add(self, seen: Seen, frame: av.VideoFrame | None) -> list[Shot]:
        """Take the next frame; the shots that are certain by now."""
        self._ticks.append(seen.ticks)
        self._corrupt.append(seen.corrupt)
        self._last_duration = seen.duration
        if seen.full is not None:
            self.motion = self._measurer.add(seen.picture.luma)
            # As floats: fractions would take a hundredth of all the time that measuring takes.
            seconds = seen.ticks * self._time_base.numerator / self._time_base.denominator
            self._clips.add(seconds, seen.picture, seen.full)
        self._checker.add(self.next_frame - 1, seen.picture)
        if self.following is not None:
            return []
        shots = self._assemble(self._detector.push(seen.picture, frame))
        if self._target is not None and self.following is None and seen.ticks >= self._target:
            if self._cut_wanted_from is None:
                self._cut_wanted_from = len(self._ticks) - 1
            shots += self._assemble(self._detector.up_to_cut(self._cut_wanted_from))
        return shots

    def newly_judged(self) -> Iterator[tuple[int, float]]:
        """The numbers of the frames that the detector has judged since the last call, with their change."""
        change = self._detector.change
        for number in range(self._judged, len(change)):
            yield self._first_frame + number, change[number]
        self._judged = len(change)

    def finish(self) -> list[Shot]:
        """The last shots of the footage."""
        self._target = None  # no frame is left to begin a chapter with
        shots = self._assemble(self._detector.finish())
        last = self._assembler.finish(self.next_frame)
        self._shots += last
        self._check(last)
        return [*shots, *last]

    def followed(self, target: int | None) -> Self:
        """The next chapter, without its frames; target: as for this one."""
        assert self.following is not None
        return type(self)(self.following, self._rules, self._time_base, self._fps, target, self._recent, self._asked)

    def closed(self) -> Chapter:
        """The chapter, up to where the next one begins."""
        following = self.following
        count = len(self._ticks) if following is None else following.frame - self._first_frame
        change = (self._detector.change + [0.0] * count)[:count]
        return Chapter(
            first_frame=self._first_frame,
            time_base=self._time_base,
            ticks=np.array(self._ticks[:count], np.int64),
            end_ticks=self._end_ticks() if following is None else following.ticks,
            corrupt=np.array(self._corrupt[:count], np.bool_),
            transitions=self._transitions,
            shots=self._shots,
            measurements=self._measurer.finish().part(0, count),
            change=change,
            change_threshold=self._detector.change_threshold,
            clips=self._clips,
            doubts=self._doubts,
            following=following,
        )

    def _assemble(self, transitions: list[Transition]) -> list[Shot]:
        shots = []
        for local in transitions:
            transition = local.shifted(self._first_frame)
            self._transitions.append(transition)
            shots += self._assembler.add(transition)
            if self._ends_with(transition):
                frame = transition.frame
                self.following = Beginning(frame, self.ticks_at(frame), self._assembler.next_ordinal, transition)
                break  # the next chapter finds the rest itself
        self._shots += shots
        self._check(shots)
        return shots

    def _check(self, shots: list[Shot]) -> None:
        for shot in shots:
            self._doubts += self._checker.check(shot)

    def _ends_with(self, transition: Transition) -> bool:
        """Whether the next chapter begins here: at a cut, if what comes after it is still at hand."""
        if self._target is None or transition.kind != "cut":
            return False  # a picture that comes out of black or out of another is judged by what came before
        frame = transition.frame
        if not self._first_frame < frame < self.next_frame or self.next_frame - frame > KEPT_PICTURES:
            return False
        return self.ticks_at(frame) >= self._target

    def _end_ticks(self) -> int:
        length = self._last_duration
        if length <= 0 and len(self._ticks) > 1:
            length = int(np.median(np.diff(self._ticks[-25:])))
        if length <= 0:
            length = round(1 / self._fps / self._time_base)
        return self._ticks[-1] + max(1, length)
