"""Frame reader: the decoded frames [start, end) of a footage, each exactly as a decode of the whole file gives it.

The decoder starts at a key frame before the range. Frames are known by their time stamps; where one is missing or
out of order (an open GOP, a damaged key frame), decoding starts again from an earlier key frame.
"""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self, cast

import numpy as np
from av.codec.context import ThreadType
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from celstream_platform.errors import Invalid

from celstream_segmenter.columns import BLOCK
from celstream_segmenter.packet_index import FootageIndex, PacketFlag, VideoIndex
from celstream_segmenter.track_reader import TrackReader

_KEYS_NAMED = 8
_STARTS_TRIED = 4
"""Key frames tried before decoding from the start of the file: an open GOP needs one step back, damage a few."""

ALL_OR_NONE = frozenset({"libdav1d"})
"""Decoders that ask only when they are opened which frames may be left out, and then leave them out for ever."""


def key_packets_before(video: VideoIndex, frame: int) -> list[int]:
    """Up to eight packets from which a decoder can reach `frame`, the nearest first; the file's first packet at last.

    A key frame serves when it is shown no later than `frame`: what is shown before it but comes after it in the
    file (leading pictures) may need the group of pictures before it.
    """
    end, ticks = int(video.frame_packets[frame]) + 1, video.frame_ticks[frame]
    found: list[int] = []
    while end > 0 and len(found) < _KEYS_NAMED:
        start = max(0, end - BLOCK)
        keys = start + np.flatnonzero(video.packet_flags[start:end] & PacketFlag.KEY)
        found += keys[video.packet_pts[keys] <= ticks][::-1].tolist()
        end = start
    del found[_KEYS_NAMED:]
    return found if found and found[-1] == 0 else [*found, 0]


class FrameReader:
    """Decoded frames by their number in the index; ranges in rising order are read in one pass."""

    def __init__(self, path: Path, index: FootageIndex, *, threads: int = 0) -> None:
        """threads: of the decoder; 0 for one per processor, 1 for single frames here and there."""
        self._path = path
        self._threads = threads
        self._video = index.video
        self._sparingly = not index.damage and index.video.codec not in ALL_OR_NONE
        self._reader = TrackReader(path, index.video.stream_index, index.video.packet_pts, index.video.packet_sizes)
        self._decoding: Iterator[VideoFrame] | None = None
        self._next_frame = 0
        """Every frame before this one has come out of the decoder by now."""
        self._held: VideoFrame | None = None
        self._wanted_ticks = 0
        """Nobody wants frames that are shown before."""

    def close(self) -> None:
        """Close the file."""
        self._decoding = None
        self._reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def codec_context(self) -> VideoCodecContext:
        """The decoder: picture size, pixel format and colour of the stream."""
        return cast(VideoCodecContext, self._reader.stream.codec_context)

    @property
    def stream(self) -> VideoStream:
        """The stream that is read."""
        return cast(VideoStream, self._reader.stream)

    def frames(self, start: int, end: int) -> Iterator[VideoFrame]:
        """Frames start to end - 1 in display order.

        Raises Invalid where one of them cannot be decoded from any key frame.
        """
        at = start
        self._wanted_ticks = int(self._video.frame_ticks[start]) if start < end else 0
        if self._decoding is not None and self._worth_going_on(start):
            for frame in self._through(at, end):
                at += 1
                yield frame
        for key in self._starting_packets(start):
            if at == end:
                return
            self._decoding, self._next_frame, self._held = self._decode_from(key), 0, None
            for frame in self._through(at, end):
                at += 1
                yield frame
        if at != end:
            raise Invalid(
                f"{self._path.name}: frame {at} cannot be decoded. Index the footage again with what its decoder gives."
            )

    def _starting_packets(self, start: int) -> list[int]:
        keys = key_packets_before(self._video, start)
        return keys if len(keys) <= _STARTS_TRIED else [*keys[: _STARTS_TRIED - 1], 0]

    def _worth_going_on(self, start: int) -> bool:
        """Whether the decoder stands before `start` with no key frame in between to jump to."""
        if self._next_frame > start:
            return False
        nearest = key_packets_before(self._video, start)[0]
        return bool(self._video.packet_pts[nearest] <= self._video.frame_ticks[self._next_frame])

    def _through(self, start: int, end: int) -> Iterator[VideoFrame]:
        """Frames from `start` on as long as they come in order and whole; stops at the first that does not."""
        ticks = self._video.frame_ticks
        assert self._decoding is not None
        wanted = start
        while wanted < end:
            frame = self._held or next(self._decoding, None)
            self._held = None
            if frame is None:
                self._decoding = None
                return
            if frame.pts is None:
                continue
            number = int(np.searchsorted(ticks, frame.pts))
            if number == len(ticks) or ticks[number] != frame.pts or number < wanted:
                continue
            if number > wanted:
                self._held, self._next_frame = frame, number
                return
            wanted += 1
            self._next_frame = wanted
            yield frame

    def _decode_from(self, packet_number: int) -> Iterator[VideoFrame]:
        last = len(self._video.packet_pts) - 1
        context = None
        for _, packet in self._reader.packets(packet_number, last):
            if context is None:  # after the seek, which may have opened the file anew
                context = self.codec_context
                if not context.is_open:
                    context.thread_type = ThreadType.FRAME  # slice threads decode some damaged footage differently
                    context.thread_count = self._threads
            if self._sparingly:  # else what the decoder makes of damage may depend on frames that no other refers to
                leads_in = packet.pts is not None and packet.pts < self._wanted_ticks
                context.skip_frame = "NONREF" if leads_in else "DEFAULT"
            try:
                yield from context.decode(packet)
            except FFmpegError:
                continue  # damaged: the frame is missing, which the caller sees
        if context is not None:
            try:
                yield from context.decode(None)
            except FFmpegError:
                return
