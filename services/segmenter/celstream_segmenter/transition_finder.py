"""Finds the transitions of a footage in one pass over its frames.

Three searches run side by side: cuts (`cut_evidence`, `cut_model`), fades (`fades`) and dissolves and wipes
(`dissolves`). A transition comes out once no search can still contradict it: about two seconds after its end.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from celstream_segmenter.blank_cuts import blank_cut
from celstream_segmenter.cut_evidence import (
    CANDIDATE,
    REACH_AFTER,
    comes_back,
    cut_evidence,
    distance,
    is_candidate,
    one_of_a_row,
    quick_evidence,
)
from celstream_segmenter.cut_model import CUT_PROBABILITY, cut_probability, is_no_cut
from celstream_segmenter.dissolves import (
    BUFFER_FRAMES,
    MAX_LEFTOVER,
    REACHES,
    Blend,
    BlendFinder,
)
from celstream_segmenter.drawing_window import Window
from celstream_segmenter.fades import MIN_FRAMES, Fade, FadeFinder
from celstream_segmenter.second_opinion import AFTER, Asked, SecondOpinion
from celstream_segmenter.small_pictures import SmallPicture
from celstream_segmenter.transition_features import is_blank, sample
from celstream_segmenter.transitions import Kind, Transition

BLACK, WHITE = (16.0, 128.0, 128.0), (235.0, 128.0, 128.0)
HOLD_FRAMES = 2 * max(REACHES) + 8  # the longest dissolve is known so long after its first frame
HOLD_FADE_FRAMES = 240  # a slow fade holds back what lies inside it for so long at most
SURE = CUT_PROBABILITY  # a cut of this probability stands against a gradual transition around it
SURE_IN_A_ROW = 0.9  # probability that a cut must have among changes of about its size before and after
NOT_IN_A_ROW = 0.3  # what is left of a smaller one
CUT_DISTANCE = 2  # two cuts this near are one: the shortest shot has three frames
RETURN = 0.5  # share of a fade's change that one frame takes back where the next shot begins at full light
FLASH_FRAMES = 16  # a flash and its decay are over within this time
FLASH_SAME = 0.4  # share of new blocks up to which the picture after a flash is the one before


class TransitionFinder:
    """Takes frames in display order; gives transitions in order, without overlaps.

    change: for each frame decided so far, the probability 0..1 of a cut before it.
    novelty: for each frame, the share 0..1 of its blocks that are not in the frame before, and the other way round;
    an upper bound where it is too small for a cut.
    """

    change_threshold = CUT_PROBABILITY

    def __init__(self, fps: float = 24.0, asked: Asked | None = None) -> None:
        """fps: frames per second of the footage; raises ValueError where it is not positive.

        asked: who has a second opinion on doubtful cuts; None for nobody.
        """
        if not fps > 0:
            raise ValueError(f"{fps} frames per second: expected more than 0. Give the footage's average rate.")
        self._stride = max(1, round(fps / 24))
        self.change: list[float] = []
        self.novelty: list[float] = []
        self._second = SecondOpinion(asked) if asked else None
        self._wait = max(REACH_AFTER * self._stride, AFTER if asked else 0)  # frames before a cut is decided
        self._window = Window((BUFFER_FRAMES + 32) * self._stride)
        self._black, self._white = FadeFinder(BLACK), FadeFinder(WHITE)
        self._blends = BlendFinder(
            lambda frame: self._window.sample(frame * self._stride),
            lambda first, second, enough: (
                self._window.novelty(first * self._stride, second * self._stride, at_least=enough).both
            ),
        )
        self._pending: list[tuple[int, float, Transition]] = []  # rank (lower wins), strength, transition
        self._last: Transition | None = None

    def push(self, luma: NDArray[Any], chroma: NDArray[Any]) -> list[Transition]:
        """Take the next frame; return the transitions that are certain by now, in order.

        luma: height x width, chroma: height x width x 2 (U, V), 0-255, any size (about 128 x 72 is enough).
        """
        if self._second is not None:
            self._second.add(SmallPicture(luma, chroma))
        item = sample(luma, chroma)
        self._window.append(item)
        frame = self._window.length - 1
        self.novelty.append(self._window.novelty(frame - 1, frame, at_least=CANDIDATE).both if frame else 0.0)
        if frame % self._stride == 0:
            for fade in self._black.push(item.coarse):
                self._add_fade(fade, rank=0)
            for fade in self._white.push(item.coarse):
                self._add_white_fade(fade)
            for blend in self._blends.push(item.coarse):
                self._add_blend(blend)
        if frame >= self._wait:
            self._decide_cut(frame - self._wait)
        limit = frame - HOLD_FRAMES * self._stride
        for fades in (self._black, self._white):
            if fades.begun is not None and fades.begun * self._stride > frame - HOLD_FADE_FRAMES * self._stride:
                limit = min(limit, fades.begun * self._stride - 1)
        return self._settle(limit)

    def up_to_cut(self, from_frame: int) -> list[Transition]:
        """The transitions up to the first cut from `from_frame` on, as soon as no other can take its place; else none.

        A cut stands against all gradual transitions, so that what comes after it need not be awaited.
        """
        decided = len(self.change) - CUT_DISTANCE
        cuts = [found.frame for _, _, found in self._pending if found.kind == "cut" and found.frame >= from_frame]
        if not cuts or min(cuts) >= decided:
            return []
        for fade in self._black.finish():
            self._add_fade(fade, rank=0)
        for fade in self._white.finish():
            self._add_white_fade(fade)
        return self._settle(min(cuts))

    def finish(self) -> list[Transition]:
        """Return the rest, after the last frame."""
        for frame in range(len(self.change), self._window.length):
            self._decide_cut(frame)
        for fade in self._black.finish():
            self._add_fade(fade, rank=0)
        for fade in self._white.finish():
            self._add_white_fade(fade)
        return self._settle(self._window.length)

    def _decide_cut(self, frame: int) -> None:
        probability = 0.0
        if is_candidate(self._window, frame, self._stride):
            ruled = blank_cut(self._window, frame, self._stride)
            if ruled is not None:
                probability = ruled
            else:
                quick = quick_evidence(self._window, frame, self._stride)
                if not is_no_cut(quick):
                    evidence = cut_evidence(self._window, frame, quick, self._stride)
                    probability = 0.0 if comes_back(evidence) else cut_probability(evidence)
                    if probability < SURE_IN_A_ROW and one_of_a_row(evidence):
                        probability = min(probability, NOT_IN_A_ROW)
                    if self._second is not None:
                        probability = self._second.on(frame, probability)
        self.change.append(probability)
        if probability >= CUT_PROBABILITY:
            self._pending.append((2, probability, Transition("cut", frame, frame, frame, probability)))

    def _add_fade(self, fade: Fade, rank: int) -> None:
        kind: Kind = "fade_out" if fade.outward else "fade_in"
        first, last = self._in_footage(fade.first, fade.last)
        frame = last + 1 if fade.outward else first
        confidence = 1.0 / (1.0 + 0.25 * fade.leftover)
        self._pending.append(
            (
                rank,
                float(last - first),
                Transition(kind, first, last, frame, confidence),
            )
        )
        if fade.outward and self._returns_at_once(first, last):
            self._pending.append((2, confidence, Transition("cut", frame, frame, frame, confidence)))

    def _returns_at_once(self, first: int, last: int) -> bool:
        """Whether the frame after a fade-out is a picture again: then it begins a shot, whatever it shows."""
        if last + 1 >= self._window.length:
            return False
        begin = max(first - 1, self._window.length - BUFFER_FRAMES * self._stride)
        faded, dark = self._window.sample(begin), self._window.sample(last)
        return distance(dark, self._window.sample(last + 1)) > RETURN * distance(faded, dark)

    def _add_white_fade(self, fade: Fade) -> None:
        """A fade to white ends in an empty picture, and is not the light of a flash."""
        oldest = self._window.length - BUFFER_FRAMES * self._stride
        fade_first, fade_last = self._in_footage(fade.first, fade.last)
        end = fade_last if fade.outward else fade_first - 1
        if end < oldest or not is_blank(self._window.sample(end)):
            return
        first, last, flash = end, end, FLASH_FRAMES * self._stride
        while first > max(oldest, 0) and end - first < flash and is_blank(self._window.sample(first - 1)):
            first -= 1
        while last < self._window.length - 1 and last - end < flash and is_blank(self._window.sample(last + 1)):
            last += 1
        before = fade_first - 1 if fade.outward else first - 1
        after = last + 1 if fade.outward else fade_last + 1
        known = before >= max(oldest, 0) and after < self._window.length
        if known and after - before <= flash and self._window.novelty(before, after).both < FLASH_SAME:
            return
        self._add_fade(fade, rank=1)

    def _add_blend(self, blend: Blend) -> None:
        kind: Kind = "wipe" if blend.wipe else "dissolve"
        first, last = self._in_footage(blend.first, blend.last)
        middle = (first + last + 1) // 2
        confidence = float(np.clip(1.0 - 0.5 * blend.leftover / MAX_LEFTOVER, 0.5, 1.0)) if not blend.wipe else 0.7
        strength = blend.change * (1.0 - blend.leftover)
        self._pending.append((1, strength, Transition(kind, first, last, middle, confidence)))

    def _in_footage(self, first: int, last: int) -> tuple[int, int]:
        """A range of strides as a range of frames."""
        last = min((last + 1) * self._stride - 1, self._window.length - 1)
        return min(first * self._stride, last), last

    def _settle(self, limit: int) -> list[Transition]:
        """Choose among overlapping finds, and let go of those that end before `limit`."""
        if not self._pending or min(item[2].start_frame for item in self._pending) > limit:
            return []
        sure = [item[2].frame for item in self._pending if item[2].kind == "cut" and item[1] >= SURE]
        kept: list[Transition] = []
        for rank, strength, found in sorted(self._pending, key=lambda item: (item[0], -item[1])):
            del rank, strength
            trimmed = _without_cuts(found, sure)
            if trimmed is None or (self._last is not None and _exclude(trimmed, self._last)):
                continue
            if not any(_exclude(trimmed, other) for other in kept):
                kept.append(trimmed)
        # What an undecided find still overlaps waits with it.
        waiting = min(
            (item.start_frame for item in kept if item.end_frame > limit),
            default=limit + 1,
        )
        out = sorted(
            (item for item in kept if item.end_frame < waiting),
            key=lambda item: item.start_frame,
        )
        if out:
            self._last = out[-1]
            self._pending = [item for item in self._pending if item[2].end_frame > self._last.end_frame]
        return out


def _without_cuts(found: Transition, cuts: list[int]) -> Transition | None:
    """What is left of a gradual transition beside the cuts that fall into it.

    A fade may begin or end at a cut; a dissolve or wipe with a cut in it was a misreading of two shots.
    """
    for cut in cuts:
        if found.kind == "cut" or not found.start_frame <= cut <= found.end_frame:
            continue
        if found.kind in ("dissolve", "wipe"):
            return None
        if cut - found.start_frame > found.end_frame - cut:
            found = replace(found, end_frame=cut - 1)
        else:
            start = cut + 1
            if start > found.end_frame:
                return None
            found = replace(found, start_frame=start)
        found = replace(
            found,
            frame=found.end_frame + 1 if found.kind == "fade_out" else found.start_frame,
        )
        if found.end_frame - found.start_frame + 1 < MIN_FRAMES:
            return None
    return found


def _exclude(found: Transition, other: Transition) -> bool:
    """Whether two finds cannot both be true."""
    reach = CUT_DISTANCE if found.kind == other.kind == "cut" else 0
    return found.start_frame <= other.end_frame + reach and other.start_frame <= found.end_frame + reach
