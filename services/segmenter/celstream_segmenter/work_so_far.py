"""Work so far: what is known of a footage, chapter by chapter; it can be saved, and gone on with."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Self

import msgspec
from celstream_protos.v1 import clip_pb2, envelope_pb2

from celstream_segmenter.clip_events import doubt_message, rational, shot_message, transition_message
from celstream_segmenter.found import ChapterRead, Resumption
from celstream_segmenter.shots import Beginning


class _Part(msgspec.Struct, frozen=True):
    """What one chapter brought: messages of the contracts as their bytes, and where to go on.

    analysis: of this chapter alone. first_ticks: when the footage begins. ticks, corrupt: see Resumption.
    """

    clips: list[bytes]
    rejections: list[bytes]
    analysis: bytes
    first_ticks: int
    following: Beginning
    ticks: bytes
    corrupt: bytes


class WorkSoFar:
    """Clips, rejections and the analysis of one footage, as far as they are known."""

    def __init__(self, footage_id: str) -> None:
        self.clips: list[clip_pb2.Clip] = []
        self.rejections: list[envelope_pb2.Rejection] = []
        self.analysis = clip_pb2.FootageAnalysis(footage_id=footage_id)
        self.part: bytes | None = None
        """The chapter that ended last, to be saved beside those before it; None at the start and at the end."""
        self._following: Beginning | None = None
        self._first_ticks = 0
        self._ticks = bytearray()
        self._corrupt = bytearray()
        self._in_parts = 0, 0  # clips and rejections of the chapters that have ended

    @property
    def resumption(self) -> Resumption | None:
        """Where to go on; None at the start and at the end."""
        return Resumption(self._following, bytes(self._ticks), bytes(self._corrupt)) if self._following else None

    @property
    def ended(self) -> bool:
        """Whether the last chapter has been taken in."""
        return self._following is None and self.analysis.frames > 0

    def end_chapter(self, chapter: ChapterRead) -> None:
        """Take in what was found in a chapter whose clips and rejections are there."""
        if chapter.first_frame == 0:
            self._first_ticks = int(chapter.ticks[0])
        duration = (chapter.end_ticks - self._first_ticks) * Fraction(*chapter.time_base)
        analysis = clip_pb2.FootageAnalysis(
            frames=chapter.first_frame + len(chapter.ticks),
            time_base=rational(chapter.time_base),
            duration_seconds=float(duration),
            transitions=[transition_message(transition) for transition in chapter.transitions],
            shots=[shot_message(shot) for shot in chapter.shots],
            doubts=[doubt_message(doubt) for doubt in chapter.doubts],
            change=chapter.change.tolist(),
            change_threshold=chapter.change_threshold,
            detector=chapter.detector,
        )
        clips, rejections = self._in_parts
        ticks, corrupt, following = chapter.ticks.tobytes(), chapter.corrupt.tobytes(), chapter.following
        self.part = None
        if following is not None:
            part = _Part(
                [clip.SerializeToString(deterministic=True) for clip in self.clips[clips:]],
                [rejection.SerializeToString(deterministic=True) for rejection in self.rejections[rejections:]],
                analysis.SerializeToString(deterministic=True),
                self._first_ticks,
                following,
                ticks,
                corrupt,
            )
            self.part = msgspec.msgpack.encode(part)
        self._go_on(analysis, following, ticks, corrupt)

    @classmethod
    def of_parts(cls, footage_id: str, parts: Sequence[bytes]) -> Self:
        """The work that these chapters brought, from the first one on."""
        work = cls(footage_id)
        for data in parts:
            part = msgspec.msgpack.decode(data, type=_Part)
            work.clips += [clip_pb2.Clip.FromString(clip) for clip in part.clips]
            work.rejections += [envelope_pb2.Rejection.FromString(rejection) for rejection in part.rejections]
            work._first_ticks = part.first_ticks
            analysis = clip_pb2.FootageAnalysis.FromString(part.analysis)
            work._go_on(analysis, part.following, part.ticks, part.corrupt)
        return work

    def _go_on(
        self, analysis: clip_pb2.FootageAnalysis, following: Beginning | None, ticks: bytes, corrupt: bytes
    ) -> None:
        self.analysis.MergeFrom(analysis)  # what is listed is added, all else replaced
        self._following = following
        self._ticks += ticks
        self._corrupt += corrupt
        self._in_parts = len(self.clips), len(self.rejections)
