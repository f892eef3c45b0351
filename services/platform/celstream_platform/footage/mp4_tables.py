"""MP4's sample tables, read where they lie in the file: a part of a track costs memory for that part alone.

A track's header says of every packet ("sample") how long it lasts, how large it is and where it lies, in tables that
are packed in runs (ISO/IEC 14496-12, 8.6 and 8.7). One pass over them notes every so many rows what came before; from
there on any part can be unpacked.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from celstream_platform.footage.mp4_boxes import Box, BoxFile

ROWS = 2**15  # of a table that are read at a time
Integers = NDArray[np.int64]
_UNTHINNABLE = {b"senc", b"saiz", b"saio", b"subs", b"stps", b"stz2"}
_SYNC_GROUPS = (b"rap ", b"sync")  # sample groups that libav takes for key frames


class Unusual(Exception):
    """A track whose tables are not as everybody writes them."""


@dataclass(frozen=True, slots=True)
class Samples:
    """Some packets of a track: when each is decoded (ticks of the track), by how much later it is shown, its bytes'
    place and number, the number of its codec headers, and whether decoding can begin with it.
    """

    dts: Integers
    shifts: Integers
    offsets: Integers
    sizes: Integers
    headers: Integers
    keys: NDArray[np.bool_]


class Table:
    """A table of rows of 32-bit numbers behind a header."""

    def __init__(self, file: BoxFile, box: Box, columns: int, *, skip: int = 8, signed: int | None = None) -> None:
        """skip: bytes of the box before the first row; the last four of them count the rows. signed: a column."""
        self._file, self._start, self.columns, self._signed = file, box.start + skip, columns, signed
        self.count = int.from_bytes(file.at(box.start + skip - 4, 4), "big")
        if self._start + 4 * columns * self.count > box.end:
            raise Unusual("a table that is larger than its box")

    def rows(self, first: int, last: int) -> Integers:
        """Rows [first, last): rows x columns."""
        last = min(last, self.count)
        data = self._file.at(self._start + 4 * self.columns * first, 4 * self.columns * max(last - first, 0))
        found = np.frombuffer(data, ">u4").astype(np.int64).reshape(-1, self.columns)
        if self._signed is not None:
            found[:, self._signed] = found[:, self._signed].astype(np.uint32).view(np.int32)
        return found

    def pieces(self) -> Iterator[Integers]:
        """All rows, ROWS at a time."""
        return (self.rows(first, first + ROWS) for first in range(0, self.count, ROWS))


class Runs:
    """A table whose rows say something of so many samples each."""

    def __init__(self, table: Table, chunks: int | None = None) -> None:
        """chunks: of the track, for the table of samples in chunks, whose rows name the first chunk of a run."""
        self._table, self._chunks = table, chunks
        counts, sums, self.least = [0], [0], 0
        for number in range(0, table.count, ROWS):
            rows = self._unpacked(number, number + ROWS)
            counts.append(counts[-1] + int(rows[:, 0].sum()))
            sums.append(sums[-1] + int((rows[:, 0] * rows[:, 1]).sum()))
            self.least = min(self.least, int(rows[:, 1].min()))
        self.count, self.sum = counts[-1], sums[-1]
        self._counts, self._sums = np.array(counts), np.array(sums)

    def of(self, first: int, last: int) -> tuple[Integers, int]:
        """The value of each of samples [first, last), and the sum of those of all samples before."""
        rows, before, total = self.around(first, last)
        ends = before + np.cumsum(rows[:, 0])
        wanted = np.minimum(ends, last) - np.maximum(ends - rows[:, 0], first)
        return np.repeat(rows[:, 1], wanted), total + (first - before) * int(rows[0, 1])

    def around(self, first: int, last: int) -> tuple[Integers, int, int]:
        """The rows that hold samples [first, last), cut off in front to about a row, and count and sum before them."""
        piece = max(int(np.searchsorted(self._counts, first, side="right")) - 1, 0)
        before, total = int(self._counts[piece]), int(self._sums[piece])
        found: list[Integers] = []
        have = before
        while have < last and piece * ROWS < self._table.count:
            rows = self._unpacked(piece * ROWS, (piece + 1) * ROWS)
            found.append(rows)
            have += int(rows[:, 0].sum())
            piece += 1
        rows = np.concatenate(found) if found else np.empty((0, 3), np.int64)
        ends = before + np.cumsum(rows[:, 0])
        start, stop = int(np.searchsorted(ends, first, side="right")), int(np.searchsorted(ends, last)) + 1
        passed = rows[:start]
        before, total = before + int(passed[:, 0].sum()), total + int((passed[:, 0] * passed[:, 1]).sum())
        return rows[start:stop], before, total

    def sample_at(self, value: int) -> int:
        """The first sample before which the sum of values is at least `value`, where no value is negative."""
        piece = max(int(np.searchsorted(self._sums, value)) - 1, 0)
        before, total = int(self._counts[piece]), int(self._sums[piece])
        for counts, values, *_ in self._unpacked(piece * ROWS, (piece + 1) * ROWS).tolist():
            if total >= value:
                break
            taken = min(counts, -((total - value) // values) if values else counts)
            before, total = before + taken, total + taken * values
        return before

    def sample_of_least(self) -> int:
        """The first sample with the least value."""
        before = 0
        for number in range(0, self._table.count, ROWS):
            rows = self._unpacked(number, number + ROWS)
            places = np.flatnonzero(rows[:, 1] == self.least)
            if len(places):
                return before + int(rows[: places[0], 0].sum())
            before += int(rows[:, 0].sum())
        return 0

    def _unpacked(self, first: int, last: int) -> Integers:
        """Rows as samples of the run, value, and what else there is.

        For samples in chunks: samples of the run, 0, codec headers, samples of a chunk, first chunk from 0.
        """
        if self._chunks is None:
            return self._table.rows(first, last)
        rows = self._table.rows(first, last + 1)
        ends = np.append(rows[1:, 0], self._chunks + 1)[: last - first]
        rows = rows[: last - first]
        samples = (ends - rows[:, 0]) * rows[:, 1]
        if (samples < 0).any():
            raise Unusual("chunks out of order")
        return np.stack((samples, np.zeros_like(samples), rows[:, 2], rows[:, 1], rows[:, 0] - 1), axis=1)


class Track:
    """One track: where its box is, and its packets."""

    def __init__(
        self, file: BoxFile, box: Box, boxes: dict[bytes, Box], timescale: int, first_shown: Fraction, starts_at: int
    ) -> None:
        """boxes: below it. timescale: ticks a second. first_shown: when time 0 of its tables is shown, seconds.

        starts_at: ticks of its own, before which nothing is shown. Raises Unusual, Damaged.
        """
        self.file, self.box, self.boxes, self.timescale = file, box, boxes, timescale
        self.first_shown, self.starts_at = first_shown, starts_at
        self.durations = Runs(Table(file, boxes[b"stts"], 2))
        self.shifts = Runs(Table(file, boxes[b"ctts"], 2, signed=1)) if b"ctts" in boxes else None
        self._sizes = Table(file, boxes[b"stsz"], 1, skip=12)
        wide = b"co64" in boxes
        self._places = Table(file, boxes[b"co64" if wide else b"stco"], 2 if wide else 1)
        self._chunks = Runs(Table(file, boxes[b"stsc"], 3), self._places.count)
        self._keys = self._key_numbers(boxes.get(b"stss"))
        self.count = self._sizes.count
        counts = {self.count, self.durations.count, self._chunks.count}
        if len(counts) > 1 or (self.shifts and self.shifts.count != self.count) or not self.count:
            raise Unusual("tables of different length")

    @property
    def rate(self) -> Fraction | None:
        """Samples a second, on average."""
        return Fraction(self.timescale * self.count, self.durations.sum) if self.durations.sum else None

    def samples(self, first: int, last: int) -> Samples:
        """Samples [first, last)."""
        durations, before = self.durations.of(first, last)
        dts = before + np.concatenate(([0], np.cumsum(durations[:-1])))
        shifts = self.shifts.of(first, last)[0] if self.shifts else np.zeros(last - first, np.int64)
        offsets, headers = self._where(first, last)
        sizes = self._sizes.rows(first, last)[:, 0]
        numbers = np.arange(first, last)
        keys = np.ones(last - first, np.bool_) if self._keys is None else np.isin(numbers, self._keys)
        return Samples(dts, shifts, offsets, sizes, headers, keys)

    def sample_at(self, shown_seconds: Fraction) -> int:
        """The first sample whose time of decoding is shown then or later."""
        ticks = (shown_seconds - self.first_shown) * self.timescale
        return min(self.durations.sample_at(max(int(ticks), 0)), self.count)

    def _key_numbers(self, box: Box | None) -> Integers | None:
        """The samples that are key frames; None: all of them."""
        if box is None:
            return None
        parts = list(Table(self.file, box, 1).pieces())
        return np.concatenate(parts)[:, 0] - 1 if parts else np.empty(0, np.int64)

    def _where(self, first: int, last: int) -> tuple[Integers, Integers]:
        """Where samples [first, last) lie in the file, and the number of their codec headers."""
        rows, before, _ = self._chunks.around(first, last)
        ends = before + np.cumsum(rows[:, 0])
        begins, per_chunk = ends - rows[:, 0], rows[:, 3]
        passed = (np.maximum(begins, first) - begins) // per_chunk
        chunks = -((begins - np.minimum(ends, last)) // per_chunk) - passed  # of each row
        begin = int(rows[0, 4] + passed[0])
        end = begin + int(chunks.sum())
        headers, per_chunk = np.repeat(rows[:, 2], chunks), np.repeat(per_chunk, chunks)
        starts = int(begins[0] + passed[0] * rows[0, 3]) + np.cumsum(per_chunk) - per_chunk
        places = self._places.rows(begin, end)
        offsets = places[:, 0] if self._places.columns == 1 else places[:, 0] << 32 | places[:, 1]
        sizes = self._sizes.rows(int(starts[0]), int(starts[-1] + per_chunk[-1]))[:, 0]
        up_to = np.concatenate(([0], np.cumsum(sizes)))
        within = up_to[:-1] - np.repeat(up_to[starts - starts[0]], per_chunk)
        part = slice(first - int(starts[0]), last - int(starts[0]))
        return (np.repeat(offsets, per_chunk) + within)[part], np.repeat(headers, per_chunk)[part]


def required(boxes: dict[bytes, Box]) -> None:
    """Raises Unusual for a track without the tables that it must have, or with some that cannot be thinned out."""
    places = boxes.keys() & {b"stco", b"co64"}
    if boxes.keys() & _UNTHINNABLE or not places or not {b"stts", b"stsz", b"stsc", b"stsd"} <= boxes.keys():
        raise Unusual("tables of another kind")


def read_track(file: BoxFile, trak: Box, movie_timescale: int, *, pcm: type[Track]) -> Track:
    """The tables of a track of moving pictures or sound. Raises Unusual.

    pcm: what reads a track whose samples all have one size.
    """
    boxes = file.tree(trak, (b"mdia", b"minf", b"stbl", b"edts"))
    try:
        mdhd = boxes[b"mdhd"]
    except KeyError as error:
        raise Unusual(f"no {error}") from error
    wide = file.at(mdhd.start, 1) == b"\1"
    timescale = int.from_bytes(file.at(mdhd.start + (20 if wide else 12), 4), "big")
    for box in file.children(boxes[b"stbl"]) if b"stbl" in boxes else ():
        if box.kind == b"sbgp" and file.at(box.start + 4, 4) in _SYNC_GROUPS:
            raise Unusual("groups of samples that begin anew")
    if not timescale or not movie_timescale:
        raise Unusual("no clock")
    delay, starts_at = Fraction(0), 0
    if b"elst" in boxes:
        delay, starts_at = read_edit(file, boxes[b"elst"], movie_timescale)
    first_shown = delay - Fraction(starts_at, timescale)
    required(boxes)
    even = int.from_bytes(file.at(boxes[b"stsz"].start + 4, 4), "big")
    return (pcm if even else Track)(file, trak, boxes, timescale, first_shown, starts_at)


def read_edit(file: BoxFile, box: Box, movie_timescale: int) -> tuple[Fraction, int]:
    """How many seconds a track waits, and from what time of its own on it is shown. Raises Unusual for more edits."""
    wide = file.at(box.start, 1) == b"\1"
    entry = struct.Struct(">QqI" if wide else ">IiI")
    count = int.from_bytes(file.at(box.start + 4, 4), "big")
    if count > 2:
        raise Unusual("several edits")
    edits: list[Any] = list(entry.iter_unpack(file.at(box.start + 8, count * entry.size)))
    waits = [duration for duration, start, _ in edits if start == -1]
    shown = [(start, rate) for _, start, rate in edits if start != -1]
    if len(waits) > 1 or len(shown) > 1 or (waits and edits[0][1] != -1) or any(rate != 1 << 16 for _, rate in shown):
        raise Unusual("several edits")
    return Fraction(sum(waits), movie_timescale), shown[0][0] if shown else 0
