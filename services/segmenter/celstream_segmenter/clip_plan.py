"""Clip plan: what of a footage's shots becomes clips, and what is refused, with the measured value."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from celstream_segmenter.chapter import Chapter
from celstream_segmenter.long_shots import held_too_long, split, split_prices
from celstream_segmenter.measurements import is_black, is_plain
from celstream_segmenter.rules import SegmentationRules
from celstream_segmenter.shots import Shot, without

Seconds = NDArray[np.float64]
Part = tuple[int, int]  # frames [start, end)


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


def no_sound(seconds: Seconds) -> Seconds | None:
    """The loudness of footage without sound; see `plan`."""
    return None


def plan(
    chapter: Chapter,
    rules: SegmentationRules,
    damaged: list[tuple[int, int]],
    loudness: Callable[[Seconds], Seconds | None] = no_sound,
) -> list[PlannedClip | Refusal]:
    """Decide about every shot, in order.

    damaged: ranges [start, end) of frames, in order, that do not decode. loudness: level in dB about each of some
    moments, given in seconds on the footage's time axis; None without sound. It is asked about long shots only.
    """
    plans = _Planner(chapter, rules, damaged, loudness)
    return [decision for shot in chapter.shots for decision in plans.shot(shot)]


class _Planner:
    def __init__(
        self,
        chapter: Chapter,
        rules: SegmentationRules,
        damaged: list[tuple[int, int]],
        loudness: Callable[[Seconds], Seconds | None],
    ) -> None:
        self._chapter = chapter
        self._rules = rules
        self._damaged = damaged
        self._loudness = loudness
        self._seconds = chapter.seconds()

    def shot(self, shot: Shot) -> list[PlannedClip | Refusal]:
        """Clips and refusals that together hold every frame of the shot once."""
        whole = without(shot.start_frame, shot.end_frame, self._damaged)
        decisions: list[Part | Refusal] = []
        for start, end in without(shot.start_frame, shot.end_frame, whole):
            count = end - start
            decisions.append(
                Refusal(start, end, "DAMAGED", count, 0, f"{count} frames are damaged; a clip holds none.")
            )
        for start, end in whole:
            decisions += self._frames(start, end)
        count = sum(isinstance(decision, tuple) for decision in decisions)
        ordinals = itertools.count()
        return [
            PlannedClip(*decision, shot.ordinal, next(ordinals), count) if isinstance(decision, tuple) else decision
            for decision in decisions
        ]

    def _frames(self, start: int, end: int) -> Iterator[Part | Refusal]:
        blank = self._blank(start, end)
        if blank is not None:
            yield blank
        elif self._length(start, end) > self._rules.max_seconds:
            yield from self._long(start, end)
        else:
            yield self._short(start, end) or (start, end)

    def _short(self, start: int, end: int) -> Refusal | None:
        length, least = self._length(start, end), self._rules.min_seconds
        if length >= least:
            return None
        detail = f"Lasts {length:.2f} s; a clip lasts at least {least:g} s."
        return Refusal(start, end, "TOO_SHORT", length, least, detail)

    def _blank(self, start: int, end: int) -> Refusal | None:
        rules, frames = self._rules, self._chapter.measured(start, end)
        if is_black(frames, mean_luma=rules.black_mean_luma, peak_luma=rules.black_peak_luma):
            luma = float(np.mean(frames.brightness))
            detail = f"Black throughout: mean luma {luma:.1f}, below {rules.black_mean_luma:g}."
            return Refusal(start, end, "BLACK", luma, rules.black_mean_luma, detail)
        if is_plain(frames, deviation=rules.plain_deviation):
            deviation = float(np.max(frames.deviation))
            detail = f"Of one colour throughout: luma deviates by {deviation:.1f}, at most {rules.plain_deviation:g}."
            return Refusal(start, end, "PLAIN", deviation, rules.plain_deviation, detail)
        return None

    def _long(self, start: int, end: int) -> Iterator[Part | Refusal]:
        """Take out the holds that are too long, then split what is left."""
        rules, clips = self._rules, self._chapter.clips
        drawings = [start + hold.start for hold in clips.drawings(start, end)]
        first = self._chapter.first_frame
        seconds = self._seconds[start - first : end - first + 1]
        long = held_too_long([at - start for at in drawings], seconds, max_seconds=rules.max_seconds)
        static = [(start + a, start + b) for a, b in long if clips.stands(start + a, start + b)]
        for a, b in static:
            length = self._length(a, b)
            detail = f"One drawing held for {length:.1f} s; a clip lasts at most {rules.max_seconds:g} s."
            yield self._blank(a, b) or Refusal(a, b, "STATIC", length, rules.max_seconds, detail)
        if static:
            for a, b in without(start, end, static):
                yield from self._frames(a, b)
        else:
            yield from self._split(start, end, drawings)

    def _split(self, start: int, end: int, drawings: list[int]) -> Iterator[Part | Refusal]:
        rules, chapter = self._rules, self._chapter
        first = chapter.first_frame
        seconds = self._seconds[start - first : end - first + 1]
        new_drawing = np.isin(np.arange(start, end), drawings)
        motion = chapter.measured(start, end).motion.astype(np.float64)
        absolute = seconds[:-1] + float(chapter.ticks_at(first) * chapter.time_base)
        prices = split_prices(seconds, new_drawing, motion, self._loudness(absolute))
        for a, b in split(
            seconds,
            prices,
            min_seconds=rules.min_seconds,
            target_seconds=rules.target_seconds,
            max_seconds=rules.max_seconds,
        ):
            part = start + a, start + b
            yield self._blank(*part) or self._short(*part) or part

    def _length(self, start: int, end: int) -> float:
        first = self._chapter.first_frame
        return float(self._seconds[end - first] - self._seconds[start - first])


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
