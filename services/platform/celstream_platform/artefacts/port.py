"""The artefact store's port: bytes named by their SHA-256.

Two implementations: `file:///…` (a directory, written by rename) and `s3://bucket?endpoint=…`.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from celstream_protos.v1.envelope_pb2 import ArtefactRef

INCOMING = "incoming/"


@dataclass(frozen=True, slots=True)
class Stored:
    """One thing that a store holds. name: the SHA-256 of an artefact, or `incoming/…` of what is half stored.

    size: bytes. modified_seconds: when it was stored last, since the epoch.
    """

    name: str
    size: int
    modified_seconds: float

    @property
    def is_half(self) -> bool:
        """Whether it is what an attempt has begun, or left."""
        return self.name.startswith(INCOMING)


class ArtefactStore(Protocol):
    """Stored bytes. Safe for use from several threads and processes; every method may raise Unavailable."""

    def put(self, source: bytes | Path | BinaryIO, media_type: str) -> ArtefactRef:
        """Store bytes, a file or a stream (read to its end, with bounded memory). The same bytes twice are stored once.

        Raises Unavailable where the store is full or does not permit it, with the reason.
        """

    def adopt(self, path: Path, media_type: str) -> ArtefactRef:
        """Store a large local file without copying it where the store can (a link to it); else like `put`.

        Where it is linked, changing or removing the original makes the artefact NotFound: its bytes are nowhere then,
        and trying again helps as little as for any other that is not stored. Unavailable where the original's folder
        itself is away (a drive that is not mounted). Raises NotFound or Invalid where the file cannot be read.
        """

    def open(self, ref: ArtefactRef) -> BinaryIO:
        """Open for reading, forwards only. Raises NotFound.

        The bytes are checked against the SHA-256 as they are read; the read that finds the end raises Invalid where
        they are not the right ones.
        """

    def local(self, ref: ArtefactRef) -> AbstractContextManager[Path]:
        """A local file with the bytes, for as long as the context lasts. It must not be changed. Raises NotFound."""

    def stat(self, ref: ArtefactRef) -> int | None:
        """Size in bytes, None where it is not stored. Raises Invalid where `ref` is no name of an artefact."""

    def presign(self, ref: ArtefactRef, seconds: int) -> str:
        """An address at which the bytes can be fetched for that time."""

    def delete(self, ref: ArtefactRef) -> None:
        """Forget the bytes. Deleting what is not stored is no error."""

    def renew(self, ref: ArtefactRef) -> bool:
        """Let it count as stored now, so that no collector takes it for left over; whether it is stored at all."""

    def listed(self) -> Iterator[Stored]:
        """All that is stored, in no particular order; also what attempts have begun, or left."""

    def remove(self, stored: Stored) -> bool:
        """Delete what was listed, unless it was stored again since; whether it was deleted."""
