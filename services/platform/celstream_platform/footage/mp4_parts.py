"""Parts of a long MP4, each opened for itself: libav keeps the place of every packet of the file in memory otherwise.

For a day of film that is 215 MiB at each opening, and twice as much for a moment. So libav is shown the same file with
another header at its end: its tables name every packet of the part, the first and the last of the film, and a few
between, all with the times and places that they have. The old header is shown as free space. What libav gives of the
part is what it gives of the whole file: times, marks, bytes.
"""

import math
import os
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType

import numpy as np

from celstream_platform.footage.mp4_boxes import HANDLERS, Box, BoxFile, handler, packed
from celstream_platform.footage.mp4_pcm import PcmTrack
from celstream_platform.footage.mp4_tables import Integers, Samples, Track, Unusual, read_track

PART_SECONDS = 1800
LEAST_A_PART = 100  # packets, on average
ENDS_KEPT = 512  # packets at both ends of the film: what libav looks at to learn about a track, and what edits hide
BESIDE_KEPT = 64  # packets on both sides of the part
BEFORE_SECONDS = 20  # of packets before the part: they are decoded earlier than they are shown
LONGEST_TICKS = 2**30  # between two packets; libav takes more for a mistake
MAX_HEADER_BYTES = 64 * 2**20  # besides tables: pictures of the cover, …
_THINNED = {b"stts", b"ctts", b"stss", b"stsc", b"stsz", b"stco", b"co64", b"sdtp"}
_LEFT_OUT = {b"sgpd", b"sbgp"}  # groups of samples, by their number; libav heeds none of these


@dataclass(frozen=True, slots=True)
class Part:
    """Which packets of a stream belong to a part of the film, by their place in the file.

    first: of its first packet; None: from the beginning, -1: none. end: of the first one after it; None: to the end.
    """

    first: int | None
    end: int | None


