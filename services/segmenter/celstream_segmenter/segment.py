"""Footage to clips: runs in the limited child process, where the untrusted file is read.

index → decode once → shots → plan → stills → cut and prove; each result is reported as soon as it is there.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from celstream_platform.errors import Invalid

from celstream_segmenter.analysis import Analysis, DecodingPass, FramesDecoded
from celstream_segmenter.clip_plan import PlannedClip, Refusal, damaged_ranges, plan
from celstream_segmenter.found import Analysed, ClipMade, Found, Refused, ShotFound, SoundTrack, Working
from celstream_segmenter.frame_reader import FrameReader
from celstream_segmenter.lossless_cut import Cutter
from celstream_segmenter.measurements import FrameMeasurements, FrameMeasurer
from celstream_segmenter.packet_index import FootageIndex, index_footage
from celstream_segmenter.rules import SegmentationRules
from celstream_segmenter.shots import Shot
from celstream_segmenter.small_pictures import small_picture
from celstream_segmenter.still_files import StillFiles
from celstream_segmenter.stills import FrameKeeper


def detect(path: Path, rules: SegmentationRules) -> Iterator[Found]:
    """Find the shots of a footage, and at the end everything about it. Raises Invalid where nothing can be decoded."""
    index = index_footage(path)
    decoding = DecodingPass(path, rules)
    yield from (_report(step, decoding, index) for step in decoding.steps())
    yield _analysed(decoding.analysis, rules)


def segment(path: Path, rules: SegmentationRules, scratch: Path) -> Iterator[Found]:
    """Cut a footage into clips; files are written into `scratch`. Raises Invalid where nothing can be decoded."""
    index = index_footage(path)
    keeper = FrameKeeper()
    decoding = DecodingPass(path, rules, keeper.add)
    stills = StillFiles(scratch)
    for step in decoding.steps():
        if isinstance(step, Shot):
            seconds = (decoding.ticks_at(step.end_frame - 1) - decoding.ticks_at(step.start_frame)) * index.time_base
            stills.take(step, keeper, likely_kept=seconds >= rules.min_seconds)
        yield _report(step, decoding, index)
    analysis = decoding.analysis
    index = index.reconciled(analysis.ticks, analysis.corrupt)
    decisions = plan(analysis, rules, damaged_ranges(analysis, [(d.start_frame, d.end_frame) for d in index.damage]))
    with FrameReader(path, index) as frames:
        stills.complete(frames, decisions)
    with Cutter(path, index) as cutter:
        for decision in decisions:
            if isinstance(decision, PlannedClip):
                yield _clip(
                    cutter,
                    index,
                    analysis.measurements.part(decision.start_frame, decision.end_frame),
                    decision,
                    stills,
                    scratch,
                )
            else:
                yield _refused(analysis, decision, stills)
    yield _analysed(analysis, rules)


def cut(path: Path, ranges: list[tuple[int, int]], scratch: Path) -> Iterator[ClipMade]:
    """Cut the given ranges [start, end) of frames, without detection; brightness, motion and sharpness are measured.

    Raises Invalid for a range outside the footage.
    """
    index = index_footage(path)
    stills = StillFiles(scratch)
    planned = [PlannedClip(start, end, ordinal, 0, 1) for ordinal, (start, end) in enumerate(ranges)]
    for clip in planned:
        if not 0 <= clip.start_frame < clip.end_frame <= index.frame_count:
            raise Invalid(
                f"{path.name}: frames {clip.start_frame} to {clip.end_frame} are outside the footage, "
                f"which has frames 0 to {index.frame_count}. Give a start before an end, both inside."
            )
    with FrameReader(path, index) as frames, Cutter(path, index) as cutter:
        stills.complete(frames, planned)
        for clip in planned:
            measurer = FrameMeasurer()
            for frame in frames.frames(clip.start_frame, clip.end_frame):
                measurer.add(small_picture(frame).luma)
            yield _clip(cutter, index, measurer.finish(), clip, stills, scratch)


def _report(step: Shot | FramesDecoded, decoding: DecodingPass, index: FootageIndex) -> Found:
    if isinstance(step, FramesDecoded):
        return Working(step.count, index.frame_count)
    return ShotFound(
        step,
        index.time_base.as_integer_ratio(),
        decoding.ticks_at(step.start_frame),
        decoding.ticks_at(step.end_frame),
    )


def _analysed(analysis: Analysis, rules: SegmentationRules) -> Analysed:
    time_base = analysis.time_base.as_integer_ratio()
    return Analysed(
        frames=len(analysis.ticks),
        time_base=time_base,
        duration_seconds=float(analysis.seconds()[-1]),
        transitions=analysis.transitions,
        shots=[
            ShotFound(shot, time_base, analysis.ticks_at(shot.start_frame), analysis.ticks_at(shot.end_frame))
            for shot in analysis.shots
        ],
        change=analysis.change,
        change_threshold=analysis.change_threshold,
        detector=rules.detector,
    )


def _refused(analysis: Analysis, refusal: Refusal, stills: StillFiles) -> Refused:
    return Refused(
        start_frame=refusal.start_frame,
        end_frame=refusal.end_frame,
        time_base=analysis.time_base.as_integer_ratio(),
        start_ticks=analysis.ticks_at(refusal.start_frame),
        end_ticks=analysis.ticks_at(refusal.end_frame),
        reason=refusal.reason,
        measured_value=refusal.measured_value,
        threshold=refusal.threshold,
        detail=refusal.detail,
        thumbnail=stills.thumbnail(refusal.start_frame),
    )


def _clip(
    cutter: Cutter,
    index: FootageIndex,
    measured: FrameMeasurements,
    planned: PlannedClip,
    stills: StillFiles,
    scratch: Path,
) -> ClipMade:
    start, end = planned.start_frame, planned.end_frame
    video = scratch / f"clip-{start}-{end}.mp4"
    cut = cutter.cut(start, end, video)
    return ClipMade(
        start_frame=start,
        end_frame=end,
        time_base=index.time_base.as_integer_ratio(),
        start_ticks=index.ticks_at(start),
        end_ticks=index.ticks_at(end),
        shot_ordinal=planned.shot_ordinal,
        part_ordinal=planned.part_ordinal,
        part_count=planned.part_count,
        video=str(video),
        first_frame=stills.png(start),
        last_frame=stills.png(end - 1),
        encoding_reason=cut.reason_for_encoding or "",
        audio=[
            SoundTrack(sound.source_stream, sound.codec_in_clip, sound.delay_samples / sound.sample_rate)
            for sound in cut.sounds
            if sound.track is not None
        ],
        brightness=float(np.mean(measured.brightness)),
        # The first frame's motion leads into the clip from outside.
        motion=float(np.mean(measured.motion[1:])) if end - start > 1 else 0.0,
        sharpness=float(np.mean(measured.sharpness)),
    )
