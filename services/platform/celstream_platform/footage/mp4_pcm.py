"""PCM in MP4: its samples are no packets. libav makes packets of up to 1024 of them that lie together ("chunks").

The header of a part names these packets as any other track's. Sizes of samples: Apple, QuickTime File Format, sound
sample descriptions; ISO/IEC 23003-5.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from celstream_platform.footage.mp4_boxes import Box, BoxFile
from celstream_platform.footage.mp4_tables import ROWS, Integers, Samples, Table, Track, Unusual

MOST_SAMPLES = 1024  # in a packet
_SAMPLE_BYTES = {b"sowt": 2, b"twos": 2, b"raw ": 1, b"in24": 3, b"in32": 4, b"fl32": 4, b"fl64": 8}
_ISO_KINDS = (b"ipcm", b"fpcm")


@dataclass(frozen=True, slots=True)
class _Packets:
    """Some packets: samples before each, samples of each, its chunk, how many samples of that are before it."""

    starts: Integers
    lengths: Integers
    chunks: Integers
    within: Integers


class PcmPackets:
    """Where the packets of a track begin and how long they are, in samples; in use like `Runs`."""

    def __init__(self, table: Table, chunks: int) -> None:
        """table: of the samples in chunks; chunks: of the track."""
        self._table, self._chunks = table, chunks
        counts, sums = [0], [0]
        for number in range(0, table.count, ROWS):
            runs, lengths, _ = self._rows(number)
            counts.append(counts[-1] + int((runs * _packets_of(lengths)).sum()))
            sums.append(sums[-1] + int((runs * lengths).sum()))
        self.count, self.sum = counts[-1], sums[-1]
        self._counts, self._sums = np.array(counts), np.array(sums)

    def of(self, first: int, last: int) -> tuple[Integers, int]:
        """How long packets [first, last) are, and when the first begins."""
        found = self.packets(first, last)
        return found.lengths, int(found.starts[0]) if len(found.starts) else self.sum

    def sample_at(self, value: int) -> int:
        """The first packet that begins at `value` or later."""
        piece = min(max(int(np.searchsorted(self._sums, value)) - 1, 0), len(self._counts) - 2)
        before, total = int(self._counts[piece]), int(self._sums[piece])
        for runs, length in zip(*(column.tolist() for column in self._rows(piece * ROWS)[:2]), strict=True):
            a_chunk = int(_packets_of(np.array(length)))
            if total + runs * length >= value:
                whole = max(value - total, 0) // length
                rest = max(value - total, 0) - whole * length
                return int(min(before + whole * a_chunk + min(-(-rest // MOST_SAMPLES), a_chunk), self.count))
            before, total = before + runs * a_chunk, total + runs * length
        return self.count

    def packets(self, first: int, last: int) -> _Packets:
        """Packets [first, last)."""
        last = min(last, self.count)
        piece = max(int(np.searchsorted(self._counts, first, side="right")) - 1, 0)
        begin, total = int(self._counts[piece]), int(self._sums[piece])
        columns: list[NDArray[np.int64]] = []
        have = begin
        while have < last and piece * ROWS < self._table.count:
            rows = np.stack(self._rows(piece * ROWS))
            columns.append(rows)
            have += int((rows[0] * _packets_of(rows[1])).sum())
            piece += 1
        if not columns or first >= last:
            return _Packets(*(np.empty(0, np.int64) for _ in range(4)))
        runs, lengths, chunks = np.concatenate(columns, axis=1)
        a_chunk = _packets_of(lengths)
        ends = begin + np.cumsum(runs * a_chunk)
        begins, totals = ends - runs * a_chunk, total + np.cumsum(runs * lengths) - runs * lengths
        wanted = (ends > first) & (begins < last)
        runs, lengths, chunks, a_chunk, ends, begins, totals = (
            column[wanted] for column in (runs, lengths, chunks, a_chunk, ends, begins, totals)
        )
        passed = (np.maximum(begins, first) - begins) // a_chunk
        taken = -((begins - np.minimum(ends, last)) // a_chunk) - passed  # chunks of each row
        number = np.arange(int(taken.sum())) - np.repeat(np.cumsum(taken) - taken, taken) + np.repeat(passed, taken)
        of_chunk = np.repeat(lengths, taken)
        starts = np.repeat(totals, taken) + number * of_chunk
        parts = _packets_of(of_chunk)
        within = (np.arange(int(parts.sum())) - np.repeat(np.cumsum(parts) - parts, parts)) * MOST_SAMPLES
        part = slice(first - int(begins[0] + passed[0] * a_chunk[0]), None)
        part = slice(part.start, part.start + last - first)
        return _Packets(
            (np.repeat(starts, parts) + within)[part],
            np.minimum(np.repeat(of_chunk, parts) - within, MOST_SAMPLES)[part],
            np.repeat(np.repeat(chunks, taken) + number, parts)[part],
            within[part],
        )

    def _rows(self, first: int) -> tuple[Integers, Integers, Integers]:
        """Of ROWS rows how many chunks each stands for, samples of a chunk, the first chunk from 0."""
        rows = self._table.rows(first, first + ROWS + 1)
        ends = np.append(rows[1:, 0], self._chunks + 1)[:ROWS]
        rows = rows[:ROWS]
        runs = ends - rows[:, 0]
        if (runs < 0).any() or (rows[:, 1] <= 0).any():
            raise Unusual("chunks out of order")
        return runs, rows[:, 1], rows[:, 0] - 1


class PcmTrack(Track):
    """A track of PCM; its "samples" are the packets that libav makes of it."""

    durations: PcmPackets  # type: ignore[assignment]

    def __init__(
        self, file: BoxFile, box: Box, boxes: dict[bytes, Box], timescale: int, first_shown: Fraction, starts_at: int
    ) -> None:
        """See Track. Raises Unusual where libav may make other packets of it."""
        self.file, self.box, self.boxes, self.timescale = file, box, boxes, timescale
        self.first_shown, self.starts_at, self.shifts = first_shown, starts_at, None
        self._bytes = int.from_bytes(file.at(boxes[b"stsz"].start + 4, 4), "big")
        total = int.from_bytes(file.at(boxes[b"stsz"].start + 8, 4), "big")
        wide = b"co64" in boxes
        self._places = Table(file, boxes[b"co64" if wide else b"stco"], 2 if wide else 1)
        durations = Table(file, boxes[b"stts"], 2)
        if boxes.keys() & {b"ctts", b"stss"} or durations.count != 1 or durations.rows(0, 1).tolist() != [[total, 1]]:
            raise Unusual("samples of one size")
        self._check_kind(file, boxes[b"stsd"])
        self.durations = PcmPackets(Table(file, boxes[b"stsc"], 3), self._places.count)
        self.count = self.durations.count
        if self.durations.sum != total or not total:
            raise Unusual("tables of different length")

    def samples(self, first: int, last: int) -> Samples:
        """Packets [first, last)."""
        found = self.durations.packets(first, last)
        base = int(found.chunks[0])
        places = self._places.rows(base, int(found.chunks[-1]) + 1)
        offsets = places[:, 0] if self._places.columns == 1 else places[:, 0] << 32 | places[:, 1]
        ones = np.ones_like(found.starts)
        return Samples(
            found.starts,
            0 * ones,
            offsets[found.chunks - base] + found.within * self._bytes,
            found.lengths * self._bytes,
            ones,
            ones.astype(np.bool_),
        )

    def _check_kind(self, file: BoxFile, stsd: Box) -> None:
        """Raises Unusual for what is not one sample after the other."""
        entry = file.at(stsd.start, 8 + 16 + 32)
        kind, version, channels = entry[12:16], int.from_bytes(entry[24:26], "big"), int.from_bytes(entry[32:34], "big")
        one_by_one = version == 0 or (version == 1 and int.from_bytes(entry[44:48], "big") == 1)
        size = _SAMPLE_BYTES.get(kind, 0) * channels or (self._bytes if kind in _ISO_KINDS else 0)
        if entry[4:8] != b"\0\0\0\1" or not one_by_one or size != self._bytes:
            raise Unusual("samples of one size")


def _packets_of(lengths: Integers) -> Integers:
    """How many packets chunks of so many samples make."""
    return -(-lengths // MOST_SAMPLES)
