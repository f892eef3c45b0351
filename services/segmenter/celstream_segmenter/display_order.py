"""Display order: the frames of a film, one packet each, in the order of their times.

A decoder shows frames out of the order of their packets, by a few places. Packets are sorted block by block; what a
later block may still come before waits for it. Only a footage whose times jump back is sorted as a whole.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from celstream_segmenter.columns import Column, Shelf

Numbered = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Numbers of packets, rising, and when each is shown."""


def in_display_order(shown: Callable[[slice], Numbered], packet_count: int, shelf: Shelf) -> Numbered:
    """The packet of each frame, and its time, rising; where several have the same time, the first one in the file.

    shown: the packets among these that show a frame. The result is kept on the shelf.
    """
    latest = np.iinfo(np.int64).max
    firsts = [int(shown(part)[1].min(initial=latest)) for part in shelf.blocks(packet_count)]
    later = [*np.minimum.accumulate(firsts[::-1])[-2::-1].tolist(), latest] if firsts else []
    packets, ticks = Column(shelf, np.int64), Column(shelf, np.int64)
    before: int | None = None
    numbers = times = np.empty(0, np.int64)
    for part, first_later in zip(shelf.blocks(packet_count), later, strict=True):
        new_numbers, new_times = shown(part)
        numbers, times = np.concatenate((numbers, new_numbers)), np.concatenate((times, new_times))
        order = np.argsort(times, kind="stable")
        numbers, times = numbers[order], times[order]
        certain = int(np.searchsorted(times, first_later))
        if certain:
            distinct = np.concatenate(([before is None or times[0] > before], times[1:certain] > times[: certain - 1]))
            packets.extend(numbers[:certain][distinct])
            ticks.extend(times[:certain][distinct])
            before = int(times[certain - 1])
        numbers, times = numbers[certain:], times[certain:]
    return packets.finished(), ticks.finished()
