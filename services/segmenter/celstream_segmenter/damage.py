"""Damage: the frames of a footage that may not be what was once encoded."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from celstream_segmenter.columns import Shelf

EVEN_SHARE = 0.95
"""Share of evenly spaced frames from which on a hole in time means lost frames, not a variable frame rate."""


@dataclass(frozen=True, slots=True)
class Damage:
    """Frames [start_frame, end_frame) that may differ from what was once encoded; empty where frames are gone."""

    start_frame: int
    end_frame: int
    what: str


def around(keys: NDArray[np.int64], frame_count: int, first: int, last: int, what: str) -> Damage:
    """From the key frame at or before frame `first` to the next one after `last`: what damage there may have touched.

    keys: the frames at which decoding can begin, rising.
    """
    before = int(np.searchsorted(keys, max(first, 0), side="right"))
    after = int(np.searchsorted(keys, last, side="right"))
    start = int(keys[before - 1]) if before else 0
    return Damage(start, int(keys[after]) if after < len(keys) else frame_count, what)


def holes(ticks: NDArray[np.int64], shelf: Shelf) -> list[int]:
    """Frames that follow a hole, in footage whose frames otherwise follow each other evenly.

    ticks: when each frame is shown, rising; kept on the shelf.
    """
    parts = shelf.blocks(len(ticks) - 1)
    gaps, counts = _counted([np.unique_counts(np.diff(ticks[part.start : part.stop + 1])) for part in parts])
    if not len(gaps):
        return []
    usual = _median(gaps, counts)
    even = np.abs(gaps - usual) <= max(1.0, 0.1 * usual)
    if counts[even].sum() < EVEN_SHARE * counts.sum():
        return []  # variable frame rate: a long frame is no hole
    longest = 1.5 * usual + 1
    if gaps[-1] <= longest:
        return []
    found: list[int] = []
    for part in shelf.blocks(len(ticks) - 1):
        long = np.flatnonzero(np.diff(ticks[part.start : part.stop + 1]) > longest)
        found += (long + part.start + 1).tolist()
    return found


def _counted(
    parts: list[tuple[NDArray[np.int64], NDArray[np.int64]]],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The values of all parts, rising, and how many there are of each."""
    if not parts:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    values, places = np.unique_inverse(np.concatenate([part[0] for part in parts]))
    counts = np.bincount(places, np.concatenate([part[1] for part in parts]), len(values))
    return values, counts.astype(np.int64)


def _median(values: NDArray[np.int64], counts: NDArray[np.int64]) -> float:
    """Of so many of each value; values rising."""
    up_to = np.cumsum(counts)
    middle = np.searchsorted(up_to, ((up_to[-1] - 1) // 2, up_to[-1] // 2), side="right")
    return float(values[middle].mean())


def merged(damage: list[Damage]) -> tuple[Damage, ...]:
    """Damage in rising order; overlapping ranges of the same kind become one."""
    result: list[Damage] = []
    for item in sorted(damage, key=lambda d: (d.what, d.start_frame)):
        last = result[-1] if result else None
        if last is not None and last.what == item.what and item.start_frame <= last.end_frame:
            result[-1] = Damage(last.start_frame, max(last.end_frame, item.end_frame), item.what)
        else:
            result.append(item)
    return tuple(sorted(result, key=lambda d: (d.start_frame, d.end_frame)))
