"""A footage's page: the film cut into sections, each with its change curve, its band and its contact sheet.

A page of a two-hour film has some 1,500 entries: sections fold, so that a browser draws only what is open, and
pictures load as they come into sight.
"""

from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

from celstream_protos.v1.clip_pb2 import DOUBT_KIND_MERGE, Clip, Doubt, FootageAnalysis, Transition
from celstream_protos.v1.envelope_pb2 import Rejection

from celstream.clip_files import clip_files, clip_picture, picture_name
from celstream.contents import (
    FootageContents,
    cut_method,
    duration_seconds,
    end_seconds,
    ratio,
    rejection_reason,
    start_seconds,
    transition_kind,
)
from celstream.report import charts, drawing_bands, figures, words
from celstream.report.cut_thresholds import cut_places

SECTION_ENTRIES = 48  # about three screens of a desk
TRANSITION_WORDS = {"cut": "cut", "dissolve": "dissolve", "fade_in": "fade in", "fade_out": "fade out", "wipe": "wipe"}
UNSURE = 0.5  # a transition below this confidence is marked


def footage_view(contents: FootageContents) -> dict[str, Any]:
    """What the template of a footage's page shows. Only for footage with an analysis."""
    analysis = contents.analysis
    assert analysis is not None
    entries = sorted(
        [_clip_entry(contents, clip) for clip in contents.clips]
        + [_rejection_entry(contents, entry) for entry in contents.rejections if entry.HasField("range")],
        key=lambda entry: (entry["start_frame"], entry["end_frame"]),
    )
    sections = [entries[at : at + SECTION_ENTRIES] for at in range(0, len(entries), SECTION_ENTRIES)] or [[]]
    bounds = [0, *(section[0]["start_frame"] for section in sections[1:]), analysis.frames]
    footage = contents.footage
    return {
        "name": footage.name,
        "title": PurePath(footage.name).name,
        "facts": _facts(contents),
        "balance": figures.balance([contents]),
        "transitions": len(analysis.transitions),
        "detector": analysis.detector,
        "overview": _strip(contents, 0, analysis.frames) if len(sections) > 1 else None,
        "sections": [
            {
                "entries": section,
                "strip": _strip(contents, bounds[index], bounds[index + 1]),
                "from": section[0]["start"] if section else 0.0,
                "to": section[-1]["end"] if section else analysis.duration_seconds,
            }
            for index, section in enumerate(sections)
        ],
        "rejections": [_rejection_entry(contents, entry) for entry in contents.rejections],
        "moved": figures.moved_thresholds(contents.rejections),
        "cadence": drawing_bands.cadence_shares(contents),
        "camera": drawing_bands.camera_shares(contents),
        "cuts": cut_places(analysis),
        "doubts": [_doubt_entry(analysis, doubt) for doubt in analysis.doubts],
        "ratio": shape(contents),
    }


def _strip(contents: FootageContents, first: int, last: int) -> dict[str, Any]:
    analysis = contents.analysis
    assert analysis is not None
    per_frame = analysis.duration_seconds / analysis.frames if analysis.frames else 0.0
    return {
        "curve": charts.change_curve(analysis.change, analysis.change_threshold, first, last),
        "band": charts.film_band(contents, first, last),
        "cadence": drawing_bands.cadence_band(contents, first, last),
        "camera": drawing_bands.camera_band(contents, first, last),
        "ticks": [(first + (last - first) * step / 4) * per_frame for step in range(5)],
    }


