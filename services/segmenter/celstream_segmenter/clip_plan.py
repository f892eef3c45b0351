"""Clip plan: what of a footage's shots becomes clips, and what is refused, with the measured value."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from celstream_segmenter.analysis import Chapter
from celstream_segmenter.measurements import is_black, is_plain
from celstream_segmenter.rules import SegmentationRules
from celstream_segmenter.shots import Shot, parts, without


@dataclass(frozen=True, slots=True)
class PlannedClip:
    """Frames [start_frame, end_frame) to cut: part `part_ordinal` of `part_count` of a shot."""

    start_frame: int
    end_frame: int
    shot_ordinal: int
    part_ordinal: int
    part_count: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """Frames [start_frame, end_frame) to refuse. reason: name of a RejectionReason, which tells the values' unit."""

    start_frame: int
    end_frame: int
    reason: str
    measured_value: float
    threshold: float
    detail: str


def plan(chapter: Chapter, rules: SegmentationRules, damaged: list[tuple[int, int]]) -> list[PlannedClip | Refusal]:
    """Decide about every shot, in order. damaged: ranges [start, end) of frames, in order, that do not decode."""
    seconds = chapter.seconds()
    return [decision for shot in chapter.shots for decision in _plan_shot(shot, chapter, seconds, rules, damaged)]


def _plan_shot(
    shot: Shot,
    chapter: Chapter,
    seconds: NDArray[np.float64],
    rules: SegmentationRules,
    damaged: list[tuple[int, int]],
) -> Iterator[PlannedClip | Refusal]:
    sound = without(shot.start_frame, shot.end_frame, damaged)
    for start, end in without(shot.start_frame, shot.end_frame, sound):
        count = end - start
        yield Refusal(start, end, "DAMAGED", count, 0, f"{count} frames are damaged; a clip holds none.")
    for start, end in sound:
        yield from _plan_frames(shot, start, end, chapter, seconds, rules)


def _plan_frames(
    shot: Shot, start: int, end: int, chapter: Chapter, seconds: NDArray[np.float64], rules: SegmentationRules
) -> Iterator[PlannedClip | Refusal]:
    first = chapter.first_frame
    length = float(seconds[end - first] - seconds[start - first])
    frames = chapter.measured(start, end)
    if is_black(frames, mean_luma=rules.black_mean_luma, peak_luma=rules.black_peak_luma):
        luma = float(np.mean(frames.brightness))
        detail = f"Black throughout: mean luma {luma:.1f}, below {rules.black_mean_luma:g}."
        yield Refusal(start, end, "BLACK", luma, rules.black_mean_luma, detail)
    elif is_plain(frames, deviation=rules.plain_deviation):
        deviation = float(np.max(frames.deviation))
        detail = f"Of one colour throughout: luma deviates by {deviation:.1f}, at most {rules.plain_deviation:g}."
        yield Refusal(start, end, "PLAIN", deviation, rules.plain_deviation, detail)
    elif length < rules.min_seconds:
        detail = f"Lasts {length:.2f} s; a clip lasts at least {rules.min_seconds:g} s."
        yield Refusal(start, end, "TOO_SHORT", length, rules.min_seconds, detail)
    else:
        ranges = parts(
            start - first, end - first, seconds, target_seconds=rules.target_seconds, max_seconds=rules.max_seconds
        )
        for ordinal, (a, b) in enumerate(ranges):
            yield PlannedClip(first + a, first + b, shot.ordinal, ordinal, len(ranges))


def damaged_ranges(chapter: Chapter, ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Unite `ranges`, as far as they lie in the chapter, with the frames that the decoder had to make up.

    In order, without overlap.
    """
    first = chapter.first_frame
    bad = chapter.corrupt.copy()
    for start, end in ranges:
        bad[max(0, start - first) : max(0, end - first)] = True
    edges = np.flatnonzero(np.diff(np.concatenate(([0], bad.view(np.int8), [0]))))
    return [(first + int(a), first + int(b)) for a, b in edges.reshape(-1, 2)]
