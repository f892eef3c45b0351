"""Kept frames: the first and last frame of a clip, of which still pictures are made.

They are wanted as soon as a shot is known, some seconds after they were decoded. Frames at which the picture changes
strongly are therefore kept for a while, and those at which it begins or ceases to move, as it does where a dissolve or
a fade has its ends.
"""

from collections import deque

import av

from celstream_segmenter.frame_checksum import frame_checksum

KEPT_BYTES = 84 * 2**20  # of decoded frames: 28 of 1080p
JUDGED_AFTER = 12  # frames: by then the detector has said what it makes of one
OLDEST_WANTED = 300  # frames; a shot is certain so long after its end at most
STRONG_CHANGE = 3.0  # mean absolute difference of luma, 0-255; cuts between unlike pictures lie above it
CHANGE_WEIGHT = 256.0  # of the detector's word, 0-1, against motion: a cut outweighs the strongest flash
STEADY = 4  # frames on either side, all of which move more, or less, than those on the other: held drawings alternate
STEP = 1.0  # by so much, in motion; camera noise lies below
STEP_WEIGHT = 64.0  # of such a step, against motion: it outweighs all but flashes


class FrameKeeper:
    """Keeps those recent frames that are likeliest to begin or end a shot: `kept_bytes` of them."""

    def __init__(self, kept_bytes: int = KEPT_BYTES) -> None:
        self._kept: dict[int, tuple[float, av.VideoFrame]] = {}
        self._kept_bytes = kept_bytes
        self._newest: tuple[int, av.VideoFrame] | None = None
        self._last: deque[tuple[int, av.VideoFrame]] = deque(maxlen=STEADY + 1)
        self._motions: deque[float] = deque(maxlen=2 * STEADY)
        self.keys: dict[int, int] = {}
        """`frame_checksum` of every key frame, by its time in ticks."""

    def add(self, ordinal: int, frame: av.VideoFrame, motion: float) -> None:
        """Take the next frame; `motion` is its mean absolute luma difference from the one before."""
        if frame.key_frame and not frame.is_corrupt and frame.pts is not None:
            self.keys[frame.pts] = frame_checksum(frame)
        if motion >= STRONG_CHANGE or self._newest is None:
            if self._newest is not None:
                self._keep(*self._newest, motion)
            self._keep(ordinal, frame, motion)
        self._newest = (ordinal, frame)
        self._last.append(self._newest)
        self._motions.append(motion)
        if (step := self._step()) >= STEP:
            for beside, steady in tuple(self._last)[:2]:
                self._keep(beside, steady, STEP_WEIGHT + step)

    def judge(self, ordinal: int, change: float) -> None:
        """What the detector makes of a frame, 0-1, some frames after it was added: flashes move, but begin no shot."""
        for beside in (ordinal - 1, ordinal):
            if beside in self._kept:
                weight, frame = self._kept[beside]
                self._kept[beside] = (max(weight, CHANGE_WEIGHT * change), frame)

    def forget_before(self, ordinal: int) -> None:
        """Let go of the frames before this one: nobody will ask for them."""
        self._kept = {kept: item for kept, item in self._kept.items() if kept >= ordinal}

    def get(self, ordinal: int) -> av.VideoFrame | None:
        """The frame, if it was kept."""
        if self._newest is not None and self._newest[0] == ordinal:
            return self._newest[1]
        return self._kept[ordinal][1] if ordinal in self._kept else None

    def _step(self) -> float:
        """By how much all frames after the second of the last ones move more, or less, than those before it."""
        if len(self._motions) < 2 * STEADY:
            return 0.0
        motions = tuple(self._motions)
        before, after = motions[:STEADY], motions[STEADY:]
        return max(min(after) - max(before), min(before) - max(after))

    def _keep(self, ordinal: int, frame: av.VideoFrame, weight: float) -> None:
        self._kept[ordinal] = (max(weight, self._kept.get(ordinal, (0.0, frame))[0]), frame)
        self._make_room(ordinal, max(2, self._kept_bytes // max(1, sum(p.buffer_size for p in frame.planes)) - STEADY))

    def _make_room(self, newest: int, room: int) -> None:
        """Let go of what is too old to be asked for, then of the weakest changes: a cut is stronger than motion."""
        while len(self._kept) > room:
            oldest = next(iter(self._kept))
            if oldest < newest - OLDEST_WANTED:
                del self._kept[oldest]
            else:
                judged = [ordinal for ordinal in self._kept if ordinal < newest - JUDGED_AFTER]
                del self._kept[min(judged or self._kept, key=lambda ordinal: self._kept[ordinal][0])]
