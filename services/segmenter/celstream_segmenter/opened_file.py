"""Opened file: the packets of a footage from any place on, one reader at a time.

A long MP4 is opened for half an hour at a time, for libav keeps the place of every packet of an opened one in memory
(see `mp4_parts`, `mp4_fragments`); its readers notice nothing. So it does of AVI and FLV, which are rarely as long; of
Matroska and MPEG-TS it keeps little.
"""

import gc
from collections.abc import Collection, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from av.error import FFmpegError
from av.stream import Discard
from celstream_platform.footage.life_sign import still_working
from celstream_platform.footage.long_mp4 import long_mp4
from celstream_platform.footage.opening import open_container, open_shown

from celstream_segmenter.free_memory import hand_back

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream
    from celstream_platform.footage.mp4_parts import Part

MAX_UNREADABLE_PACKETS = 64
"""Read errors in a row after which the rest of a damaged file is given up: a broken file must come to an end."""


def packets_through_damage(container: "InputContainer", streams: tuple[Any, ...]) -> Iterator["Packet[Any] | None"]:
    """The packets of `streams` in file order; None where bytes could not be read and reading went on behind them.

    Whatever is done for long in a limited child is done with packets: here it says that it goes on.
    """
    failures = 0
    while failures < MAX_UNREADABLE_PACKETS:
        try:
            for packet in container.demux(*streams):
                failures = 0
                still_working()
                if packet.size and (packet.dts is not None or packet.pts is not None):
                    yield packet
        except FFmpegError:
            failures += 1
            yield None
        except IndexError:
            return  # damage made a stream appear in mid-file; PyAV miscounts its streams at the end of the file
        else:
            return


class OpenedFile:
    """A footage that is open for one reader at a time."""

    container: "InputContainer"
    """As it is open now. Going on into another part of a long film opens another; streams of this one stay valid."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._long = long_mp4(path)
        self._number = 0
        self._parts: dict[int, Part] = {}
        self._goes_on = False
        """Whether the part's first packets are wanted, not those from where it was sought to."""
        self._open(0)

    def open_again(self) -> None:
        """Begin anew; streams that were got before are void."""
        self.close()
        self._open(0)

    def close(self) -> None:
        """Close the file."""
        self.container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def rate(self, video: "VideoStream") -> Fraction | None:
        """Frames a second by the container; None where it does not say."""
        rate = self._long.rate(video.index) if self._long else None
        return rate or video.average_rate or video.guessed_rate

    def seek(self, stream_index: int, ticks: int) -> None:
        """Stand at a key frame at or before a time, ticks of the stream. Raises FFmpegError where that cannot be."""
        stream = self.container.streams[stream_index]
        if self._long is not None and stream.time_base is not None:
            number = self._long.part_at(stream_index, ticks * stream.time_base)
            if number != self._number:
                self._open(number)
                stream = self.container.streams[stream_index]
        self._goes_on = False
        stream.discard = Discard.default  # MPEG-TS finds no packet of a stream that another reader wanted none of
        self.container.seek(ticks, stream=stream, backward=True)

    def packets(self, *stream_indices: int) -> Iterator["Packet[Any] | None"]:
        """The packets of streams from where the file stands, in file order; None: see `packets_through_damage`."""
        while True:
            for stream in self.container.streams:
                stream.discard = Discard.default if stream.index in stream_indices else Discard.all
            streams = tuple(self.container.streams[index] for index in stream_indices)
            packets = packets_through_damage(self.container, streams)
            if self._long is None:
                yield from packets
                return
            yield from self._of_part(packets, stream_indices)
            if self._number + 1 >= self._long.count:
                return
            self._open(self._number + 1)
            self._goes_on = True

    def _of_part(
        self, packets: Iterator["Packet[Any] | None"], stream_indices: Collection[int]
    ) -> Iterator["Packet[Any] | None"]:
        """Those packets that belong to the part of the film that is open."""
        parts = {index: self._parts[index] for index in stream_indices if index in self._parts}
        begins = {index: part.first for index, part in parts.items() if part.first is not None and self._goes_on}
        over: set[int] = set()
        for packet in packets:
            if packet is None:
                yield None
                continue
            index = packet.stream_index
            if index in over or index not in parts:
                continue
            if index in begins:
                if packet.pos != begins[index]:
                    continue
                del begins[index]
            if packet.pos == parts[index].end:
                over.add(index)
                if len(over) == len(parts):
                    return
                continue
            yield packet

    def _open(self, number: int) -> None:
        self._number, self._goes_on = number, False
        if self._long is None:
            self.container = open_container(self.path)
        else:
            shown, self._parts = self._long.shown(number)
            self.container = open_shown(shown, self.path.name)
            gc.collect()  # the part before, unless somebody still has its streams: they and it know each other
        hand_back()  # opening a film of hours leaves as much free as it keeps