class PartlyShown:
    """A file for libav: the bytes of another, some of them changed, and more bytes at the end."""

    def __init__(
        self,
        path: Path,
        changes: Sequence[tuple[int, bytes]],
        more: bytes,
        length: int | None = None,
        options: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """changes: where, rising, and what stands there instead. length: of the other file, as far as it is shown.

        options: to open it with.
        """
        self.name, self.options = str(path), options
        self._descriptor = os.open(path, os.O_RDONLY)
        self._length = os.fstat(self._descriptor).st_size if length is None else length
        self._changes, self._places = changes, [place for place, _ in changes]
        self._more = more
        self._at = 0

    def __del__(self) -> None:
        os.close(self._descriptor)

    def read(self, count: int) -> bytes:
        """Up to so many bytes from where it stands."""
        at, length = self._at, self._length
        if at >= length:
            data = self._more[at - length : at - length + count]
        else:
            data = self._changed(os.pread(self._descriptor, min(count, length - at), at), at)
        self._at += len(data)
        return data

    def _changed(self, data: bytes, at: int) -> bytes:
        changes = self._changes[max(bisect_left(self._places, at) - 1, 0) : bisect_left(self._places, at + len(data))]
        if not changes:
            return data
        changed = bytearray(data)
        for place, new in changes:
            start, end = max(place, at), min(place + len(new), at + len(data))
            if start < end:
                changed[start - at : end - at] = new[start - place : end - place]
        return bytes(changed)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Stand elsewhere."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._length + len(self._more)}[whence]
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        """Where it stands."""
        return self._at


class LongMp4:
    """An MP4 of many packets, in parts of PART_SECONDS."""

    claimed_seconds: float | None = None
    """None: each part says how long the film is."""

    def __init__(self, path: Path, file: BoxFile, moov: Box) -> None:
        """moov: the header. Raises Unusual, Damaged."""
        tracks = _tracks(file, moov)
        self._path, self._file, self._moov, self._tracks = path, file, moov, tracks
        ends = [track.first_shown + Fraction(track.durations.sum, track.timescale) for track in tracks.values()]
        self.count = max(1, math.ceil(max(ends) / PART_SECONDS))
        """How many parts there are."""
        if self.count * LEAST_A_PART > sum(track.count for track in tracks.values()):
            raise Unusual("hardly a packet for hours")  # damage can claim years, of parts that hold nothing

    def part_at(self, stream_index: int, seconds: Fraction) -> int:
        """The part whose packets, or some before it, are shown at that time; none of a later part is shown sooner."""
        track = self._tracks.get(stream_index)
        if track and track.shifts:
            seconds -= Fraction(track.shifts.least, track.timescale)
        return min(max(int(seconds // PART_SECONDS), 0), self.count - 1)

    def rate(self, stream_index: int) -> Fraction | None:
        """Frames a second, on average."""
        track = self._tracks.get(stream_index)
        return track.rate if track else None

    def packet_count(self, stream_index: int) -> int:
        """How many packets a stream has."""
        track = self._tracks.get(stream_index)
        return track.count if track else 0

    def shown(self, number: int) -> tuple[PartlyShown, dict[int, Part]]:
        """A part of the film as a file for libav, and the packets of each stream that belong to it."""
        parts = {}
        traks = {}
        for stream, track in self._tracks.items():
            first = track.sample_at(Fraction(number * PART_SECONDS)) if number else 0
            end = track.sample_at(Fraction((number + 1) * PART_SECONDS)) if number + 1 < self.count else track.count
            before = track.sample_at(Fraction(number * PART_SECONDS - BEFORE_SECONDS))
            traks[stream] = _thinned(track, min(before, first), first, end)
            parts[stream] = Part(
                _place(track, first) if number else None, _place(track, end) if end < track.count else None
            )
        hidden = [(self._moov.begin + 4, b"free")]
        return PartlyShown(self._path, hidden, packed(b"moov", b"".join(self._boxes(traks)))), parts

    def _boxes(self, traks: dict[int, bytes]) -> Iterator[bytes]:
        number = 0
        for box in self._file.children(self._moov):
            if box.kind == b"trak":
                yield traks[number] if number in traks else self._file.whole(box)
                number += 1
            else:
                yield self._file.whole(box)


def _tracks(file: BoxFile, moov: Box) -> dict[int, Track]:
    """The tracks of moving pictures and of sound, by index of libav's streams."""
    inside = list(file.children(moov))
    mvhd = next((box for box in inside if box.kind == b"mvhd"), None)
    if mvhd is None:
        raise Unusual("no clock")
    wide = file.at(mvhd.start, 1) == b"\1"
    timescale = int.from_bytes(file.at(mvhd.start + (20 if wide else 12), 4), "big")
    tracks, rest = {}, moov.end - moov.begin
    for number, trak in enumerate(box for box in inside if box.kind == b"trak"):
        if handler(file, trak) not in HANDLERS:
            continue
        track = tracks[number] = read_track(file, trak, timescale, pcm=PcmTrack)
        if track.starts_at and track.durations.of(0, min(ENDS_KEPT // 2, track.count))[0].sum() <= track.starts_at:
            raise Unusual("an edit that begins late")
        rest -= sum(box.end - box.begin for kind, box in track.boxes.items() if kind in _THINNED)
    if rest > MAX_HEADER_BYTES or not tracks:
        raise Unusual("a large header")
    return tracks


def _place(track: Track, number: int) -> int:
    """Where a packet lies in the file; -1 behind the last one."""
    return int(track.samples(number, number + 1).offsets[0]) if number < track.count else -1


def _thinned(track: Track, before: int, first: int, end: int) -> bytes:
    """The box of a track with the tables of some packets: those of [before, end) among them, and some beside."""
    count = track.count
    wanted = [(0, ENDS_KEPT), (min(before, first - BESIDE_KEPT), end + BESIDE_KEPT), (count - ENDS_KEPT, count)]
    if track.shifts and track.shifts.least < 0:
        least = track.shifts.sample_of_least()  # libav puts all times off by it
        wanted.append((least, least + 1))
    ranges = _united([(max(0, start), min(stop, count)) for start, stop in wanted])
    for before, after in [(ranges[i][1], ranges[i + 1][0]) for i in range(len(ranges) - 1)]:
        begins, stops = (track.durations.of(number, number + 1)[1] for number in (before, after))
        steps = range(begins + LONGEST_TICKS, stops, LONGEST_TICKS)
        ranges += [(at, at + 1) for at in (track.durations.sample_at(step) for step in steps) if before < at < after]
    ranges = _united(ranges)
    pieces = [track.samples(start, stop) for start, stop in ranges]
    numbers = np.concatenate([np.arange(start, stop) for start, stop in ranges])
    columns = {name: np.concatenate([getattr(piece, name) for piece in pieces]) for name in Samples.__slots__}
    last = int(track.durations.of(count - 1, count)[0][0])
    return b"".join(_rebuilt(track, track.box, Samples(**columns), numbers, last))


def _rebuilt(track: Track, box: Box, samples: Samples, numbers: Integers, last: int) -> Iterator[bytes]:
    """A box of the track, with other tables where it holds them."""
    file = track.file
    if box.kind in (b"trak", b"mdia", b"minf"):
        yield packed(
            box.kind, b"".join(b"".join(_rebuilt(track, b, samples, numbers, last)) for b in file.children(box))
        )
    elif box.kind == b"stbl":
        kept = [file.whole(b) for b in file.children(box) if b.kind not in _THINNED | _LEFT_OUT]
        yield packed(b"stbl", b"".join([*kept, *_tables(track, samples, numbers, last)]))
    else:
        yield file.whole(box)


def _tables(track: Track, samples: Samples, numbers: Integers, last: int) -> Iterator[bytes]:
    file, boxes, count = track.file, track.boxes, len(samples.dts)
    yield _full_box(b"stts", 0, _runs(np.append(np.diff(samples.dts), last)))
    if b"ctts" in boxes:
        yield _full_box(b"ctts", file.at(boxes[b"ctts"].start, 1)[0], _runs(samples.shifts))
    if b"stss" in boxes:
        yield _full_box(b"stss", 0, (np.flatnonzero(samples.keys) + 1)[:, None])
    changes = np.flatnonzero(np.diff(samples.headers, prepend=-1))
    yield _full_box(b"stsc", 0, np.stack((changes + 1, np.ones_like(changes), samples.headers[changes]), axis=1))
    yield packed(b"stsz", bytes(8) + count.to_bytes(4, "big") + samples.sizes.astype(">u4").tobytes())
    yield packed(b"co64", bytes(4) + count.to_bytes(4, "big") + samples.offsets.astype(">u8").tobytes())
    if b"sdtp" in boxes:
        box = boxes[b"sdtp"]
        marks = np.frombuffer(file.at(box.start, box.end - box.start), np.uint8)
        yield packed(b"sdtp", marks[:4].tobytes() + marks[4:][numbers].tobytes())


def _full_box(kind: bytes, version: int, rows: Integers) -> bytes:
    """A table of 32-bit numbers, with its count of rows."""
    return packed(kind, bytes([version, 0, 0, 0]) + len(rows).to_bytes(4, "big") + rows.astype(">i4").tobytes())


def _runs(values: Integers) -> Integers:
    """How often each value comes in a row: rows of count and value."""
    starts = np.flatnonzero(np.concatenate(([True], values[1:] != values[:-1])))
    return np.stack((np.diff(np.append(starts, len(values))), values[starts]), axis=1)


def _united(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges in rising order, none of which touch."""
    found: list[tuple[int, int]] = []
    for start, stop in sorted(ranges):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], stop))
        elif start < stop:
            found.append((start, stop))
    return found
