"""The columns of the dataset's three tables, and their rows.

A column is stated once, with its Parquet type and what it means; `dataset.md` and the files' metadata are made from it.
Nothing here depends on the time of day or on the order of work, so the same dataset gives the same bytes.
"""

from collections.abc import Iterable, Mapping, Sequence

from celstream_protos.v1.clip_pb2 import Clip
from celstream_protos.v1.footage_pb2 import AudioTrack

from celstream.clip_files import clip_files
from celstream.columns import Column, Row
from celstream.contents import (
    FootageContents,
    cut_method,
    end_seconds,
    footage_style,
    ratio,
    rejection_reason,
    start_seconds,
    transition_kind,
)
from celstream.measurement_columns import MEASUREMENTS, measurement_row

AUDIO_TYPE = (
    "STRUCT(stream_index INTEGER, codec VARCHAR, sample_rate_hz INTEGER, channels INTEGER, layout VARCHAR, "
    "language VARCHAR, offset_seconds DOUBLE)[]"
)
MISSING_AUDIO_TYPE = "STRUCT(stream_index INTEGER, reason VARCHAR)[]"

CLIPS = (
    Column("footage", "VARCHAR", "name of the footage, as it was given"),
    Column("footage_id", "VARCHAR", "SHA-256 of the footage's bytes"),
    Column("clip_id", "VARCHAR", "what the clip is: hash of footage and frame range; stays when settings change"),
    Column("version", "VARCHAR", "how it came about: hash of the footage's version and the recipe"),
    Column("file", "VARCHAR", "the clip's video, relative to this folder"),
    Column("first_frame_file", "VARCHAR", "its first frame (PNG), relative to this folder"),
    Column("last_frame_file", "VARCHAR", "its last frame (PNG), relative to this folder"),
    Column("start_frame", "BIGINT", "first frame, counted from 0 in display order of the footage"),
    Column("end_frame", "BIGINT", "frame after the last one (exclusive)"),
    Column("frames", "BIGINT", "number of frames: end_frame - start_frame"),
    Column("start_seconds", "DOUBLE", "when the first frame is shown, by the footage's own clock"),
    Column("end_seconds", "DOUBLE", "when the last frame ends, by the footage's own clock"),
    Column("start_ticks", "BIGINT", "start_seconds, exactly, in ticks of the time base"),
    Column("end_ticks", "BIGINT", "end_seconds, exactly, in ticks of the time base"),
    Column("time_base_numerator", "BIGINT", "seconds per tick, numerator"),
    Column("time_base_denominator", "BIGINT", "seconds per tick, denominator"),
    Column("fps", "DOUBLE", "frames per second, as it came"),
    Column("fps_numerator", "BIGINT", "frames per second, exactly: numerator"),
    Column("fps_denominator", "BIGINT", "frames per second, exactly: denominator"),
    Column("width", "INTEGER", "width in pixels, as coded"),
    Column("height", "INTEGER", "height in pixels, as coded"),
    Column("sample_aspect_ratio", "DOUBLE", "width of a pixel divided by its height"),
    Column("method", "VARCHAR", "packets: the source's own; encoded: encoded anew, mathematically lossless"),
    Column("encoding_reason", "VARCHAR", "why it was encoded anew; empty for packets"),
    Column("audio", AUDIO_TYPE, "the audio tracks that go along"),
    Column("missing_audio", MISSING_AUDIO_TYPE, "audio tracks that cannot be decoded or kept without loss, and why"),
    Column("shot_ordinal", "INTEGER", "ordinal of its shot within the footage, from 0"),
    Column("part_ordinal", "INTEGER", "ordinal of this part of the shot, from 0"),
    Column("part_count", "INTEGER", "number of parts that the shot was split into"),
    *MEASUREMENTS,
    Column("near_duplicate_of", "VARCHAR", "clip_id of the first clip that shows the same pictures; empty for none"),
    Column("work", "VARCHAR", "film or series; keep a work on one side of a split"),
    Column("style", "VARCHAR", "american, chinese, japanese, other, rendered or unspecified"),
    Column("license", "VARCHAR", "licence of the footage; empty where none was stated"),
    Column("source", "VARCHAR", "where the footage came from"),
    Column("owner", "VARCHAR", "who owns it"),
    Column("release_allowed", "BOOLEAN", "whether a release may contain it"),
    Column("origin", "VARCHAR", "machine or human: who made this label"),
    Column("origin_method", "VARCHAR", "the method, for example `content`"),
    Column("confidence", "DOUBLE", "confidence of the origin, 0 to 1"),
    Column("recipe", "VARCHAR", "digest of settings, models and software"),
)

TRANSITIONS = (
    Column("footage", "VARCHAR", "name of the footage, as it was given"),
    Column("footage_id", "VARCHAR", "SHA-256 of the footage's bytes"),
    Column("kind", "VARCHAR", "cut, dissolve, fade_in, fade_out or wipe"),
    Column("frame", "BIGINT", "first frame of the new shot"),
    Column("start_frame", "BIGINT", "first changing frame; equal to frame for a cut"),
    Column("end_frame", "BIGINT", "last changing frame (inclusive); equal to frame for a cut"),
    Column("confidence", "DOUBLE", "how sure the detector is, 0 to 1"),
    Column("detector", "VARCHAR", "the detector that found it"),
)

