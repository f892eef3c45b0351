"""Field matcher: puts frames together again, moment by moment, each when the frames around it have been seen.

Where little moves, the codec's noise is larger than what tells a frame's two moments apart: a faint drawing is put
together with the one before, and seems to come twice. Telecine's cycle, once it is known, tells instead.
"""

from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np

from celstream_segmenter.field_matching import (
    AGREEMENT,
    CYCLE,
    CYCLE_REACH,
    LATE,
    LEAST_WEIGHT,
    TELLING_SHARE,
    Match,
    Plane,
    agreements,
    compared,
    telling_weight,
)

LOOKAHEAD = 30  # frames that are waited for; where the cycle changes, at a cut, they outvote few of those before
CONTRADICTS = 0.5  # of the weight of what moves most: a match that tells so much knows better than the cycle


@dataclass(frozen=True, slots=True)
class Fields:
    """A frame's two fields and the bottom field of the frame before, each height x width, 0-255."""

    top: Plane
    bottom: Plane
    bottom_before: Plane


@dataclass(frozen=True, slots=True)
class _Waiting:
    luma: Plane
    fields: Fields | None


class FieldMatcher:
    """Takes frames in display order and gives them back in that order, put together: some of them later."""

    def __init__(self) -> None:
        self._matches: list[Match | None] = []
        self._waiting: deque[_Waiting] = deque()

    def add(self, luma: Plane, fields: Fields | None) -> list[tuple[Plane, Match | None]]:
        """Take the next frame: its picture, and its fields where it may hold two moments.

        Returns the pictures of the frames that are decided by now, each with what its own fields tell.
        """
        self._matches.append(None if fields is None else compared(fields.top, fields.bottom, fields.bottom_before))
        if fields is None and not self._waiting:
            return [(luma, None)]
        self._waiting.append(_Waiting(luma, fields))
        return self._decided(CYCLE) if len(self._waiting) >= LOOKAHEAD + CYCLE else []

    def rest(self) -> list[tuple[Plane, Match | None]]:
        """The frames that still wait; for what is added later they are the frames before."""
        return self._decided(len(self._waiting))

    def _decided(self, count: int) -> list[tuple[Plane, Match | None]]:
        if count == 0:
            return []
        first = len(self._matches) - len(self._waiting)
        start = max(0, first - CYCLE_REACH)
        around = [match or Match(late=False, weight=0.0) for match in self._matches[start:]]
        most = telling_weight(around)
        shares = agreements(around, least_weight=0.0, telling_share=0.0)
        phase = None if shares is None or shares.max() < AGREEMENT else int(np.argmax(shares))
        found: list[tuple[Plane, Match | None]] = []
        for number in range(first, first + count):
            waiting, match = self._waiting.popleft(), self._matches[number]
            if waiting.fields is None or match is None:
                found.append((waiting.luma, None))
                continue
            late = match.late and match.weight >= max(LEAST_WEIGHT, TELLING_SHARE * most)
            if phase is not None and (match.weight < CONTRADICTS * most):
                late = (number - start + phase) % CYCLE in LATE
            fields = waiting.fields
            bottom = fields.bottom_before if late else fields.bottom
            found.append((cv2.addWeighted(fields.top, 0.5, bottom, 0.5, 0), match))
        return found
