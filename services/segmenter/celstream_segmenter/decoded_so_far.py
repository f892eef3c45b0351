"""Decoded so far: the frames that the decoder gave of a footage, against those that its index has."""

import numpy as np
from numpy.typing import NDArray

from celstream_segmenter.packet_index import FootageIndex
from celstream_segmenter.shots import Beginning

Ticks = NDArray[np.int64]
Marks = NDArray[np.bool_]


class DecodedSoFar:
    """What the decoder gave from the first frame on; as long as the index has just that, only how much is kept."""

    def __init__(self, index: FootageIndex) -> None:
        self._index = index
        self._as_indexed = 0
        """So many of the first frames came as the index has them, and whole."""
        self._ticks: Ticks = np.empty(0, np.int64)
        self._corrupt: Marks = np.empty(0, np.bool_)

    def add(self, ticks: Ticks, corrupt: Marks) -> None:
        """Take the next frames: their times, and which of them the decoder had to make up."""
        start = self._as_indexed
        expected = self._index.frame_times[start : start + len(ticks)]
        if not len(self._ticks) and not corrupt.any() and np.array_equal(ticks, expected):
            self._as_indexed += len(ticks)
        else:
            self._ticks, self._corrupt = np.append(self._ticks, ticks), np.append(self._corrupt, corrupt)

    def add_unseen(self, count: int) -> None:
        """Take the first frames, which somebody else decodes, as the index has them."""
        self._as_indexed = count

    def reconciled(self, following: Beginning | None) -> FootageIndex:
        """The index with the frames that came before `following`; what comes then is taken as it is."""
        index, count = self._index, self._as_indexed
        if not len(self._ticks):
            goes_on = following is not None and (following.frame, following.ticks) == (count, index.ticks_at(count))
            if goes_on or (following is None and count == index.frame_count):
                return index
        ticks = np.concatenate((index.frame_times[:count], self._ticks))
        corrupt = np.concatenate((np.zeros(count, np.bool_), self._corrupt))
        if following is not None:
            later = index.frame_times[index.frame_times >= following.ticks]
            ticks, corrupt = np.append(ticks, later), np.append(corrupt, np.zeros(len(later), np.bool_))
        return index.reconciled(ticks, corrupt)
