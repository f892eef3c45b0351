"""Footage to clips: runs in the limited child process, where the untrusted file is read.

detection → plan → stills → cut and prove, chapter by chapter; each result is reported at once.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from av.error import InvalidDataError
from celstream_platform.errors import Invalid

from celstream_segmenter.analysis import Searched
from celstream_segmenter.chapter import Chapter
from celstream_segmenter.clip_measurements import ClipMeasurer
from celstream_segmenter.clip_plan import PlannedClip, Refusal, damaged_ranges, plan
from celstream_segmenter.cut_proof import NO_KEYS
from celstream_segmenter.detection import WHOLE, Work, chapter_read, report, steps
from celstream_segmenter.found import ClipMade, Found, FoundInShare, MissingSound, Refused, Resumption, SoundTrack
from celstream_segmenter.frame_reader import FrameReader
from celstream_segmenter.free_memory import give_back
from celstream_segmenter.full_picture import FullPictureReader
from celstream_segmenter.lossless_cut import Cutter
from celstream_segmenter.measured import ClipMeasurements
from celstream_segmenter.measurements import FrameMeasurements, FrameMeasurer
from celstream_segmenter.packet_index import FootageIndex, index_footage
from celstream_segmenter.rules import SegmentationRules
from celstream_segmenter.second_opinion import Asked
from celstream_segmenter.share import Share
from celstream_segmenter.shots import Shot
from celstream_segmenter.small_pictures import small_picture
from celstream_segmenter.sound_level import SoundLevel
from celstream_segmenter.still_files import StillFiles
from celstream_segmenter.stills import FrameKeeper


def segment(
    path: Path,
    rules: SegmentationRules,
    scratch: Path,
    resumption: Resumption | None = None,
    share: Share = WHOLE,
    asked: Asked | None = None,
) -> Iterator[FoundInShare]:
    """Like `detection.detect`, and cut each chapter into clips; files are written into `scratch`."""
    work = Work(path, rules, resumption, scratch, asked)
    keeper = FrameKeeper()
    stills = StillFiles(scratch)
    for decoding, step in steps(work, share, keeper):
        if isinstance(step, Chapter):
            give_back()  # before as well as after: cutting takes memory of its own
            yield from _cut_chapter(path, rules, work.decoded(step), step, stills, keeper.keys, scratch)
            yield chapter_read(step, rules, work.targets)
            work.index.shelf.let_go()
            give_back()
            continue
        if isinstance(step, Searched):
            work.skip_to(step)
        elif isinstance(step, Shot):
            begins, last = decoding.ticks_at(step.start_frame), decoding.ticks_at(step.end_frame - 1)
            likely_kept = (last - begins) * work.index.time_base >= rules.min_seconds
            stills.take(step, keeper, decoding.recent_picture, likely_kept=likely_kept)
            keeper.forget_before(step.end_frame)
        yield report(step, decoding, work)


def _cut_chapter(
    path: Path,
    rules: SegmentationRules,
    index: FootageIndex,
    chapter: Chapter,
    stills: StillFiles,
    keys: Mapping[int, int],
    scratch: Path,
) -> Iterator[Found]:
    damage = [(found.start_frame, found.end_frame) for found in index.damage]
    with SoundLevel(path, next(iter(index.sounds), None)) as sound:
        decisions = plan(chapter, rules, damaged_ranges(chapter, damage), sound.level_db)
    with FrameReader(path, index, threads=1) as frames:
        stills.complete(frames, decisions)
    with Cutter(path, index) as cutter:
        for decision in decisions:
            if isinstance(decision, PlannedClip):
                measured = chapter.measured(decision.start_frame, decision.end_frame)
                try:
                    found = _summed_up(chapter.clips, decision, measured, rules)
                    yield _clip(cutter, rules, index, measured, found, decision, stills, keys, scratch)
                except Invalid as error:
                    yield _refused(chapter, _unprovable(decision, str(error)), stills)
                except InvalidDataError as error:
                    words = f"{path.name}: its packets cannot be put into a file of their own ({error.strerror})."
                    yield _refused(chapter, _unprovable(decision, words), stills)
            else:
                yield _refused(chapter, decision, stills)


def cut(path: Path, rules: SegmentationRules, ranges: list[tuple[int, int]], scratch: Path) -> Iterator[ClipMade]:
    """Cut the given ranges [start, end) of frames, without detection; brightness, motion and sharpness are measured.

    Raises Invalid for a range outside the footage.
    """
    index = index_footage(path, scratch)
    stills = StillFiles(scratch)
    planned = [PlannedClip(start, end, ordinal, 0, 1) for ordinal, (start, end) in enumerate(ranges)]
    for clip in planned:
        if not 0 <= clip.start_frame < clip.end_frame <= index.frame_count:
            raise Invalid(
                f"{path.name}: frames {clip.start_frame} to {clip.end_frame} are outside the footage, "
                f"which has frames 0 to {index.frame_count}. Give a start before an end, both inside."
            )
    fps = index.frame_count / (index.seconds_at(index.frame_count) - index.seconds_at(0))
    with FrameReader(path, index) as frames, Cutter(path, index) as cutter:
        stills.complete(frames, planned)
        for clip in planned:
            measurer, clips = FrameMeasurer(), ClipMeasurer(clip.start_frame)
            reader = FullPictureReader(fps)
            for number, frame in enumerate(frames.frames(clip.start_frame, clip.end_frame), clip.start_frame):
                picture = small_picture(frame)
                measurer.add(picture.luma)
                seconds = float(index.seconds_at(number))
                clips.add(seconds, picture, reader.read(number, frame, *picture.luma.shape[::-1]))
            measured = measurer.finish()
            found = _summed_up(clips, clip, measured, rules)
            yield _clip(cutter, rules, index, measured, found, clip, stills, NO_KEYS, scratch)


def _unprovable(clip: PlannedClip, words: str) -> Refusal:
    count = clip.end_frame - clip.start_frame
    return Refusal(clip.start_frame, clip.end_frame, "DAMAGED", count, 0, words)


def _summed_up(
    clips: ClipMeasurer, planned: PlannedClip, measured: FrameMeasurements, rules: SegmentationRules
) -> ClipMeasurements:
    return clips.clip(
        planned.start_frame,
        planned.end_frame,
        measured,
        black_mean_luma=rules.black_mean_luma,
        black_peak_luma=rules.black_peak_luma,
    )


def _refused(chapter: Chapter, refusal: Refusal, stills: StillFiles) -> Refused:
    return Refused(
        start_frame=refusal.start_frame,
        end_frame=refusal.end_frame,
        time_base=chapter.time_base.as_integer_ratio(),
        start_ticks=chapter.ticks_at(refusal.start_frame),
        end_ticks=chapter.ticks_at(refusal.end_frame),
        reason=refusal.reason,
        measured_value=refusal.measured_value,
        threshold=refusal.threshold,
        detail=refusal.detail,
        thumbnail=stills.thumbnail(refusal.start_frame),
    )


def _clip(
    cutter: Cutter,
    rules: SegmentationRules,
    index: FootageIndex,
    measured: FrameMeasurements,
    found: ClipMeasurements,
    planned: PlannedClip,
    stills: StillFiles,
    keys: Mapping[int, int],
    scratch: Path,
) -> ClipMade:
    start, end = planned.start_frame, planned.end_frame
    video = scratch / f"clip-{start}-{end}.mp4"
    expected = np.array([stills.checksum(start)], np.uint64) if rules.verify == "start" else None
    cut, _ = cutter.cut_and_prove(start, end, video, extent=rules.verify, expected=expected, keys=keys)
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
        thumbnail=stills.thumbnail_of_clip(start, end),
        encoding_reason=cut.reason_for_encoding or "",
        audio=[
            SoundTrack(sound.source_stream, sound.codec_in_clip, sound.delay_samples / sound.sample_rate)
            for sound in cut.sounds
            if sound.track is not None
        ],
        missing_audio=[MissingSound(stream, why) for stream, why in index.mute]
        + [
            MissingSound(sound.source_stream, sound.left_out_because)
            for sound in cut.sounds
            if sound.stored == "left out"
        ],
        brightness=measured.mean_brightness,
        motion=measured.mean_motion,
        sharpness=measured.mean_sharpness,
        measurements=found,
    )
