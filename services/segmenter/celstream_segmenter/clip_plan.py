"""Clip plan: what of a footage's shots becomes clips, and what is refused, with the measured value."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from celstream_segmenter.analysis import Analysis
from celstream_segmenter.measurements import black_or_plain
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


def plan(analysis: Analysis, rules: SegmentationRules, damaged: list[tuple[int, int]]) -> list[PlannedClip | Refusal]:
    """Decide about every shot, in order. damaged: ranges [start, end) of frames, in order, that do not decode."""
    seconds = analysis.seconds()
    return [decision for shot in analysis.shots for decision in _plan_shot(shot, analysis, seconds, rules, damaged)]


def _plan_shot(
    shot: Shot,
    analysis: Analysis,
    seconds: NDArray[np.float64],
    rules: SegmentationRules,
    damaged: list[tuple[int, int]],
) -> Iterator[PlannedClip | Refusal]:
    sound = without(shot.start_frame, shot.end_frame, damaged)
    for start, end in without(shot.start_frame, shot.end_frame, sound):
        count = end - start
        yield Refusal(start, end, "DAMAGED", count, 0, f"{count} frames are damaged; a clip holds none.")
    for start, end in sound:
        yield from _plan_frames(shot, start, end, analysis, seconds, rules)


def _plan_frames(
    shot: Shot, start: int, end: int, analysis: Analysis, seconds: NDArray[np.float64], rules: SegmentationRules
) -> Iterator[PlannedClip | Refusal]:
    length = float(seconds[end] - seconds[start])
    if black_or_plain(
        analysis.measurements,
        start,
        end,
        mean_luma=rules.black_mean_luma,
        peak_luma=rules.black_peak_luma,
        deviation=rules.plain_deviation,
    ):
        luma = float(np.mean(analysis.measurements.brightness[start:end]))
        detail = f"Black or of one colour throughout (mean luma {luma:.1f})."
        yield Refusal(start, end, "BLACK", luma, rules.black_mean_luma, detail)
    elif length < rules.min_seconds:
        detail = f"Lasts {length:.2f} s; a clip lasts at least {rules.min_seconds:g} s."
        yield Refusal(start, end, "TOO_SHORT", length, rules.min_seconds, detail)
    else:
        ranges = parts(start, end, seconds, target_seconds=rules.target_seconds, max_seconds=rules.max_seconds)
        for ordinal, (a, b) in enumerate(ranges):
            yield PlannedClip(a, b, shot.ordinal, ordinal, len(ranges))


def damaged_ranges(analysis: Analysis, ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Unite `ranges` with the frames that the decoder had to make up; in order, without overlap."""
    bad = analysis.corrupt.copy()
    for start, end in ranges:
        bad[start:end] = True
    edges = np.flatnonzero(np.diff(np.concatenate(([0], bad.view(np.int8), [0]))))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]
