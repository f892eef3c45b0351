"""Shots: the frames between two transitions.

Frames inside a gradual transition show two pictures at once, or one half dark: they belong to no shot.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from celstream_segmenter.transitions import Transition


@dataclass(frozen=True, slots=True)
class Shot:
    """Frames [start_frame, end_frame), display order.

    ordinal: from 0 within the footage. opening, closing: the transitions beside it, None at the footage's ends.
    """

    ordinal: int
    start_frame: int
    end_frame: int
    opening: Transition | None
    closing: Transition | None


@dataclass(frozen=True, slots=True)
class Doubt:
    """A place where the segmentation may be wrong.

    kind: `merge` where the shot `ordinal` and the one before it look like one, `split` where one looks like two.
    frame: the first frame of what follows the place. shape, colour: similarity 0..1 of the frames on both sides.
    reason: for people.
    """

    kind: Literal["merge", "split"]
    ordinal: int
    frame: int
    shape: float
    colour: float
    reason: str


@dataclass(frozen=True, slots=True)
class Beginning:
    """Where a chapter begins.

    frame: its first. ticks: that frame's time; not read for frame 0. shot_ordinal: of its first shot. opening: what it
    opens with.
    """

    frame: int = 0
    ticks: int = 0
    shot_ordinal: int = 0
    opening: Transition | None = None


def first_frame_after(transition: Transition) -> int:
    """The first frame that shows nothing but the new shot."""
    return transition.frame if transition.kind == "cut" else transition.end_frame + 1


class ShotAssembler:
    """Turns transitions into shots as they become known."""

    def __init__(self, start_frame: int = 0, ordinal: int = 0, opening: Transition | None = None) -> None:
        """start_frame, ordinal, opening: of the first shot."""
        self.next_ordinal = ordinal
        self._start_frame = start_frame
        self._opening = opening

    def add(self, transition: Transition) -> list[Shot]:
        """The shot that this transition ends: none where it leaves no frame between itself and the one before.

        Transitions come in order and do not overlap.
        """
        shots = self._close(transition.start_frame, transition)
        self._start_frame = first_frame_after(transition)
        self._opening = transition
        return shots

    def finish(self, frame_count: int) -> list[Shot]:
        """The last shot, up to the end of the footage."""
        return self._close(frame_count, None)

    def _close(self, end_frame: int, closing: Transition | None) -> list[Shot]:
        if end_frame <= self._start_frame:
            return []
        shot = Shot(self.next_ordinal, self._start_frame, end_frame, self._opening, closing)
        self.next_ordinal += 1
        return [shot]


def without(start_frame: int, end_frame: int, holes: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """What is left of [start_frame, end_frame) when the ranges `holes` (each [start, end), in order) are taken out."""
    left = []
    for hole_start, hole_end in holes:
        if hole_end <= start_frame or hole_start >= end_frame:
            continue
        if hole_start > start_frame:
            left.append((start_frame, hole_start))
        start_frame = max(start_frame, hole_end)
    if start_frame < end_frame:
        left.append((start_frame, end_frame))
    return left