REJECTIONS = (
    Column("footage", "VARCHAR", "name of the footage, as it was given"),
    Column("footage_id", "VARCHAR", "SHA-256 of the footage's bytes"),
    Column("rejection_id", "VARCHAR", "what was refused, and why: hash of footage, level, frame range and reason"),
    Column("version", "VARCHAR", "how it came about: hash of the footage's version and the recipe"),
    Column("level", "VARCHAR", "the level that refused it"),
    Column(
        "reason", "VARCHAR", "too_short, black, plain, damaged, unreadable, limit_exceeded, static, refused_by_reviewer"
    ),
    Column("start_frame", "BIGINT", "first frame; null where the whole footage was refused"),
    Column("end_frame", "BIGINT", "frame after the last one (exclusive); null where the whole footage was refused"),
    Column("start_seconds", "DOUBLE", "when the first frame is shown; null where the whole footage was refused"),
    Column("end_seconds", "DOUBLE", "when the last frame ends; null where the whole footage was refused"),
    Column("measured_value", "DOUBLE", "what was measured, in the unit that the reason names"),
    Column("threshold", "DOUBLE", "what it did not meet, in the same unit"),
    Column("detail", "VARCHAR", "what was found and what was expected, in a line"),
    Column("recipe", "VARCHAR", "digest of settings, models and software"),
)

TABLES: Mapping[str, Sequence[Column]] = {"clips": CLIPS, "transitions": TRANSITIONS, "rejections": REJECTIONS}


def _audio(track: AudioTrack) -> Row:
    return {
        "stream_index": track.stream_index,
        "codec": track.codec,
        "sample_rate_hz": track.sample_rate_hz,
        "channels": track.channels,
        "layout": track.layout,
        "language": track.language,
        "offset_seconds": track.offset_seconds,
    }


def clip_row(contents: FootageContents, clip: Clip) -> Row:
    """One clip as a row of `clips.parquet`."""
    footage, frames, files = contents.footage, clip.range, clip_files(contents.footage.name, clip)
    return {
        "footage": footage.name,
        "footage_id": footage.item.id,
        "clip_id": clip.item.id,
        "version": clip.item.version,
        "file": files.video,
        "first_frame_file": files.first_frame,
        "last_frame_file": files.last_frame,
        "start_frame": frames.start_frame,
        "end_frame": frames.end_frame,
        "frames": frames.end_frame - frames.start_frame,
        "start_seconds": start_seconds(frames),
        "end_seconds": end_seconds(frames),
        "start_ticks": frames.start_ticks,
        "end_ticks": frames.end_ticks,
        "time_base_numerator": frames.time_base.numerator,
        "time_base_denominator": frames.time_base.denominator,
        "fps": ratio(clip.fps),
        "fps_numerator": clip.fps.numerator,
        "fps_denominator": clip.fps.denominator,
        "width": clip.width,
        "height": clip.height,
        "sample_aspect_ratio": ratio(clip.sample_aspect_ratio) or 1.0,
        "method": cut_method(clip),
        "encoding_reason": clip.encoding_reason,
        "audio": [_audio(track) for track in clip.audio],
        "missing_audio": [{"stream_index": track.stream_index, "reason": track.reason} for track in clip.missing_audio],
        "shot_ordinal": clip.shot_ordinal,
        "part_ordinal": clip.part_ordinal,
        "part_count": clip.part_count,
        **measurement_row(clip),
        "near_duplicate_of": contents.near_duplicates.get(clip.item.id, ""),
        "work": clip.item.work,
        "style": footage_style(footage),
        "license": footage.rights.license,
        "source": footage.rights.source,
        "owner": footage.rights.owner,
        "release_allowed": footage.rights.release_allowed,
        "origin": "human" if clip.item.origin.kind == 2 else "machine",
        "origin_method": clip.item.origin.method,
        "confidence": clip.item.origin.confidence,
        "recipe": clip.item.origin.recipe,
    }


def clip_rows(dataset: Iterable[FootageContents]) -> list[Row]:
    """The rows of `clips.parquet`, in order of footage and frame."""
    return [clip_row(contents, clip) for contents in dataset for clip in contents.clips]


def transition_rows(dataset: Iterable[FootageContents]) -> list[Row]:
    """The rows of `transitions.parquet`, in order of footage and frame."""
    return [
        {
            "footage": contents.footage.name,
            "footage_id": contents.id,
            "kind": transition_kind(transition),
            "frame": transition.frame,
            "start_frame": transition.start_frame,
            "end_frame": transition.end_frame,
            "confidence": transition.confidence,
            "detector": contents.analysis.detector,
        }
        for contents in dataset
        if contents.analysis is not None
        for transition in contents.analysis.transitions
    ]


def rejection_rows(dataset: Iterable[FootageContents]) -> list[Row]:
    """The rows of `rejections.parquet`, in order of footage and frame."""
    rows: list[Row] = []
    for contents in dataset:
        for rejection in contents.rejections:
            frames = rejection.range if rejection.HasField("range") else None
            rows.append(
                {
                    "footage": contents.footage.name,
                    "footage_id": contents.id,
                    "rejection_id": rejection.id,
                    "version": rejection.version,
                    "level": rejection.level,
                    "reason": rejection_reason(rejection),
                    "start_frame": frames.start_frame if frames else None,
                    "end_frame": frames.end_frame if frames else None,
                    "start_seconds": start_seconds(frames) if frames else None,
                    "end_seconds": end_seconds(frames) if frames else None,
                    "measured_value": rejection.measured_value,
                    "threshold": rejection.threshold,
                    "detail": rejection.detail,
                    "recipe": rejection.origin.recipe,
                }
            )
    return rows
