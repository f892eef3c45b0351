"""Transitions: where one shot becomes the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["cut", "dissolve", "fade_in", "fade_out", "wipe"]

KINDS: tuple[Kind, ...] = ("cut", "dissolve", "fade_in", "fade_out", "wipe")


@dataclass(frozen=True, slots=True)
class Transition:
    """One transition; frames are counted in display order from 0.

    kind: how the change is made.
    start_frame, end_frame: first and last changing frame, inclusive; both equal `frame` for a cut.
    frame: first frame of the new shot (of a fade_out: the first frame of what follows it).
    confidence: 0..1, how far the evidence lies from the decision's boundary.
    Raises ValueError for a range that is reversed or begins before frame 0, and for a confidence outside 0..1.
    """

    kind: Kind
    start_frame: int
    end_frame: int
    frame: int
    confidence: float

    def shifted(self, frames: int) -> Transition:
        """The same transition so many frames later."""
        return Transition(
            self.kind, self.start_frame + frames, self.end_frame + frames, self.frame + frames, self.confidence
        )

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"transition kind {self.kind!r}: expected one of {', '.join(KINDS)}.")
        if not 0 <= self.start_frame <= self.end_frame:
            raise ValueError(f"transition range {self.start_frame}..{self.end_frame}: expected 0 <= start <= end.")
        if self.kind == "cut" and not self.start_frame == self.frame == self.end_frame:
            raise ValueError(
                f"cut at {self.frame} with range {self.start_frame}..{self.end_frame}: a cut is one frame."
            )
        if not 0.0 <= self.confidence <= 1.0:
            raise ValueError(f"transition confidence {self.confidence}: expected 0..1.")
