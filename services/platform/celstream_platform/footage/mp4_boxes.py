"""MP4's boxes: where each lies in a file, without reading what is in it (ISO/IEC 14496-12, 4.2)."""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MAX_BOXES = 10_000  # beside each other; a file may claim more than anybody waits for
HANDLERS = (b"vide", b"soun")
_HEADER = struct.Struct(">I4s")


class Damaged(Exception):
    """A box that does not fit into what it lies in."""


@dataclass(frozen=True, slots=True)
class Box:
    """A box: header from `begin`, payload [start, end), in bytes of the file."""

    kind: bytes
    begin: int
    start: int
    end: int


class BoxFile:
    """A file of boxes; closed with the object."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY)
        self.size = os.fstat(self._descriptor).st_size

    def __del__(self) -> None:
        os.close(self._descriptor)

    def at(self, start: int, count: int) -> bytes:
        """Bytes of the file. Raises Damaged where it has fewer."""
        data = b""
        while len(data) < count:
            more = os.pread(self._descriptor, count - len(data), start + len(data))
            if not more:
                raise Damaged(f"{count} bytes at {start}: the file ends before")
            data += more
        return data

    def children(self, parent: Box | None = None) -> Iterator[Box]:
        """The boxes inside a box, or of the file. Raises Damaged."""
        at, end = (parent.start, parent.end) if parent else (0, self.size)
        for _ in range(MAX_BOXES):
            if at + 8 > end:
                return
            size, kind = _HEADER.unpack(self.at(at, 8))
            start = at + 8
            if size == 1:
                size, start = int.from_bytes(self.at(at + 8, 8), "big"), at + 16
            if size < start - at or at + size > end:
                raise Damaged(f"box {kind!r} of {size} bytes at {at}")
            yield Box(kind, at, start, at + size)
            at += size
        raise Damaged(f"more than {MAX_BOXES} boxes")

    def tree(self, parent: Box, inner: tuple[bytes, ...]) -> dict[bytes, Box]:
        """The boxes inside a box and inside those of the kinds `inner`, the first of each kind. Raises Damaged."""
        found: dict[bytes, Box] = {}
        for box in self.children(parent):
            found.setdefault(box.kind, box)
            if box.kind in inner:
                for kind, below in self.tree(box, inner).items():
                    found.setdefault(kind, below)
        return found

    def whole(self, box: Box) -> bytes:
        """A box with its header."""
        return self.at(box.begin, box.end - box.begin)


def packed(kind: bytes, payload: bytes) -> bytes:
    """A box."""
    return _HEADER.pack(len(payload) + 8, kind) + payload


def handler(file: BoxFile, trak: Box) -> bytes:
    """What a track holds, four letters; see HANDLERS. Empty where it does not say. Raises Damaged."""
    box = file.tree(trak, (b"mdia",)).get(b"hdlr")
    return file.at(box.start + 8, 4) if box else b""
