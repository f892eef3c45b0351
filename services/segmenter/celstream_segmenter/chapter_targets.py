"""Chapter targets: at what times of a footage the next hard cut begins a new chapter.

The times follow from the packets alone, so that every process that reads a part of the footage knows all of them, and
the chapters are the same however many processes there are.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from celstream_segmenter.frame_reader import key_packets_before
from celstream_segmenter.packet_index import FootageIndex, VideoIndex
from celstream_segmenter.share import chapter_length
from celstream_segmenter.shots import Beginning

LEAST_LAST = 1 / 3  # of a chapter's length: a shorter rest at the end of the footage stays with the chapter before
MOVED = 1 / 4  # of a chapter's length: a target moves by so much at most, to a place that is cheap to begin at
WARM_UP_SECONDS = 1.0  # of footage that the detector has seen before a cut that it is believed


@dataclass(frozen=True, slots=True)
class Search:
    """A chapter begins with the first hard cut in [from_ticks, before_ticks), if there is one; decode from `start` on.

    before_ticks: None for no limit.
    """

    start: Beginning
    from_ticks: int
    before_ticks: int | None


@dataclass(frozen=True, slots=True)
class Targets:
    """The targets after a beginning, in ticks of the video stream, rising.

    The chapter of turn n begins with the first hard cut from target n - 1 on and before target n; that of turn 0 is
    the beginning itself. A turn without a hard cut has no chapter: the one before goes on.
    """

    ticks: Sequence[int]

    def turn_at(self, ticks: int) -> int:
        """Whose turn a chapter is that begins at this time."""
        return bisect_right(self.ticks, ticks)

    def next_after(self, ticks: int) -> int | None:
        """From what time on a hard cut ends the chapter that began at `ticks`; None for the footage's end."""
        turn = self.turn_at(ticks)
        return self.ticks[turn] if turn < len(self.ticks) else None

    def search(self, turn: int, video: VideoIndex) -> Search:
        """How to find the chapter of a turn from 1 on, without what comes before."""
        target = self.ticks[turn - 1]
        frame = int(np.searchsorted(video.frame_ticks, target - int(WARM_UP_SECONDS / video.time_base)))
        key = key_packets_before(video, min(frame, len(video.frame_ticks) - 1))[0]
        start = int(np.searchsorted(video.frame_ticks, video.packet_pts[key]))
        before = self.ticks[turn] if turn < len(self.ticks) else None
        return Search(Beginning(start, int(video.frame_ticks[start])), target, before)


def chapter_targets(index: FootageIndex, seconds: float, beginning: Beginning) -> Targets:
    """A target every `seconds` of the footage; those at or before the beginning are left out.

    A footage that is shorter than two chapters is halved, for two processes to share.
    """
    video = index.video
    first, end = int(video.frame_ticks[0]), video.end_ticks
    step = chapter_length((end - first) * float(video.time_base), seconds) / float(video.time_base)
    keys = _irregular_keys(video)
    count = int((end - first) / step - LEAST_LAST)

    def cost(key: tuple[int, int]) -> int:
        """What is decoded twice; where there are two chapters the longer one, for it decides when all is done."""
        begins, twice = key
        return max(begins - first, end - begins + twice) if count == 1 else twice

    found = []
    for number in range(1, count + 1):
        target = round(first + number * step)
        near = [key for key in keys if abs(key[0] - target) <= MOVED * step]
        found.append(min(near, key=cost)[0] if near else target)
    begun = beginning.ticks if beginning.frame else first
    return Targets([target for target in found if target > begun])


def _irregular_keys(video: VideoIndex) -> list[tuple[int, int]]:
    """Key frames that an encoder put where the picture changes: time, and how much has to be decoded before it, ticks.

    They come sooner after the one before than the longest run of frames without one.
    """
    shown = np.searchsorted(video.frame_ticks, video.packet_pts[video.key_packets()])
    frames = np.unique(shown[shown < len(video.frame_ticks)])
    gaps = np.diff(frames)
    longest = int(gaps.max(initial=0))
    times = video.frame_ticks[frames]
    warm_up = int(WARM_UP_SECONDS / video.time_base)
    return [
        (int(times[i + 1]), int(times[i + 1] - times[_last_before(times, int(times[i + 1]) - warm_up)]))
        for i, gap in enumerate(gaps)
        if gap < longest
    ]


def _last_before(times: "np.ndarray[tuple[int], np.dtype[np.int64]]", ticks: int) -> int:
    return max(0, int(np.searchsorted(times, ticks, side="right")) - 1)
