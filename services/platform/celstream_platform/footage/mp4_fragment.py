"""One fragment of an MP4: for each track when its packets begin, where the first one lies, and how many there are."""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from celstream_platform.footage.mp4_boxes import Damaged
from celstream_platform.footage.mp4_tables import Unusual

_HEADER = struct.Struct(">I4s")
# Which fields a header of a track (tfhd) or of packets (trun) has: ISO/IEC 14496-12, 8.8.7 and 8.8.8
_HAS_BASE, _BASE_IS_FRAGMENT = 0x1, 0x20000
_HAS_OFFSET, _HAS_FIRST_FLAGS, _HAS_SHIFT = 0x1, 0x4, 0x800
_FIELDS = (0x100, 0x200, 0x400, 0x800)


@dataclass(frozen=True, slots=True)
class FragmentTrack:
    """A track. number: of libav's stream. put_off: ticks by which its edit list shows it earlier than its times say."""

    number: int
    id: int
    kind: bytes
    timescale: int
    put_off: int


@dataclass(frozen=True, slots=True)
class Run:
    """The packets of one track. track: number of the stream. ticks: when the first is decoded. place: of its bytes."""

    track: int
    ticks: int
    place: int
    packets: int


@dataclass(frozen=True, slots=True)
class Fragment:
    """place: of its header. least_shift: ticks, the least by which a frame is shown after it is decoded; 0 or less."""

    place: int
    runs: tuple[Run, ...]
    least_shift: int


def read_fragment(moof: bytes, place: int, tracks: Sequence[FragmentTrack]) -> Fragment:
    """moof: the header with its box. Raises Unusual, Damaged."""
    runs, least = list[Run](), 0
    for number, (start, end) in enumerate(_boxes(moof, 8, len(moof), b"traf")):
        track_id, base = _track_and_base(moof, start, end, place if not number else None)
        track = next((track for track in tracks if track.id == track_id), None)
        if track is None:
            continue
        base = place if base is None else base
        clock = next(_boxes(moof, start, end, b"tfdt"), None)
        if clock is None or any(run.track == track.number for run in runs):
            raise Unusual("a fragment without its time")
        wide = moof[clock[0]] == 1
        ticks = int.from_bytes(moof[clock[0] + 4 : clock[0] + (12 if wide else 8)], "big") - track.put_off
        first, packets = -1, 0
        for at, stop in _boxes(moof, start, end, b"trun"):
            flags, count = int.from_bytes(moof[at + 1 : at + 4], "big"), int.from_bytes(moof[at + 4 : at + 8], "big")
            if first < 0 and count:
                offset = int.from_bytes(moof[at + 8 : at + 12], "big", signed=True) if flags & _HAS_OFFSET else 0
                first = base + offset
            packets += count
            least = min(least, _least_shift(moof[at:stop], flags, count))
        if packets:
            runs.append(Run(track.number, ticks, first, packets))
    return Fragment(place, tuple(runs), least)


def _track_and_base(moof: bytes, start: int, end: int, first: int | None) -> tuple[int, int | None]:
    """A track's id, and from where its packets' places count; None: from the fragment's header."""
    found = next(_boxes(moof, start, end, b"tfhd"), None)
    if found is None:
        raise Damaged("a fragment without its track")
    at = found[0]
    flags, track_id = int.from_bytes(moof[at + 1 : at + 4], "big"), int.from_bytes(moof[at + 4 : at + 8], "big")
    if flags & _HAS_BASE:
        return track_id, int.from_bytes(moof[at + 8 : at + 16], "big")
    if not flags & _BASE_IS_FRAGMENT and first is None:
        raise Unusual("places that count from the track before")
    return track_id, None


def _least_shift(trun: bytes, flags: int, count: int) -> int:
    if not flags & _HAS_SHIFT or not count:
        return 0
    columns = sum(1 for field in _FIELDS if flags & field)
    at = 8 + 4 * bool(flags & _HAS_OFFSET) + 4 * bool(flags & _HAS_FIRST_FLAGS)
    if at + 4 * columns * count > len(trun):
        raise Damaged("fewer packets than it says")
    rows = np.frombuffer(trun, ">i4", columns * count, at)
    return int(rows[columns - 1 :: columns].min())


def _boxes(data: bytes, at: int, end: int, wanted: bytes) -> Iterator[tuple[int, int]]:
    """Payloads of the boxes of a kind."""
    while at + 8 <= end:
        size, kind = _HEADER.unpack_from(data, at)
        if size < 8 or at + size > end:
            raise Damaged(f"box {kind!r} of {size} bytes in a fragment")
        if kind == wanted:
            yield at + 8, at + size
        at += size
