"""The one decoding pass: every analysis of a footage reads the same decoded frames.

The pass goes chapter by chapter. A chapter begins with a shot, and nothing that is found in it depends on what came
before: when work on a long film was interrupted, it goes on with the chapter that was not finished, and finds the same;
and several processes can read chapters of one footage side by side.
"""

from collections import deque
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Protocol

import av
import numpy as np
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream
from celstream_platform.errors import Invalid
from celstream_platform.footage.opening import main_video
from numpy.typing import NDArray

from celstream_segmenter.chapter import KEPT_PICTURES, Chapter, OpenChapter, Seen
from celstream_segmenter.chapter_targets import Search, Targets
from celstream_segmenter.frame_reader import key_packets_before
from celstream_segmenter.full_picture import FullPictureReader
from celstream_segmenter.opened_file import OpenedFile
from celstream_segmenter.packet_contents import NO_TIME
from celstream_segmenter.packet_index import FootageIndex
from celstream_segmenter.rules import SegmentationRules
from celstream_segmenter.second_opinion import Asked
from celstream_segmenter.shots import Beginning, Shot
from celstream_segmenter.small_pictures import SmallPicture, small_picture

FRAMES_PER_REPORT = 50
USUAL_FPS = Fraction(24)  # where the container names no frame rate
ROUGH_ROWS = 2  # of a large frame for each of the small picture: enough for transitions …
ROUGH_ROWS_MEASURED = 4  # … and for what is measured, which sees a mouth open
CERTAIN_AFTER = 300  # frames: what has not been found by then is not there
GROUP_BYTES = 24 * 2**20  # of decoded frames that are looked at one after the other: eight of 1080p …
LARGEST_GROUP = 16  # … and no more of smaller ones
NO_TARGETS = Targets(())


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
        measured: bool = True,
        watcher: FrameWatcher | None = None,
        asked: Asked | None = None,
    ) -> None:
        """search: in place of a beginning. threads: of the decoder, 0 for one per processor.

        roughly: see `open_footage`; nor are all rows of a frame looked at. measured: whether clips shall be measured as
        well; else `Chapter.clips` is empty. asked: see `second_opinion`.
        """
        self._path = path
        self._rules = rules
        self._index = index
        self._search = search
        self._beginning = search.start if search else beginning or Beginning()
        self._targets = targets
        self._threads = threads
        self._roughly = roughly
        self._rows = None if not roughly else ROUGH_ROWS_MEASURED if measured else ROUGH_ROWS
        self._measured = measured
        self._watcher, self._asked = watcher, asked
        self._chapter: OpenChapter
        self._decoded_up_to = 0
        self.frames_decoded = 0
        self._recent: deque[Seen] = deque(maxlen=KEPT_PICTURES)

    def recent_picture(self, frame: int) -> SmallPicture | None:
        """The small picture of one of the last KEPT_PICTURES frames, None for an older one."""
        back = self._decoded_up_to - frame
        return self._recent[-back].picture if 0 < back <= len(self._recent) else None

    def ticks_at(self, frame: int) -> int:
        """When a frame of the chapter at hand begins (the last one ends), in ticks of the video stream."""
        return self._chapter.ticks_at(frame)

    def forget(self) -> None:
        """Let go of the pictures and the chapter at hand: it is over, and its results are out."""
        self._recent.clear()
        del self._chapter

    def steps(self) -> Generator[Searched | Shot | FramesDecoded | Chapter, None, None]:
        """Decode: each shot as soon as it is certain, each chapter at its end, a count every FRAMES_PER_REPORT frames.

        After a search what it found comes before all shots; none comes where it found nothing.
        Raises Invalid where no frame can be decoded.
        """
        search = self._search
        with OpenedFile(self._path) as file:
            video = main_video(file.container, self._path.name, threads=self._threads, roughly=self._roughly)
            fps = Fraction(file.rate(video) or USUAL_FPS)
            chapter = self._chapter = self._first_chapter(video, fps)
            recent = self._recent
            beyond = 0
            for seen, frame in self._seen(file, video, fps):
                recent.append(seen)
                self._decoded_up_to = chapter.next_frame + 1
                shots = chapter.add(seen, frame)
                if self._watcher is not None:
                    self._watcher.add(chapter.next_frame - 1, frame, chapter.motion)
                    for ordinal, change in chapter.newly_judged():
                        self._watcher.judge(ordinal, change)
                self.frames_decoded += 1
                if search is None:
                    yield from shots
                if self.frames_decoded % FRAMES_PER_REPORT == 0:
                    yield FramesDecoded(self.frames_decoded)
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
                if search is not None and search.before_ticks is not None and seen.ticks >= search.before_ticks:
                    beyond += 1
                    if beyond > CERTAIN_AFTER:
                        return
        if search is not None:
            return
        if chapter.next_frame == 0:
            raise Invalid(f"{self._path.name}: no frame can be decoded. Give a file that plays.")
        yield from chapter.finish()
        yield chapter.closed()

    def _first_chapter(self, video: VideoStream, fps: Fraction) -> OpenChapter:
        target = self._search.from_ticks if self._search else self._targets.next_after(self._beginning.ticks)
        time_base = Fraction(video.time_base or Fraction(1, 1000))
        return OpenChapter(self._beginning, self._rules, time_base, fps, target, self.recent_picture, self._asked)

    def _seen(self, file: OpenedFile, video: VideoStream, fps: Fraction) -> Iterator[tuple[Seen, av.VideoFrame]]:
        """The frames, and what is kept of each."""
        reader = FullPictureReader(fps) if self._measured else None
        number, last = self._chapter.next_frame, NO_TIME
        for group in groups(self._decoded(file, video)):
            seen: list[tuple[Seen, av.VideoFrame]] = []
            for frame in group:
                if frame.pts is None or frame.pts <= last:
                    continue  # cannot be shown at a time of its own
                picture = small_picture(frame, rows=self._rows)
                full = reader.read(number, frame, *picture.luma.shape[::-1]) if reader else None
                seen.append((Seen(frame.pts, frame.duration, frame.is_corrupt, picture, full), frame))
                number, last = number + 1, frame.pts
            yield from seen

    def _decoded(self, file: OpenedFile, video: VideoStream) -> Iterator[av.VideoFrame]:
        # A seek may open the file anew, for another part of it: the decoder is still that of `video`.
        decoder, beginning = video.codec_context, self._beginning
        if beginning.frame == 0:
            return decoded_frames(file, video.index, decoder)
        index = self._index.video
        frame = int(np.searchsorted(index.frame_ticks, beginning.ticks))
        file.seek(video.index, int(index.packet_pts[key_packets_before(index, frame)[0]]))
        frames = decoded_frames(file, video.index, decoder)
        return (f for f in frames if f.pts is not None and f.pts >= beginning.ticks)


def decoded_frames(file: OpenedFile, stream_index: int, decoder: VideoCodecContext) -> Iterator[av.VideoFrame]:
    """All frames that the decoder gives, in display order; what cannot be read or decoded is passed over."""
    for packet in file.packets(stream_index):
        if packet is not None:
            try:
                yield from decoder.decode(packet)
            except FFmpegError:
                continue  # the frames that it should have shown are missing when the index is compared
    with suppress(FFmpegError):
        yield from decoder.decode(None)


def groups(frames: Iterator[av.VideoFrame]) -> Iterator[list[av.VideoFrame]]:
    """The same frames, several at a time.

    Decoding drives all else out of the processor's caches: what is done with a single frame after that takes a third
    longer than what is done with the next one at once.
    """
    for first in frames:
        size = max(1, sum(plane.buffer_size for plane in first.planes))
        yield [first, *islice(frames, min(LARGEST_GROUP, max(1, GROUP_BYTES // size)) - 1)]
