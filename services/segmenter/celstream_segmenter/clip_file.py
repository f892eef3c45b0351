"""Clip file: tracks of ready packets into one MP4, interleaved, with exact edit lists and always the same bytes."""

import heapq
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream

from celstream_segmenter.edit_list import TrackEdit, header_reserve, write_edits

_MAX_TIMESCALE = 2**31 - 1
"""libav reads and writes time scales as signed 32 bit."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What of a track is shown, all in seconds from the clip's start or from the track's first packet."""

    delay: Fraction
    media_start: Fraction
    duration: Fraction


@dataclass(frozen=True, slots=True)
class ClipTrack:
    """One track to write.

    add: makes the stream in the file that is being written. packets: the packets in decoding order for that stream,
    with times in ticks of 1 / timescale that start at 0. packet_count: how many they are at most.
    """

    add: Callable[[OutputContainer], Stream]
    packets: Callable[[Stream], Iterator["Packet[Any]"]]
    timescale: int
    packet_count: int
    shown: Shown


def movie_timescale(timescales: Sequence[int]) -> int:
    """Ticks a second in which every track's time can be said exactly; the first track's where there is no such number.

    A frame time that the movie's scale does not divide shifts the cut by one frame.
    """
    common = math.lcm(*timescales)
    return common if common <= _MAX_TIMESCALE else timescales[0]


def write_clip(path: Path, tracks: Sequence[ClipTrack], *, container_format: str = "mp4") -> None:
    """Write `tracks` into `path`, the first one being the video. Same packets, same bytes: no dates, no versions."""
    movie = movie_timescale([track.timescale for track in tracks])
    options = {
        "fflags": "+bitexact",
        "use_editlist": "0",
        "movie_timescale": str(movie),
        "video_track_timescale": str(tracks[0].timescale),
        "moov_size": str(header_reserve(sum(track.packet_count for track in tracks), len(tracks))),
    }
    with av.open(path, "w", format=container_format, container_options=options) as out:
        streams = [track.add(out) for track in tracks]
        for stream, track in zip(streams, tracks, strict=True):
            stream.time_base = Fraction(1, track.timescale)
        queues = [
            _timed(order, track, stream) for order, (track, stream) in enumerate(zip(tracks, streams, strict=True))
        ]
        for _, _, _, packet in heapq.merge(*queues):
            out.mux_one(packet)
    write_edits(path, [_edit(track, movie) for track in tracks])


def _timed(order: int, track: ClipTrack, stream: Stream) -> Iterator[tuple[float, int, int, "Packet[Any]"]]:
    """The track's packets with the time at which they are to stand in the file."""
    lead_in = float(track.shown.media_start - track.shown.delay)
    for number, packet in enumerate(track.packets(stream)):
        packet.stream = stream
        packet.time_base = Fraction(1, track.timescale)
        yield (packet.dts or 0) / track.timescale - lead_in, order, number, packet


def _edit(track: ClipTrack, movie: int) -> TrackEdit:
    shown = track.shown
    return TrackEdit(
        round(shown.delay * movie), round(shown.media_start * track.timescale), round(shown.duration * movie)
    )
