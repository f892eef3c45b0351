"""The one decoding pass: every analysis of a footage reads the same decoded frames.

The pass goes chapter by chapter. A chapter begins with a shot, and nothing that is found in it depends on what came
before: when work on a long film was interrupted, it goes on with the chapter that was not finished, and finds the same;
and several processes can read chapters of one footage side by side.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import av
import numpy as np
from av.error import FFmpegError
from celstream_platform.errors import Invalid
from celstream_platform.footage.opening import Opened, open_footage
from numpy.typing import NDArray

from celstream_segmenter.chapter_targets import Search, Targets
from celstream_segmenter.clip_measurements import ClipMeasurer
from celstream_segmenter.detectors import detector_of
from celstream_segmenter.frame_reader import key_packets_before
from celstream_segmenter.full_picture import FullPicture, FullPictureReader
from celstream_segmenter.measurements import FrameMeasurements, FrameMeasurer
from celstream_segmenter.packet_contents import NO_TIME
from celstream_segmenter.packet_index import FootageIndex, packets_through_damage
from celstream_segmenter.rules import SegmentationRules
from celstream_segmenter.shots import Beginning, Shot, ShotAssembler
from celstream_segmenter.small_pictures import SmallPicture, small_picture
from celstream_segmenter.transitions import Transition

FRAMES_PER_REPORT = 50
USUAL_FPS = Fraction(24)  # where the container names no frame rate
KEPT_PICTURES = 512  # a transition is certain at most 300 frames after its end; 25 MB at 1080p
CERTAIN_AFTER = 300  # frames: what has not been found by then is not there
NO_TARGETS = Targets(())


@dataclass(frozen=True, slots=True)
class Chapter:
    """What the pass found in frames [first_frame, end_frame) of the footage, in the decoder's order of output.

    ticks: presentation time of each frame, in time_base (seconds per tick). end_ticks: when the last frame ends.
    corrupt: which frames the decoder had to make up. change: see `Detector.change`. All of them have one value a frame.
    clips: sums up any clip of the chapter. following: the next chapter's beginning; None at the end of the footage.
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
class FramesDecoded:
    """How many frames of the footage have been decoded so far."""

    count: int


@dataclass(frozen=True, slots=True)
class Searched:
    """A search has found a chapter's beginning; ticks, corrupt: of the frames decoded before it, as for a chapter."""

    beginning: Beginning
    ticks: NDArray[np.int64]
    corrupt: NDArray[np.bool_]


class FrameWatcher(Protocol):
    """Is shown what is decoded."""

    def add(self, ordinal: int, frame: av.VideoFrame, motion: float) -> None:
        """Every frame; motion: its mean absolute difference of luma from the one before, 0-255."""

    def judge(self, ordinal: int, change: float) -> None:
        """Some frames later, what the detector makes of it: see `Detector.change`."""


