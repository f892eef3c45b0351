"""Parts of a long MP4 in fragments, each opened for itself: libav keeps the place of every packet that it has read.

A fragmented MP4 has a small header for every few seconds ("moof"; ISO/IEC 14496-12, 8.8). libav is shown the same file
with only those fragments that belong to the part, and a few beside; what lies before is shown as free space. All keep
their places, so that all they name is where they say. An index at the end ("mfra") says where each fragment begins, for
libav to find its way: it takes fragments for read by their places, so nothing else may lie between two of them. What
libav gives of the part is what it gives of the whole file.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from celstream_platform.footage.mp4_boxes import HANDLERS, Box, BoxFile, handler, packed
from celstream_platform.footage.mp4_fragment import Fragment, FragmentTrack, read_fragment
from celstream_platform.footage.mp4_parts import BEFORE_SECONDS, PART_SECONDS, Part, PartlyShown
from celstream_platform.footage.mp4_tables import Integers, Unusual, read_edit

MOST_BEFORE_SECONDS = 120  # of fragments before the part, where a track has none for long
AFTER_SECONDS = 5  # of fragments behind the part
MOST_FRAGMENTS = 2**18  # twelve hours with one for every four frames: more take minutes to find
LEAST_A_FRAGMENT = 4  # packets of a track, on average
_INDEX_ROW = np.dtype([("time", ">i8"), ("place", ">i8"), ("numbers", "u1", 3)])


class LongFragmentedMp4:
    """A fragmented MP4 of many packets, in parts of PART_SECONDS."""

    def __init__(self, path: Path, file: BoxFile, moov: Box, least: int) -> None:
        """moov: the header. Raises Unusual, Damaged; Unusual also for fewer than so many packets."""
        self._path, self._file = path, file
        self._tracks = _tracks(file, moov)
        self._places = array("q")
        """Where each fragment begins."""
        self._changes: list[tuple[int, bytes]] = []
        """What hides all that lies between fragments: where, and what stands there instead."""
        rows = {track.number: array("q") for track in self._tracks}
        packets = runs = 0
        for fragment in self._fragments(moov.end):
            if fragment.least_shift < 0:
                raise Unusual("frames that are shown before they are decoded")  # libav then puts all others off
            for run in fragment.runs:
                rows[run.track].extend((len(self._places), run.ticks, run.place))
                packets, runs = packets + run.packets, runs + 1
            self._places.append(fragment.place)
        if packets < least:
            raise Unusual("a short film")
        if packets < LEAST_A_FRAGMENT * runs:
            raise Unusual("fragments of a packet or two")  # how long each lasts libav knows by the next one
        self._rows: dict[int, Integers] = {
            number: np.frombuffer(found, np.int64).reshape(-1, 3) for number, found in rows.items()
        }
        """Of each track's fragments: number, time in ticks, place of the first packet."""
        if any((np.diff(found[:, 1]) < 0).any() for found in self._rows.values()):
            raise Unusual("fragments whose times jump back")
        self._main = max(self._tracks, key=lambda track: (track.kind == b"vide", len(self._rows[track.number])))
        seconds = self._seconds(self._main)
        if not len(seconds):
            raise Unusual("no fragment of its main track")
        self.claimed_seconds: float | None = max(map(self._end_seconds, self._tracks))
        """How long the film is, but for the length of a fragment."""
        if seconds[-1] - seconds[0] > PART_SECONDS * len(seconds):
            raise Unusual("hardly a fragment for hours")
        wanted = np.arange(seconds[0], seconds[-1], PART_SECONDS)[1:]
        cuts = sorted({self._fragment_at(second) for second in wanted})
        self._cuts = [0, *(cut for cut in cuts if 0 < cut < len(self._places)), len(self._places)]
        self.count = len(self._cuts) - 1
        """How many parts there are."""

    def part_at(self, stream_index: int, seconds: Fraction) -> int:
        """The part whose packets, or some before it, are shown at that time; none of a later part is shown sooner."""
        track = next((track for track in self._tracks if track.number == stream_index), self._main)
        begins = [self._row(track.number, cut) for cut in self._cuts[1:-1]]
        rows, ticks = self._rows[track.number], seconds * track.timescale
        return bisect_left([row == len(rows) or rows[row, 1] > ticks for row in begins], True)

    def rate(self, stream_index: int) -> Fraction | None:
        """Frames a second; None: libav finds it out from the first fragments."""
        return None

    def packet_count(self, stream_index: int) -> int:
        """How many packets a stream claims to have: the header does not say it."""
        return 0

    def shown(self, number: int) -> tuple[PartlyShown, dict[int, Part]]:
        """A part of the film as a file for libav, and the packets of each stream that belong to it."""
        begin, end = self._cuts[number], self._cuts[number + 1]
        main = self._rows[self._main.number]
        from_row, to_row = self._row(self._main.number, begin), self._row(self._main.number, end)
        earlier = (
            int(main[np.searchsorted(main[:, 1], main[from_row, 1] - seconds * self._main.timescale), 0])
            for seconds in (BEFORE_SECONDS, MOST_BEFORE_SECONDS)
        )
        before, most_before = earlier
        after = main[min(to_row, len(main) - 1), 1] + AFTER_SECONDS * self._main.timescale
        # Of each track something before the part: of the first packet that is read libav says what to leave out.
        befores = [int(rows[row - 1, 0]) for rows in self._rows.values() if (row := np.searchsorted(rows[:, 0], begin))]
        first = max(min([before, *befores]), most_before)
        behind = int(np.searchsorted(main[:, 1], after))
        last = int(main[behind, 0]) if behind < len(main) else len(self._places)
        length = self._file.size if last == len(self._places) else self._places[last]
        begins, shown_from = self._places[0], self._places[first]
        changes = [(place, new) for place, new in self._changes if place < begins or shown_from <= place < length]
        if first:
            changes.append((begins, b"\0\0\0\1free" + (shown_from - begins).to_bytes(8, "big")))
        parts = {track.number: Part(*self._ends(track.number, number)) for track in self._tracks}
        index = self._index(first, last)
        return PartlyShown(self._path, sorted(changes), index, length, {"use_mfra_for": "dts"}), parts

    def _ends(self, track: int, part: int) -> tuple[int | None, int | None]:
        rows = self._rows[track]
        first, end = (self._row(track, cut) for cut in self._cuts[part : part + 2])
        place = int(rows[first, 2]) if first < end else -1
        return place if part else None, int(rows[end, 2]) if end < len(rows) else None

    def _row(self, track: int, fragment: int) -> int:
        """Which of a track's rows is the first of that fragment, or of one behind it."""
        return int(np.searchsorted(self._rows[track][:, 0], fragment))

    def _seconds(self, track: FragmentTrack) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
        return self._rows[track.number][:, 1] / track.timescale

    def _end_seconds(self, track: FragmentTrack) -> float:
        """When a track ends, if its last fragment is as long as the one before."""
        seconds = self._seconds(track)
        return float(2 * seconds[-1] - seconds[-2]) if len(seconds) > 1 else 0.0

    def _fragment_at(self, seconds: float) -> int:
        """The first fragment of the main track from that time on."""
        row = int(np.searchsorted(self._seconds(self._main), seconds))
        rows = self._rows[self._main.number]
        return int(rows[row, 0]) if row < len(rows) else len(self._places)

    def _index(self, first: int, last: int) -> bytes:
        """The box that says where fragments [first, last) begin."""
        tables = []
        for track in self._tracks:
            rows = self._rows[track.number]
            rows = rows[(rows[:, 0] >= first) & (rows[:, 0] < last)]
            table = np.zeros(len(rows), _INDEX_ROW)
            table["time"], table["place"] = rows[:, 1], np.array(self._places)[rows[:, 0]]
            table["numbers"] = 1
            head = b"\1\0\0\0" + track.id.to_bytes(4, "big") + bytes(4) + len(rows).to_bytes(4, "big")
            tables.append(packed(b"tfra", head + table.tobytes()))
        size = 8 + sum(map(len, tables)) + 16
        return packed(b"mfra", b"".join(tables) + packed(b"mfro", bytes(4) + size.to_bytes(4, "big")))

    def _fragments(self, at: int) -> Iterator[Fragment]:
        """The fragments of the file from there on, as far as it is whole."""
        file = self._file
        content = (at, at, False)  # the packets of the fragment before: begin and end of their box, whether it is wide
        while at + 16 <= file.size:
            head = file.at(at, 16)
            size, kind = int.from_bytes(head[:4], "big"), head[4:8]
            wide = size == 1
            size = int.from_bytes(head[8:], "big") if wide else size
            if size < 8 or kind == b"moov":
                raise Unusual("a box without an end, or a second header")
            if kind == b"moof":
                if at + size > file.size:
                    return  # cut off
                if len(self._places) == MOST_FRAGMENTS or (self._places and content[0] < self._places[-1]):
                    raise Unusual("very many fragments, or one without content")
                if self._places and content[1] != at:
                    self._changes.append(_longer(*content, at))
                yield read_fragment(file.at(at, size), at, self._tracks)
            elif kind == b"mdat":
                content = (at, at + size, wide)
            elif not self._places:
                self._changes.append((at + 4, b"free"))  # an index, which names others than are shown
            at += size


