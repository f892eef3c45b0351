"""How measured holds are scored against drawn ones.

A hold counts as right where its first and its last frame are exact. Compared is where both sides know something: inside
a stretch of frames, at whose ends holds of both sides are cut.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise


@dataclass(frozen=True, slots=True)
class Holds:
    """Holds in order from a first frame on, each with its length in frames."""

    start_frame: int
    lengths: Sequence[int]

    def inside(self, start_frame: int, end_frame: int) -> set[tuple[int, int]]:
        """The parts of them that lie in frames [start_frame, end_frame), as ranges [first, end)."""
        edges = accumulate(self.lengths, initial=self.start_frame)
        parts = ((max(first, start_frame), min(end, end_frame)) for first, end in pairwise(edges))
        return {(first, end) for first, end in parts if first < end}

    @property
    def end_frame(self) -> int:
        """The frame after the last one."""
        return self.start_frame + sum(self.lengths)


@dataclass(frozen=True, slots=True)
class HoldCount:
    """Numbers of holds. expected: drawn. given: measured. right: both, exactly."""

    expected: int = 0
    given: int = 0
    right: int = 0


def score_holds(drawn: Iterable[tuple[Holds, int, int]], measured: Iterable[Holds]) -> HoldCount:
    """Compare the holds of clips with those that were drawn.

    drawn: holds of shots, each with the frames [first, end) in which they can be seen for certain.
    """
    expected = given = right = 0
    clips = list(measured)
    for holds, first, end in drawn:
        for clip in clips:
            stretch = max(first, clip.start_frame), min(end, clip.end_frame)
            true, said = holds.inside(*stretch), clip.inside(*stretch)
            expected, given, right = expected + len(true), given + len(said), right + len(true & said)
    return HoldCount(expected, given, right)
