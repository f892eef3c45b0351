"""Fades: a picture that dims to one colour or grows out of it, all of it by the same factor.

The level of a frame is its distance from the colour. Through a fade the level moves one way only, from the level of
the picture to nothing, while the picture itself keeps its shape: what a frame leaves over, once the previous one is
scaled to fit it, is small against the step. A fade may also break off half-way, at a cut.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

MIN_FRAMES = 4  # fewer changing frames are a cut with a mixed frame, not a fade
STEADY = (
    0.003  # relative change of level a frame that still counts as movement of a slow fade (1.4 s from half to full)
)
PAUSE_FRAMES = 3  # repeated drawings inside a fade: on threes the level stands for two frames
JUMP = 0.38  # a step of this share of the fade's range is a cut inside it
NOTHING = 0.12  # level left at the dark end, as a share of the other end
FAINT = 6.0  # level of a frame that shows next to nothing, in grey levels
EDGE = 0.03  # the share of the range at each end that belongs to the shots, not to the fade
SHAPE_FULL, SHAPE_BROKEN = (
    1.6,
    0.35,
)  # what scaling may leave over, relative to the steps: whole fade, broken-off fade
MAX_FRAMES = 400  # levels kept; a fade is at most this long


@dataclass(frozen=True, slots=True)
class Fade:
    """first, last: first and last changing frame; outward: True for a fade-out; leftover: 0 for a perfect fade."""

    first: int
    last: int
    outward: bool
    leftover: float


class FadeFinder:
    """Follows the level above one colour, frame by frame."""

    def __init__(self, colour: tuple[float, float, float]) -> None:
        """colour: Y, U, V of the picture that is nothing (16, 128, 128 for black)."""
        self._colour = np.array(colour, dtype=np.float64)
        self._levels: deque[float] = deque(maxlen=MAX_FRAMES)
        self._leftovers: deque[float] = deque(maxlen=MAX_FRAMES)
        self._last: NDArray[np.float64] | None = None
        self._last_power = 0.0
        self._count = 0
        self._start = 0
        self._direction = 0
        self._moved = 0

    def push(self, coarse: NDArray[np.float32]) -> list[Fade]:
        """coarse: height x width x 3, Y, U, V. Returns the fades that this frame ends."""
        above = (coarse - self._colour).ravel()
        power = float(above @ above)
        level = sqrt(power / above.size)
        frame = self._count
        found: list[Fade] = []
        if self._last is None:
            leftover, direction = 0.0, 0
        else:
            common = float(above @ self._last)
            gain = common / max(1.0, self._last_power)
            # What is left of `above` once `gain` times the frame before is taken from it.
            leftover = sqrt(max(0.0, power - 2 * gain * common + gain * gain * self._last_power) / above.size)
            step = level - self._levels[-1]
            moving = abs(step) > max(0.05, STEADY * max(level, self._levels[-1]))
            direction = (1 if step > 0 else -1) if moving else 0
        self._levels.append(level)
        self._leftovers.append(leftover)
        self._last, self._last_power = above, power
        self._count += 1
        if direction == self._direction and direction != 0:
            self._moved = frame
        elif direction == -self._direction or (direction == 0 and frame - self._moved > PAUSE_FRAMES):
            found = self._close(self._moved)
            self._direction = direction
            self._start = frame - 1
            self._moved = frame
        elif self._direction == 0 and direction != 0:
            self._direction, self._start, self._moved = direction, frame - 1, frame
        return found

    def finish(self) -> list[Fade]:
        """The fade that the footage ends in, if any."""
        return self._close(self._moved)

    @property
    def begun(self) -> int | None:
        """First frame of a change of level that is still going on and may become a fade."""
        return self._start + 1 if self._direction != 0 and self._count - self._start > MIN_FRAMES else None

    def _close(self, end: int) -> list[Fade]:
        """Judge the movement of level from frame `start` (before it) to frame `end`."""
        oldest = self._count - len(self._levels)
        start = max(self._start, oldest)
        if self._direction == 0 or end - start < MIN_FRAMES:
            return []
        levels = np.array(self._levels)[start - oldest : end - oldest + 1]
        leftovers = np.array(self._leftovers)[start - oldest : end - oldest + 1]
        if self._direction > 0 and start == 0 and levels[1] - levels[0] > 0.5 * levels[0]:
            # The footage begins with the first mixed frame: nothing was before it.
            levels, leftovers = (
                np.append(0.0, levels),
                np.append(leftovers[0], leftovers),
            )
        if self._direction > 0:  # a fade-in is a fade-out read backwards
            levels, leftovers = (
                levels[::-1],
                np.concatenate((leftovers[:1], leftovers[:0:-1])),
            )
        result = judge(levels, leftovers)
        if result is None:
            return []
        first, last, leftover = result
        if self._direction < 0:
            return [Fade(start + first, start + last, True, leftover)]
        return [Fade(end - last + 1, end - first + 1, False, leftover)]


def judge(levels: NDArray[np.float64], leftovers: NDArray[np.float64]) -> tuple[int, int, float] | None:
    """Whether falling `levels` are a fade-out: (first changing index, last changing index, leftover), or None.

    levels: of consecutive frames, falling. leftovers: of each frame after scaling its predecessor, same length.
    """
    steps = -np.diff(levels)
    broken = False
    jumps = np.flatnonzero(steps > JUMP * (levels[0] - levels[-1]))
    if jumps.size:
        if jumps[-1] < MIN_FRAMES:  # a cut at the bright end: judge what comes after it
            offset = int(jumps[-1]) + 1
            rest = judge(levels[offset:], leftovers[offset:]) if levels.size - offset > MIN_FRAMES else None
            return None if rest is None else (rest[0] + offset, rest[1] + offset, rest[2])
        levels, leftovers, steps = (
            levels[: jumps[0] + 1],
            leftovers[: jumps[0] + 1],
            steps[: jumps[0]],
        )
        broken = True
    if levels.size <= MIN_FRAMES:
        return None
    span = levels[0] - levels[-1]
    if span <= 0:
        return None
    first = int(np.flatnonzero(levels[0] - levels > EDGE * span)[0])
    last = int(np.flatnonzero(levels - levels[-1] > EDGE * span)[-1]) + 1
    if last - first + 1 < MIN_FRAMES:
        return None
    inner = slice(first, last + 1)
    leftover = float(leftovers[inner].sum() / max(1e-6, steps[first - 1 : last].sum()))
    share = levels[-1] / max(levels[0], 1e-6)
    dark = levels[-1] < FAINT and span > max(1.2, 0.35 * levels[0])
    if broken:
        return (first, last, leftover) if share < 0.75 and leftover < SHAPE_BROKEN else None
    if dark and share < 0.7:
        return first, last, leftover
    return (first, last, leftover) if share < NOTHING and leftover < SHAPE_FULL else None