class DecodingPass:
    """Decodes a footage once, from a beginning on, or from where a search finds one."""

    def __init__(
        self,
        path: Path,
        rules: SegmentationRules,
        index: FootageIndex,
        *,
        beginning: Beginning | None = None,
        search: Search | None = None,
        targets: Targets = NO_TARGETS,
        threads: int = 0,
        roughly: bool = False,
        watcher: FrameWatcher | None = None,
    ) -> None:
        """search: in place of a beginning. threads: of the decoder, 0 for one per processor.

        roughly: see `open_footage`.
        """
        self._path = path
        self._rules = rules
        self._index = index
        self._search = search
        self._beginning = search.start if search else beginning or Beginning()
        self._targets = targets
        self._threads = threads
        self._roughly = roughly
        self._watcher = watcher
        self._chapter: _OpenChapter
        self._recent: deque[_Seen] = deque(maxlen=KEPT_PICTURES)

    def recent_picture(self, frame: int) -> SmallPicture | None:
        """The small picture of one of the last KEPT_PICTURES frames, None for an older one."""
        back = self._chapter.next_frame - frame
        return self._recent[-back].picture if 0 < back <= len(self._recent) else None

    def ticks_at(self, frame: int) -> int:
        """When a frame of the chapter at hand begins (the last one ends), in ticks of the video stream."""
        return self._chapter.ticks_at(frame)

    def steps(self) -> Iterator[Searched | Shot | FramesDecoded | Chapter]:
        """Decode: each shot as soon as it is certain, each chapter at its end, a count every FRAMES_PER_REPORT frames.

        After a search what it found comes before all shots; none comes where it found nothing.
        Raises Invalid where no frame can be decoded.
        """
        search = self._search
        with open_footage(self._path, threads=self._threads, roughly=self._roughly) as opened:
            chapter = self._chapter = self._first_chapter(opened)
            recent = self._recent
            last = NO_TIME
            decoded = beyond = 0
            reader = FullPictureReader(_fps(opened))
            for frame in self._decoded(opened):
                if frame.pts is None or frame.pts <= last:
                    continue  # cannot be shown at a time of its own
                last = frame.pts
                picture = small_picture(frame)
                full = reader.read(chapter.next_frame, frame, *picture.luma.shape[::-1])
                seen = _Seen(frame.pts, frame.duration, frame.is_corrupt, picture, full)
                recent.append(seen)
                shots = chapter.add(seen, frame)
                if self._watcher is not None:
                    self._watcher.add(chapter.next_frame - 1, frame, chapter.motion)
                    for ordinal, change in chapter.newly_judged():
                        self._watcher.judge(ordinal, change)
                decoded += 1
                if search is None:
                    yield from shots
                if decoded % FRAMES_PER_REPORT == 0:
                    yield FramesDecoded(decoded)
                while (following := chapter.following) is not None:
                    if search is None:
                        yield chapter.closed()
                    elif search.before_ticks is not None and following.ticks >= search.before_ticks:
                        return
                    else:
                        passed_over = chapter.closed()
                        yield Searched(following, passed_over.ticks, passed_over.corrupt)
                        search = None
                    again = list(recent)[following.frame - chapter.next_frame :]
                    again[0] = again[0].as_first()
                    chapter = self._chapter = chapter.followed(self._targets.next_after(following.ticks))
                    for seen in again:
                        yield from chapter.add(seen, None)
                if search is not None and search.before_ticks is not None and last >= search.before_ticks:
                    beyond += 1
                    if beyond > CERTAIN_AFTER:
                        return
        if search is not None:
            return
        if chapter.next_frame == 0:
            raise Invalid(f"{self._path.name}: no frame can be decoded. Give a file that plays.")
        yield from chapter.finish()
        yield chapter.closed()

    def _first_chapter(self, opened: Opened) -> "_OpenChapter":
        target = self._search.from_ticks if self._search else self._targets.next_after(self._beginning.ticks)
        time_base = Fraction(opened.video.time_base or Fraction(1, 1000))
        return _OpenChapter(self._beginning, self._rules, time_base, _fps(opened), target)

    def _decoded(self, opened: Opened) -> Iterator[av.VideoFrame]:
        beginning = self._beginning
        if beginning.frame == 0:
            return decoded_frames(opened)
        video = self._index.video
        frame = int(np.searchsorted(video.frame_ticks, beginning.ticks))
        key = key_packets_before(video, frame)[0]
        opened.container.seek(int(video.packet_pts[key]), stream=opened.video, backward=True)
        return (f for f in decoded_frames(opened) if f.pts is not None and f.pts >= beginning.ticks)


def _fps(opened: Opened) -> Fraction:
    return Fraction(opened.video.average_rate or opened.video.guessed_rate or USUAL_FPS)


def decoded_frames(opened: Opened) -> Iterator[av.VideoFrame]:
    """All frames that the decoder gives, in display order; what cannot be read or decoded is passed over."""
    for packet in packets_through_damage(opened.container, (opened.video,)):
        if packet is not None:
            try:
                yield from packet.decode()
            except FFmpegError:
                continue  # the frames that it should have shown are missing when the index is compared
    with suppress(FFmpegError):
        yield from opened.video.codec_context.decode(None)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is kept of a decoded frame."""

    ticks: int
    duration: int
    corrupt: bool
    picture: SmallPicture
    full: FullPicture

    def as_first(self) -> "_Seen":
        """The same, as the first frame of a chapter: nothing is known of the frame before it."""
        return replace(self, full=replace(self.full, bottom_before=None))


class _OpenChapter:
    """A chapter that is being read."""

    def __init__(
        self, beginning: Beginning, rules: SegmentationRules, time_base: Fraction, fps: Fraction, target: int | None
    ) -> None:
        """target: from what time on a hard cut ends the chapter, ticks; None for none."""
        self._first_frame = beginning.frame
        self._rules = rules
        self._time_base = time_base
        self._fps = fps
        self._detector = detector_of(rules.detector, float(fps))
        self._target = target if self._detector.restarts else None
        self._measurer = FrameMeasurer()
        self._clips = ClipMeasurer(beginning.frame)
        self._assembler = ShotAssembler(beginning.frame, beginning.shot_ordinal, beginning.opening)
        self._ticks: list[int] = []
        self._corrupt: list[bool] = []
        self._transitions: list[Transition] = []
        self._shots: list[Shot] = []
        self._last_duration = self._judged = 0
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

    def add(self, seen: _Seen, frame: av.VideoFrame | None) -> list[Shot]:
        """Take the next frame; the shots that are certain by now."""
        self._ticks.append(seen.ticks)
        self._corrupt.append(seen.corrupt)
        self._last_duration = seen.duration
        self.motion = self._measurer.add(seen.picture.luma)
        self._clips.add(float(seen.ticks * self._time_base), seen.picture, seen.full)
        if self.following is not None:
            return []
        return self._assemble(self._detector.push(seen.picture, frame))

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
        return [*shots, *last]

    def followed(self, target: int | None) -> "_OpenChapter":
        """The next chapter, without its frames; target: as for this one."""
        assert self.following is not None
        return _OpenChapter(self.following, self._rules, self._time_base, self._fps, target)

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
        return shots

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
