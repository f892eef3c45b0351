"""Whether a file is an MP4 of so many packets that it is opened in parts (`mp4_parts`)."""

from __future__ import annotations

import stat
from functools import lru_cache
from typing import TYPE_CHECKING

from celstream_platform.footage.mp4_boxes import HANDLERS, Box, BoxFile, Damaged, handler

if TYPE_CHECKING:
    from pathlib import Path

    from celstream_platform.footage.mp4_parts import LongMp4

LONG_PACKETS = 500_000  # of all tracks, two hours: a shorter film is opened as it is
_BEGINNINGS = (b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip")


def long_mp4(path: Path) -> LongMp4 | None:
    """The file, if it is a long MP4 of the usual kind: one header, with the tables of all packets."""
    try:
        status = path.stat()
    except OSError:
        return None  # who opens it says so
    if not stat.S_ISREG(status.st_mode):
        return None
    return _long_mp4(path, status.st_size, status.st_mtime_ns, LONG_PACKETS)


@lru_cache(maxsize=1)
def _long_mp4(path: Path, _size: int, _changed: int, least: int) -> LongMp4 | None:
    """Read again only where the file has changed: the readers of a film open it one after the other."""
    try:
        file = BoxFile(path)
        if file.size < 16 or file.at(4, 4) not in _BEGINNINGS:
            return None
        moov = None
        for box in file.children():
            if box.kind in (b"moof", b"sidx") or (box.kind == b"moov" and moov is not None):
                return None  # in fragments: their headers lie among the packets
            moov = box if box.kind == b"moov" else moov
        if moov is None or _packets(file, moov) < least:
            return None
        # numpy takes a tenth of a second to load: who looks at a short film does without.
        from celstream_platform.footage.mp4_parts import LongMp4
        from celstream_platform.footage.mp4_tables import Unusual
    except (OSError, Damaged):
        return None  # libav decides what it makes of it
    try:
        return LongMp4(path, file, moov)
    except (Damaged, Unusual, ValueError, IndexError):
        return None


def _packets(file: BoxFile, moov: Box) -> int:
    """How many packets the header names. 0 where more come in fragments."""
    count = 0
    for box in file.children(moov):
        if box.kind == b"mvex":
            return 0
        if box.kind == b"trak" and handler(file, box) in HANDLERS:
            sizes = file.tree(box, (b"mdia", b"minf", b"stbl")).get(b"stsz")
            count += int.from_bytes(file.at(sizes.start + 8, 4), "big") if sizes else 0
    return count