def _clip_entry(contents: FootageContents, clip: Clip) -> dict[str, Any]:
    frames, measured = clip.range, clip.measurements
    part = f", part {clip.part_ordinal + 1} of {clip.part_count}" if clip.part_count > 1 else ""
    opening = _opening(contents.analysis, clip) if clip.part_ordinal == 0 else None
    return {
        "clip": clip.item.id[:8],
        "video": f"../{clip_files(contents.footage.name, clip).video}",
        "picture": picture_name(clip_picture(clip)),
        "start_frame": frames.start_frame,
        "end_frame": frames.end_frame,
        "start": start_seconds(frames),
        "end": end_seconds(frames),
        "seconds": duration_seconds(frames),
        "caption": f"shot {clip.shot_ordinal + 1}{part}",
        "opening": opening,
        "drawn": drawing_bands.cadence_words(clip),
        "camera": drawing_bands.camera_words(clip),
        "measures": f"{_drawings(clip)}brightness {words.number(measured.brightness)}, "
        f"motion {words.number(measured.motion)}, sharpness {words.number(measured.sharpness)}, {cut_method(clip)}",
    }


def _drawings(clip: Clip) -> str:
    cadence = clip.measurements.cadence
    return f"{words.number(cadence.drawings_per_second)} drawings/s, " if cadence.hold_frames else ""


def _rejection_entry(contents: FootageContents, rejection: Rejection) -> dict[str, Any]:
    reason = rejection_reason(rejection)
    ranged = rejection.HasField("range")
    frames = rejection.range
    return {
        "clip": None,
        "picture": picture_name(rejection.thumbnail) if rejection.HasField("thumbnail") else None,
        "start_frame": frames.start_frame,
        "end_frame": frames.end_frame,
        "start": start_seconds(frames) if ranged else None,
        "end": end_seconds(frames) if ranged else None,
        "seconds": duration_seconds(frames) if ranged else 0.0,
        "reason": figures.REASON_WORDS.get(reason, reason),
        "unit": figures.UNITS.get(reason, ""),
        "measured": rejection.measured_value,
        "threshold": rejection.threshold,
        "detail": rejection.detail,
        "ranged": ranged,
    }


def _doubt_entry(analysis: FootageAnalysis, doubt: Doubt) -> dict[str, Any]:
    return {
        "verdict": "may be one shot" if doubt.kind == DOUBT_KIND_MERGE else "may be two shots",
        "reason": doubt.reason,
        "frame": doubt.frame,
        "start": analysis.duration_seconds * doubt.frame / analysis.frames if analysis.frames else 0.0,
        "shape": doubt.shape_similarity,
        "colour": doubt.colour_similarity,
    }


def _opening(analysis: FootageAnalysis | None, clip: Clip) -> dict[str, Any] | None:
    shots: Sequence[Any] = analysis.shots if analysis is not None else ()
    shot = shots[clip.shot_ordinal] if clip.shot_ordinal < len(shots) else None
    if shot is None or not shot.HasField("opening"):
        return None
    transition: Transition = shot.opening
    kind = transition_kind(transition)
    changing = transition.end_frame - transition.start_frame + 1
    return {
        "words": TRANSITION_WORDS.get(kind, kind) + (f" {changing} f" if kind != "cut" else ""),
        "kind": kind,
        "confidence": transition.confidence,
        "unsure": transition.confidence < UNSURE,
    }


def _facts(contents: FootageContents) -> list[str]:
    footage, video = contents.footage, contents.footage.video
    facts = [
        footage.name if footage.name != PurePath(footage.name).name else "",
        f"{video.width}×{video.height}",
        f"{words.number(ratio(video.fps))} frames/s",
        video.codec,
        *(f"{track.codec} {track.layout or f'{track.channels} channels'}" for track in footage.audio),
    ]
    if not footage.audio:
        facts.append("no sound")
    if footage.item.work:
        facts.append(f"work: {footage.item.work}")
    if footage.rights.license:
        facts.append(footage.rights.license)
    return [fact for fact in facts if fact]


def shape(contents: FootageContents) -> str:
    """Width and height of the footage as it is shown, as CSS has it; its pictures have its own pixels."""
    video = contents.footage.video
    return f"{(video.width or 16) * (ratio(video.sample_aspect_ratio) or 1.0):g} / {video.height or 9}"
