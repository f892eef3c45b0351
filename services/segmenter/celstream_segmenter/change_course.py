"""The course of a change: whether what changed most had begun to before the frame, and goes on after it.

A codec that is short of bits shows a drawing bit by bit: B-frames mix it with the one before, and later frames mend
what is left. All of these steps go the same way; where a new drawing begins, all of it comes at once.
"""

from collections import deque
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from celstream_segmenter.drawing_change import Change

REACH = 8  # pixels of the small picture, to each side of the block that changed most
LEAST_POWER = 16.0  # squared levels, summed up: a smaller change has no course

Luma = NDArray[Any]  # height x width uint8


class ChangeCourse:
    """Takes pictures in display order; keeps the last four of them."""

    def __init__(self) -> None:
        self._recent: deque[Luma] = deque(maxlen=4)

    def add(self, luma: Luma, changes: list[Change]) -> None:
        """Take the next picture. changes: one a picture so far; the last three of them learn of their course."""
        if self._recent and self._recent[-1].shape != luma.shape:
            self._recent.clear()
        self._recent.append(luma)
        for back in range(min(3, len(self._recent) - 1)):
            place = changes[-1 - back].place
            if place is not None:
                changes[-1 - back] = self._seen(changes[-1 - back], place, back)

    def _seen(self, change: Change, place: tuple[int, int], back: int) -> Change:
        """A change at that place, `back` pictures ago, with what the pictures that are kept tell of its course."""
        x, y = place
        part = np.s_[max(0, y - REACH) : y + REACH, max(0, x - REACH) : x + REACH]
        shown = [picture[part].astype(np.float32) for picture in reversed(self._recent)]  # the latest first
        made = shown[back] - shown[back + 1]
        power = float(np.vdot(made, made)) + LEAST_POWER

        def share(difference: Luma) -> float:
            return float(np.vdot(difference, made)) / power

        if back == 0:
            ways = (share(shown[1] - other) for other in shown[2:])
            return replace(change, begun=(next(ways, 0.0), next(ways, 0.0)))
        goes_on = share(shown[0] - shown[back])
        return replace(change, goes_on=(goes_on, 0.0) if back == 1 else (change.goes_on[0], goes_on))
