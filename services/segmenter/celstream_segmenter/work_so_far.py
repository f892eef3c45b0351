"""Work so far: what is known of a footage, chapter by chapter; it can be saved, and gone on with."""

from fractions import Fraction
from typing import Self

import msgspec
from celstream_protos.v1 import clip_pb2, envelope_pb2

from celstream_segmenter.clip_events import doubt_message, rational, shot_message, transition_message
from celstream_segmenter.found import ChapterRead, Resumption
from celstream_segmenter.shots import Beginning


class _Saved(msgspec.Struct, frozen=True):
    """A checkpoint: messages of the contracts as their bytes, and where to go on."""

    clips: list[bytes]
    rejections: list[bytes]
    analysis: bytes
    first_ticks: int
    resumption: Resumption


class WorkSoFar:
    """Clips, rejections and the analysis of one footage, as far as they are known."""

    def __init__(self, footage_id: str) -> None:
        self.clips: list[clip_pb2.Clip] = []
        self.rejections: list[envelope_pb2.Rejection] = []
        self.analysis = clip_pb2.FootageAnalysis(footage_id=footage_id)
        self.resumption: Resumption | None = None
        """Where to go on; None at the start and at the end."""
        self._first_ticks = 0
        self._ticks = bytearray()
        self._corrupt = bytearray()

    @property
    def ended(self) -> bool:
        """Whether the last chapter has been taken in."""
        return self.resumption is None and self.analysis.frames > 0

    def end_chapter(self, chapter: ChapterRead) -> None:
        """Take in what was found in a chapter whose clips and rejections are there."""
        if chapter.first_frame == 0:
            self._first_ticks = int(chapter.ticks[0])
        analysis = self.analysis
        analysis.frames = chapter.first_frame + len(chapter.ticks)
        analysis.time_base.CopyFrom(rational(chapter.time_base))
        analysis.duration_seconds = float((chapter.end_ticks - self._first_ticks) * Fraction(*chapter.time_base))
        analysis.transitions.extend(transition_message(transition) for transition in chapter.transitions)
        analysis.shots.extend(shot_message(shot) for shot in chapter.shots)
        analysis.doubts.extend(doubt_message(doubt) for doubt in chapter.doubts)
        analysis.change.extend(chapter.change.tolist())
        analysis.change_threshold = chapter.change_threshold
        analysis.detector = chapter.detector
        self._ticks += chapter.ticks.tobytes()
        self._corrupt += chapter.corrupt.tobytes()
        self.resumption = self._resumption(chapter.following) if chapter.following else None

    def save(self) -> bytes:
        """The work up to the end of a chapter that is not the last one. Raises ValueError elsewhere."""
        if self.resumption is None:
            raise ValueError("there is nothing to go on with: the footage has not begun, or has ended")
        return msgspec.msgpack.encode(
            _Saved(
                [clip.SerializeToString(deterministic=True) for clip in self.clips],
                [rejection.SerializeToString(deterministic=True) for rejection in self.rejections],
                self.analysis.SerializeToString(deterministic=True),
                self._first_ticks,
                self.resumption,
            )
        )

    @classmethod
    def load(cls, state: bytes) -> Self:
        """What `save` gave."""
        saved = msgspec.msgpack.decode(state, type=_Saved)
        analysis = clip_pb2.FootageAnalysis.FromString(saved.analysis)
        work = cls(analysis.footage_id)
        work.clips = [clip_pb2.Clip.FromString(data) for data in saved.clips]
        work.rejections = [envelope_pb2.Rejection.FromString(data) for data in saved.rejections]
        work.analysis = analysis
        work.resumption = saved.resumption
        work._first_ticks = saved.first_ticks
        work._ticks += saved.resumption.ticks
        work._corrupt += saved.resumption.corrupt
        return work

    def _resumption(self, following: Beginning) -> Resumption:
        return Resumption(following, bytes(self._ticks), bytes(self._corrupt))
