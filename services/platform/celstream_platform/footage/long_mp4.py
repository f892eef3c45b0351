"""Whether a file is an MP4 of so many packets that it is opened in parts (`mp4_parts`)."""

from __future__ import annotations

import stat
from functools import lru_cache
from typing import TYPE_CHECKING

from celstream_platform.footage.mp4_boxes import HANDLERS, Box, BoxFile, Damaged, handler

if TYPE_CHECKING:
    from pathlib import Path

    from celstream_platform.footage.mp4_fragments import LongFragmentedMp4
    from celstream_platform.footage.mp4_parts import LongMp4

LONG_PACKETS = 500_000  # of all tracks, two hours: a shorter film is opened as it is
_BEGINNINGS = (b"ftyp", b"styp", b"moov", b"mdat", b"free", b"wide", b"skip")


def long_mp4(path: Path) -> LongMp4 | LongFragmentedMp4 | None:
    """The file, if it is a long MP4 of the usual kind: one header, with the tables of all packets or in fragments."""
    try:
        status = path.stat()
    except OSError:
        return None  # who opens it says so
    if not stat.S_ISREG(status.st_mode):
        return None
    return _long_mp4(path, status.st_size, status.st_mtime_ns, LONG_PACKETS)


@lru_cache(maxsize=1)
def _long_mp4(path: Path, _size: int, _changed: int, least: int) -> LongMp4 | LongFragmentedMp4 | None:
    """Read again only where the file has changed: the readers of a film open it one after the other."""
    try:
        file = BoxFile(path)
        if file.size < 16 or file.at(4, 4) not in _BEGINNINGS:
            return None
        moov, in_fragments = None, False
        for box in file.children():
            if box.kind == b"moof":
                in_fragments = True
                break
            if box.kind == b"moov" and moov is not None:
                return None
            moov = box if box.kind == b"moov" else moov
        if moov is None or not (in_fragments or _packets(file, moov) >= least):
            return None
        # numpy takes a tenth of a second to load: who looks at a short film does without.
        from celstream_platform.footage.mp4_fragments import LongFragmentedMp4
        from celstream_platform.footage.mp4_parts import LongMp4
        from celstream_platform.footage.mp4_tables import Unusual
    except (OSError, Damaged):
        return None  # libav decides what it makes of it
    try:
        return LongFragmentedMp4(path, file, moov, least) if in_fragments else LongMp4(path, file, moov)
    except (Damaged, Unusual, ValueError, IndexError, OverflowError):
        return None


def _packets(file: BoxFile, moov: Box) -> int:
    """How many packets the header names. 0 where more come in fragments."""
    count = 0
    for box in file.children(moov):
        if box.kind == b"mvex":
            return 0
        if box.kind == b"trak" and handler(file, box) in HANDLERS:
            boxes = file.tree(box, (b"mdia", b"minf", b"stbl"))
            if sizes := boxes.get(b"stsz"):
                size, samples = (int.from_bytes(file.at(sizes.start + at, 4), "big") for at in (4, 8))
                chunks = boxes.get(b"stco") or boxes.get(b"co64")
                # Samples of one size are PCM: libav takes many of a chunk for one packet.
                count += int.from_bytes(file.at(chunks.start + 4, 4), "big") if size and chunks else samples
    return count
