"""Coordinates of a head: origin at its centre, unit half its height, x to where it faces, y to the chin."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from celstream_renderer.paint import ellipse, smooth
from celstream_renderer.skeleton import INDEX

Points = NDArray[np.float64]
Pairs = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class HeadFrame:
    """centre: world units; across, down: unit vectors; half: half the head's height; turn: 0 front, 1 profile."""

    centre: Points
    across: Points
    down: Points
    half: float
    turn: float

    def points(self, pairs: Pairs) -> Points:
        """World positions, shape (n, 2), of points of the head."""
        local = np.asarray(pairs, dtype=np.float64)
        return np.asarray(self.centre + self.half * (local[:, :1] * self.across + local[:, 1:] * self.down))

    def curve(self, pairs: Pairs, *, closed: bool = True) -> Points:
        """A smooth curve through points of the head."""
        return smooth(self.points(pairs), closed=closed)

    def oval(self, x: float, y: float, wide: float, high: float) -> Points:
        """An upright ellipse on the head."""
        local = ellipse(np.array([x, y]), wide, high, count=22)
        return np.asarray(self.centre + self.half * (local[:, :1] * self.across + local[:, 1:] * self.down))


def head_frame(joints: Points, facing: int, turn: float) -> HeadFrame:
    """The head's frame from joints (29, 2) in world units."""
    centre, top = joints[INDEX["head"]], joints[INDEX["head_top"]]
    up = top - centre
    half = float(np.hypot(*up))
    down = -up / half
    across = np.array([down[1], -down[0]]) * facing
    return HeadFrame(centre, across, down, half, turn)