def _longer(begin: int, end: int, wide: bool, until: int) -> tuple[int, bytes]:
    """What makes a box reach to the fragment after it. end: as it is."""
    size = until - begin
    if not wide and size >= 2**32:
        raise Unusual(f"much that is not content behind {end}")
    return (begin + 8, size.to_bytes(8, "big")) if wide else (begin, size.to_bytes(4, "big"))


def _tracks(file: BoxFile, moov: Box) -> list[FragmentTrack]:
    """The tracks of moving pictures and of sound."""
    inside = list(file.children(moov))
    mvhd = next((box for box in inside if box.kind == b"mvhd"), None)
    if mvhd is None:
        raise Unusual("no clock")
    movie_timescale = _timescale(file, mvhd)
    tracks = []
    for number, trak in enumerate(box for box in inside if box.kind == b"trak"):
        kind = handler(file, trak)
        if kind not in HANDLERS:
            continue
        boxes = file.tree(trak, (b"mdia", b"minf", b"stbl", b"edts"))
        sizes = boxes.get(b"stsz")
        if sizes and int.from_bytes(file.at(sizes.start + 8, 4), "big"):
            raise Unusual("packets outside of fragments")
        if not {b"tkhd", b"mdhd"} <= boxes.keys():
            raise Unusual("a track without its header")
        tkhd, timescale = boxes[b"tkhd"], _timescale(file, boxes[b"mdhd"])
        if not timescale or not movie_timescale:
            raise Unusual("no clock")
        wide = file.at(tkhd.start, 1) == b"\1"
        track_id = int.from_bytes(file.at(tkhd.start + (20 if wide else 12), 4), "big")
        wait, starts_at = read_edit(file, boxes[b"elst"], movie_timescale) if b"elst" in boxes else (Fraction(0), 0)
        put_off = starts_at - int(wait * timescale + Fraction(1, 2))
        tracks.append(FragmentTrack(number, track_id, kind, timescale, put_off))
    if len({track.id for track in tracks}) < max(1, len(tracks)):
        raise Unusual("tracks of one number")
    return tracks


def _timescale(file: BoxFile, box: Box) -> int:
    wide = file.at(box.start, 1) == b"\1"
    return int.from_bytes(file.at(box.start + (20 if wide else 12), 4), "big")
