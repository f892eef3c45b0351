"""MP4 edit lists: which part of each track is shown. Rewrites the header of a finished file in place.

A clip carries packets that only prepare the decoder, before the first frame and around the last one. The edit list
(ISO/IEC 14496-12, 8.6.6) hides them: an empty edit delays a track, one media edit names where it starts and how
long it lasts. libav's muxer rounds these figures; here they are written exactly.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_MAX_U32 = 2**32 - 1
_MAX_I32 = 2**31 - 1
_HEADER = struct.Struct(">I4s")
_RESERVE_PER_PACKET = 48
"""Bytes of header that one packet may take: stts 8, ctts 8, stsz 4, stss 4, stsc 12, co64 8, and some to spare."""
_RESERVE_PER_TRACK = 4096
"""Bytes of header that a track takes without its packets: codec headers, handler, language, …"""


@dataclass(frozen=True, slots=True)
class TrackEdit:
    """What is shown of one track.

    delay: how long the track stays silent at first, in movie ticks. media_start: where it starts, in ticks of the
    track. duration: how long it is shown, in movie ticks.
    """

    delay: int
    media_start: int
    duration: int


def header_reserve(packet_count: int, track_count: int) -> int:
    """How many bytes to keep free before the packets (libav's `moov_size`), so that the header comes first."""
    return packet_count * _RESERVE_PER_PACKET + track_count * _RESERVE_PER_TRACK + 1024


def write_edits(path: Path, edits: Sequence[TrackEdit]) -> None:
    """Give the finished MP4 file `path` one edit list per track, in the order of its tracks.

    The header must stand before the packets and be followed by a free box that takes up its growth.
    Raises ValueError for a file of another layout.
    """
    with path.open("r+b") as file:
        start, size, free = _find_header(file, path)
        file.seek(start)
        moov = file.read(size)
        patched = _box(b"moov", b"".join(_with_edits(moov[8:], edits)))
        left = size + free - len(patched)
        if left != 0 and left < 8:
            raise ValueError(f"{path.name}: the header needs {8 - left} bytes more. Reserve more by header_reserve().")
        file.seek(start)
        file.write(patched)
        if left:
            file.write(_HEADER.pack(left, b"free") + bytes(left - 8))


def _find_header(file: BinaryIO, path: Path) -> tuple[int, int, int]:
    """Where the moov box is, its size, and the size of the free box behind it."""
    at = 0
    end = file.seek(0, 2)
    while at + 8 <= end:
        file.seek(at)
        size, kind = _HEADER.unpack(file.read(8))
        if size == 1:
            size = int.from_bytes(file.read(8), "big")
        if size < 8:
            break
        if kind == b"moov":
            file.seek(at + size)
            following = file.read(8)
            free_size, free_kind = _HEADER.unpack(following) if len(following) == 8 else (0, b"")
            return at, size, free_size if free_kind == b"free" else 0
        at += size
    raise ValueError(f"{path.name}: no moov box before the packets. Write it with moov_size.")


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The boxes of a payload: kind and payload of each."""
    at = 0
    while at + 8 <= len(data):
        size, kind = _HEADER.unpack_from(data, at)
        if size < 8:
            raise ValueError(f"box {kind!r} of {size} bytes: at least 8 expected. The file is damaged.")
        yield kind, data[at + 8 : at + size]
        at += size


def _box(kind: bytes, payload: bytes) -> bytes:
    return _HEADER.pack(len(payload) + 8, kind) + payload


def _with_edits(moov: bytes, edits: Sequence[TrackEdit]) -> Iterator[bytes]:
    boxes = list(_boxes(moov))
    tracks = sum(kind == b"trak" for kind, _ in boxes)
    if tracks != len(edits):
        raise ValueError(f"{len(edits)} edits for {tracks} tracks. Give one edit for each track.")
    following = iter(edits)
    for kind, payload in boxes:
        if kind == b"mvhd":
            longest = max((edit.delay + edit.duration for edit in edits), default=0)
            yield _box(kind, _with_duration(payload, longest, after_times=4))
        elif kind == b"trak":
            yield _box(kind, b"".join(_track_with_edit(payload, next(following))))
        else:
            yield _box(kind, payload)


def _track_with_edit(trak: bytes, edit: TrackEdit) -> Iterator[bytes]:
    for kind, payload in _boxes(trak):
        if kind == b"tkhd":
            yield _box(kind, _with_duration(payload, edit.delay + edit.duration, after_times=8))
            yield _box(b"edts", _box(b"elst", _edit_list(edit)))
        elif kind != b"edts":
            yield _box(kind, payload)


def _with_duration(payload: bytes, duration: int, *, after_times: int) -> bytes:
    """A movie or track header with another duration. after_times: bytes between the time stamps and the duration."""
    version = payload[0]
    width = 8 if version else 4
    at = 4 + 2 * width
    middle = payload[at : at + after_times]
    rest = payload[at + after_times + width :]
    if version or duration > _MAX_U32:
        times = payload[4:at] if version else bytes(4) + payload[4:8] + bytes(4) + payload[8:12]
        return b"\x01" + payload[1:4] + times + middle + duration.to_bytes(8, "big") + rest
    return payload[:at] + middle + duration.to_bytes(4, "big") + rest


def _edit_list(edit: TrackEdit) -> bytes:
    entries = [(edit.delay, -1)] if edit.delay else []
    entries.append((edit.duration, edit.media_start))
    wide = any(duration > _MAX_U32 or start > _MAX_I32 for duration, start in entries)
    entry = struct.Struct(">QqI" if wide else ">IiI")
    body = b"".join(entry.pack(duration, start, 1 << 16) for duration, start in entries)
    return struct.pack(">II", int(wide) << 24, len(entries)) + body
