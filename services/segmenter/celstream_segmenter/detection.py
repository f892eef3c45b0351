"""Footage to shots: runs in the limited child process, where the untrusted file is read.

index → decode chapter by chapter → transitions → shots, measured where that is wanted; each result is reported at once.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from celstream_segmenter.analysis import DecodingPass, FramesDecoded, FrameWatcher, Searched
from celstream_segmenter.chapter import Chapter
from celstream_segmenter.chapter_targets import Targets, chapter_targets
from celstream_segmenter.decoded_so_far import DecodedSoFar
from celstream_segmenter.found import (
    ChapterBegun,
    ChapterRead,
    FoundInShare,
    Resumption,
    ShotFound,
    ShotMeasured,
    Working,
)
from celstream_segmenter.free_memory import hand_back
from celstream_segmenter.packet_index import FootageIndex, index_footage
from celstream_segmenter.rules import SegmentationRules
from celstream_segmenter.second_opinion import Asked
from celstream_segmenter.share import Share
from celstream_segmenter.shots import Beginning, Shot

ROUGHLY_FROM_HEIGHT = 720  # pixels
WHOLE = Share()
"""All chapters of a footage, in one process."""


def detect(
    path: Path,
    rules: SegmentationRules,
    resumption: Resumption | None = None,
    share: Share = WHOLE,
    *,
    measured: bool = False,
    folder: Path | None = None,
    asked: Asked | None = None,
) -> Iterator[FoundInShare]:
    """Find the shots of a footage, and everything about each chapter at its end, from where `resumption` says on.

    share: which of the chapters; the others are another process's. measured: measure the shots as well. folder: for the
    index of a long film. asked: see `second_opinion`. Raises Invalid where nothing can be decoded.
    """
    work = Work(path, rules, resumption, folder, asked)
    # Nothing is kept of the frames themselves, and many of their pixels become one of a small picture.
    roughly = work.index.video.height >= ROUGHLY_FROM_HEIGHT
    for decoding, step in steps(work, share, roughly=roughly, measured=measured):
        if isinstance(step, Chapter):
            if measured:
                yield from (_measured(step, shot, rules) for shot in step.shots)
            yield chapter_read(step, rules, work.targets)
            work.index.shelf.let_go()
        else:
            yield report(step, decoding, work)


class Work:
    """A footage that is being read: its index, its chapters, and what the decoder gave so far."""

    def __init__(
        self,
        path: Path,
        rules: SegmentationRules,
        resumption: Resumption | None,
        folder: Path | None = None,
        asked: Asked | None = None,
    ) -> None:
        """folder: for the index of a long film. asked: see `second_opinion`."""
        index = index_footage(path, folder)
        hand_back()  # two hours of film take a quarter more memory while they are indexed than afterwards
        self.path, self.rules, self.asked = path, rules, asked
        self.beginning = resumption.beginning if resumption else Beginning()
        self.targets = chapter_targets(index, rules.chapter_seconds, self.beginning)
        if resumption:
            ticks, corrupt = np.frombuffer(resumption.ticks, np.int64), np.frombuffer(resumption.corrupt, np.bool_)
            before = DecodedSoFar(index)
            before.add(ticks, corrupt)
            index = before.reconciled(self.beginning)
        self.index = index
        self._so_far = DecodedSoFar(index)
        if resumption:
            self._so_far.add(ticks, corrupt)
        index.shelf.let_go()

    def skip_to(self, searched: Searched) -> None:
        """Another process reads what is before: what this one has not seen of it is taken as the index has it."""
        self._so_far = DecodedSoFar(self.index)
        self._so_far.add_unseen(searched.beginning.frame - len(searched.ticks))
        self._so_far.add(searched.ticks, searched.corrupt)

    def decoded(self, chapter: Chapter) -> FootageIndex:
        """The index by what the decoder gave up to the end of a chapter that follows the one before."""
        self._so_far.add(chapter.ticks, chapter.corrupt)
        return self._so_far.reconciled(chapter.following)


def steps(
    work: Work, share: Share, watcher: FrameWatcher | None = None, *, roughly: bool = False, measured: bool = True
) -> Iterator[tuple[DecodingPass, Searched | Shot | FramesDecoded | Chapter]]:
    """The steps of decoding the chapters of a share."""
    targets = work.targets
    threads = 1 if share.count > 1 else 0
    decoded, next_turn = 0, 0
    for turn in share.turns(len(targets.ticks)):
        if turn < next_turn:
            continue  # the chapter before goes on past it
        decoding = DecodingPass(
            work.path,
            work.rules,
            work.index,
            beginning=work.beginning,
            search=targets.search(turn, work.index.video) if turn else None,
            targets=targets,
            threads=threads,
            roughly=roughly,
            measured=measured,
            watcher=watcher,
            asked=work.asked,
        )
        reading = decoding.steps()
        for step in reading:
            if isinstance(step, FramesDecoded):
                yield decoding, FramesDecoded(decoded + step.count)
                continue
            if not isinstance(step, Chapter):
                yield decoding, step
                continue
            yield decoding, FramesDecoded(decoded + decoding.frames_decoded)  # nobody may listen after the chapter
            next_turn = len(targets.ticks) + 1 if step.following is None else targets.turn_at(step.following.ticks)
            over = step.following is None or not share.has(next_turn)
            if over:
                # Cutting opens the footage anew: where its packets lie need not be in memory twice, nor its pictures.
                reading.close()
                decoding.forget()
            yield decoding, step
            if over:
                break
        decoded += decoding.frames_decoded


def report(
    step: Searched | Shot | FramesDecoded, decoding: DecodingPass, work: Work
) -> Working | ShotFound | ChapterBegun:
    """A step as those outside are told of it."""
    index = work.index
    if isinstance(step, Searched):
        return ChapterBegun(step.beginning)
    if isinstance(step, FramesDecoded):
        return Working(step.count, index.frame_count)
    return ShotFound(
        step,
        index.time_base.as_integer_ratio(),
        decoding.ticks_at(step.start_frame),
        decoding.ticks_at(step.end_frame),
    )


def _measured(chapter: Chapter, shot: Shot, rules: SegmentationRules) -> ShotMeasured:
    frames = chapter.measured(shot.start_frame, shot.end_frame)
    return ShotMeasured(
        ordinal=shot.ordinal,
        brightness=frames.mean_brightness,
        motion=frames.mean_motion,
        sharpness=frames.mean_sharpness,
        measurements=chapter.clips.clip(
            shot.start_frame,
            shot.end_frame,
            frames,
            black_mean_luma=rules.black_mean_luma,
            black_peak_luma=rules.black_peak_luma,
        ),
    )


def chapter_read(chapter: Chapter, rules: SegmentationRules, targets: Targets) -> ChapterRead:
    """Everything about a chapter, as those outside are told of it."""
    time_base = chapter.time_base.as_integer_ratio()
    return ChapterRead(
        first_frame=chapter.first_frame,
        time_base=time_base,
        ticks=chapter.ticks,
        end_ticks=chapter.end_ticks,
        corrupt=chapter.corrupt,
        transitions=chapter.transitions,
        shots=[
            ShotFound(shot, time_base, chapter.ticks_at(shot.start_frame), chapter.ticks_at(shot.end_frame))
            for shot in chapter.shots
        ],
        change=np.array(chapter.change, np.float32),
        change_threshold=chapter.change_threshold,
        detector=rules.detector,
        doubts=list(chapter.doubts),
        following=chapter.following,
        following_turn=targets.turn_at(chapter.following.ticks) if chapter.following else 0,
    )
