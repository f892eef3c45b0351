"""How found transitions are scored against labelled ones.

Cuts match one to one within a frame. A gradual transition matches a labelled one of its kind at a temporal
intersection over union of at least one half. What is found beside or inside a labelled gradual transition, or at a
frame that the labeller was not sure of, counts neither way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

CUT_TOLERANCE_FRAMES = 1
FREE_FRAMES = 12  # labels of gradual transitions are true to about six frames at each end
UNSURE_FRAMES = 2


class Found(Protocol):
    """A transition that was found; frames are counted from 0, ranges inclusive.

    kind: cut, dissolve, fade_in, fade_out or wipe. frame: first frame of the new shot. start_frame, end_frame: first
    and last changing frame.
    """

    @property
    def kind(self) -> str:
        """How the change is made."""

    @property
    def frame(self) -> int:
        """First frame of the new shot."""

    @property
    def start_frame(self) -> int:
        """First changing frame."""

    @property
    def end_frame(self) -> int:
        """Last changing frame."""


@dataclass(frozen=True, slots=True)
class Labels:
    """cuts: first frames of new shots. gradual: kind, first and last changing frame. unsure: frames to leave out."""

    cuts: tuple[int, ...]
    gradual: tuple[tuple[str, int, int], ...] = ()
    unsure: tuple[int, ...] = ()


@dataclass(slots=True)
class Count:
    """true, false: what was found; missed: what was not. The frames of the last two are kept to look at."""

    true: int = 0
    false: list[int] = field(default_factory=list)
    missed: list[int] = field(default_factory=list)

    @property
    def given(self) -> int:
        """How many were found that count."""
        return self.true + len(self.false)

    @property
    def expected(self) -> int:
        """How many there were to find."""
        return self.true + len(self.missed)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 1 where there was nothing to find and nothing was found."""
        wrong = len(self.false) + len(self.missed)
        return 2 * self.true / (2 * self.true + wrong) if self.true + wrong else 1.0

    def add(self, other: Count) -> None:
        self.true += other.true
        self.false += other.false
        self.missed += other.missed

    def __str__(self) -> str:
        return f"{self.f1:.3f} ({self.true} / {len(self.false)} / {len(self.missed)})"


def score(found: Sequence[Found], labels: Labels) -> tuple[Count, Count]:
    """Counts of cuts, and of gradual transitions."""
    return _score_cuts(found, labels), _score_gradual(found, labels)


def _score_cuts(found: Sequence[Found], labels: Labels) -> Count:
    count, open_cuts = Count(), set(labels.cuts)
    for frame in sorted({item.frame for item in found if item.kind == "cut"}):
        near = [cut for cut in open_cuts if abs(cut - frame) <= CUT_TOLERANCE_FRAMES]
        if near:
            open_cuts.discard(min(near, key=lambda cut: abs(cut - frame)))
            count.true += 1
            continue
        free = any(first - FREE_FRAMES <= frame <= last + FREE_FRAMES for _, first, last in labels.gradual)
        if not free and not any(abs(frame - unsure) <= UNSURE_FRAMES for unsure in labels.unsure):
            count.false.append(frame)
    count.missed = sorted(open_cuts)
    return count


def _score_gradual(found: Sequence[Found], labels: Labels) -> Count:
    count, left = Count(), list(labels.gradual)
    for item in found:
        if item.kind == "cut":
            continue
        match = next((label for label in left if label[0] == item.kind and _overlap(item, label) >= 0.5), None)
        if match is not None:
            left.remove(match)
            count.true += 1
        elif not any(item.start_frame <= last and first <= item.end_frame for _, first, last in labels.gradual):
            count.false.append(item.start_frame)
    count.missed = [first for _, first, _ in left]
    return count


def _overlap(item: Found, label: tuple[str, int, int]) -> float:
    _, first, last = label
    common = min(item.end_frame, last) - max(item.start_frame, first) + 1
    return common / (max(item.end_frame, last) - min(item.start_frame, first) + 1)
