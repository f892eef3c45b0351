"""Track reader: packets or decoded frames of one stream of a footage, from any packet or frame on.

One reader keeps its file open. Readers of several streams can share an opened file, if they read one after the other:
libav keeps the place of every packet in memory for each opening of an MP4, 20 MB for a film of two hours.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from av.error import FFmpegError
from celstream_platform.errors import Invalid
from numpy.typing import NDArray

from celstream_segmenter.columns import BLOCK
from celstream_segmenter.opened_file import OpenedFile
from celstream_segmenter.packet_contents import NO_TIME

if TYPE_CHECKING:
    from av.packet import Packet
    from av.stream import Stream

_SEEK_EARLIER_SECONDS = (0, 2, 20)
"""Some containers seek by guesswork (MPEG-TS) or by another stream's key frames: earlier targets are tried in turn,
then the start of the file."""


class TrackReader:
    """Packets of one stream by their number in the index."""

    def __init__(
        self,
        path: Path,
        stream_index: int,
        packet_pts: NDArray[np.int64],
        packet_sizes: NDArray[np.int32],
        shared: OpenedFile | None = None,
    ) -> None:
        """shared: the footage as it was opened by somebody who closes it; no two readers may be in mid-range of it."""
        self.path = path
        self.stream_index = stream_index
        self._pts = packet_pts
        self._sizes = packet_sizes
        self._file = shared or OpenedFile(path)
        self._own = shared is None

    @property
    def stream(self) -> "Stream":
        """The stream that is read."""
        return self._file.container.streams[self.stream_index]

    def close(self) -> None:
        """Close the file, unless it is shared."""
        if self._own:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def packets(self, first: int, last: int) -> Iterator[tuple[int, "Packet[Any]"]]:
        """Packets first to last, both included, each with its number, exactly as the container gives them.

        Raises Invalid where the file no longer gives what the index says.
        """
        found = False
        for read in self._starts(first):
            number = -1
            for packet in read():
                if packet is None:
                    continue
                number = self._number_of(packet, number, first)
                if number > first and not found:
                    break  # the seek went too far
                if number < first:
                    continue
                found = True
                yield number, packet
                if number >= last:
                    return
            if found:
                break
        raise Invalid(
            f"{self.path.name}: packets {first} to {last} of stream {self.stream_index} cannot be read again. "
            "Was the file changed after it was indexed?"
        )

    def _starts(self, first: int) -> Iterator[Callable[[], Iterator["Packet[Any] | None"]]]:
        """Ways to come before packet `first`, the quickest first."""
        time_base = self.stream.time_base
        if self._pts[first] != NO_TIME and time_base:
            for seconds in _SEEK_EARLIER_SECONDS:
                target = int(self._pts[first]) - int(seconds / time_base)
                try:
                    self._file.seek(self.stream_index, target)
                except FFmpegError:
                    break
                yield self._read
        self._file.open_again()
        yield self._read

    def _read(self) -> Iterator["Packet[Any] | None"]:
        return self._file.packets(self.stream_index)

    def _number_of(self, packet: "Packet[Any]", previous: int, about: int) -> int:
        """The packet's number: by time and size, the nearest block to `about` first; -1 while it is not known."""
        following = previous + 1
        pts = NO_TIME if packet.pts is None else packet.pts
        known = previous >= 0 and following < len(self._pts)
        if known and (self._pts[following] == pts or self._sizes[following] == packet.size):
            return following
        reach = BLOCK // 2
        while True:
            low, high = max(following, about - reach), about + reach
            same = (self._pts[low:high] == pts) & (self._sizes[low:high] == packet.size)
            if same.any():
                return low + int(np.argmax(same))
            if low == following and high >= len(self._pts):
                return previous
            reach *= 8
