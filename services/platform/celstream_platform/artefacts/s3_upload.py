"""What is uploaded to S3, checked while it is read: bytes that are not those of the name never become an object.

An upload becomes visible with its last step alone. Whoever raises before it, here at the last byte, leaves nothing.
"""

import hashlib
import os
from typing import BinaryIO

from celstream_platform.errors import Invalid

BLOCK_BYTES = 1 << 20


class SourceFailed(Exception):
    """The source could not be read, by `error`. Not the store's fault, so not to be taken for it."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.error = error


class Checked:
    """Passes `size` bytes of a stream on, and raises Invalid with the last one where their SHA-256 is not `sha256`."""

    def __init__(self, stream: BinaryIO, sha256: str, size: int, name: str) -> None:
        self._stream = stream
        self._sha256 = sha256
        self._left = size
        self._name = name
        self._hash = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        block = _read(self._stream, self._left if size < 0 else min(size, self._left))
        self._hash.update(block)
        self._left -= len(block)
        if (not block and self._left) or (not self._left and self._hash.hexdigest() != self._sha256):
            raise Invalid(f"{self._name}: changed while it was read. Give it again once it is complete.")
        return block


class Hashed:
    """Passes a stream on and keeps its SHA-256 and size, for one that can be read once."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._hash = hashlib.sha256()
        self.size = 0

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        block = _read(self._stream, size)
        self._hash.update(block)
        self.size += len(block)
        return block

    @property
    def sha256(self) -> str:
        """Of what was read so far."""
        return self._hash.hexdigest()


def _read(stream: BinaryIO, size: int) -> bytes:
    try:
        return stream.read(size)
    except OSError as error:
        raise SourceFailed(error) from error


def measure(stream: BinaryIO) -> tuple[str, int]:
    """SHA-256 and size of what is left of a stream that can be read again; it stands where it stood, afterwards."""
    start = stream.tell()
    hasher = hashlib.sha256()
    while block := stream.read(BLOCK_BYTES):
        hasher.update(block)
    size = stream.tell() - start
    stream.seek(start, os.SEEK_SET)
    return hasher.hexdigest(), size
