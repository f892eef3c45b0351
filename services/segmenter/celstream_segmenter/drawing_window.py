"""The recent frames of a footage, and what their drawings have in common.

A drawing is held for one or more frames: pairs of frames are compared once for each pair of their drawings.
"""

from __future__ import annotations

from celstream_segmenter.transition_features import (
    SAME,
    Novelty,
    Sample,
    novelty,
    same_drawing,
)


class Window:
    """The recent frames of a footage and what pairs of their drawings have in common, computed once.

    Frames are numbered from 0 at the start of the footage; those asked for outside the footage are its first or last.
    """

    def __init__(self, capacity: int) -> None:
        """capacity: how many frames are kept; asking for an older one raises IndexError."""
        self._capacity = capacity
        self._samples: dict[int, Sample] = {}
        self._drawn: dict[int, int] = {}  # each frame's drawing, by the first frame that shows it
        self._drawings: dict[int, Sample] = {}
        self._pairs: dict[tuple[int, int], Novelty] = {}
        self.length = 0

    def append(self, item: Sample) -> None:
        frame = self.length
        held = frame > 0 and same_drawing(self._drawings[self._drawn[frame - 1]], item)
        self._drawn[frame] = self._drawn[frame - 1] if held else frame
        if not held:
            self._drawings[frame] = item
        self._samples[frame] = item
        self.length += 1
        expired = frame - self._capacity
        if expired >= 0:
            del self._samples[expired], self._drawn[expired]
        if self.length % 64 == 0:
            oldest = min(self._drawn.values())
            self._drawings = {drawing: first for drawing, first in self._drawings.items() if drawing >= oldest}
            self._pairs = {pair: value for pair, value in self._pairs.items() if min(pair) >= oldest}

    def sample(self, frame: int) -> Sample:
        frame = min(max(frame, 0), self.length - 1)
        if frame not in self._samples:
            raise IndexError(f"frame {frame} is no longer kept: the window holds the last {self._capacity}.")
        return self._samples[frame]

    def novelty(self, first: int, second: int, *, at_least: float = 0.0) -> Novelty:
        """As transition_features.novelty; what is below `at_least` may be an upper bound."""
        pair = self._drawing(first), self._drawing(second)
        known = SAME if pair[0] == pair[1] else self._pairs.get(pair)
        if known is None or not (known.exact or known.both < at_least):
            # In a slow fade the drawing's first frame is far from its last one, which the next drawing follows.
            follows = self._drawn.get(pair[1] - 1) == pair[0] and pair[1] - 1 in self._samples
            before = self._samples[pair[1] - 1] if follows else self._drawings[pair[0]]
            known = novelty(before, self._drawings[pair[1]], at_least=at_least)
            self._pairs[pair] = known
        return known

    def _drawing(self, frame: int) -> int:
        """The first frame that shows the drawing of `frame`."""
        frame = min(max(frame, 0), self.length - 1)
        if frame not in self._drawn:
            raise IndexError(f"frame {frame} is no longer kept: the window holds the last {self._capacity}.")
        return self._drawn[frame]
