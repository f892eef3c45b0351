"""Reading bytes that must have a given SHA-256."""

import hashlib
import io
from typing import TYPE_CHECKING, BinaryIO

from celstream_platform import metrics
from celstream_platform.errors import Invalid

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class VerifiedReader(io.RawIOBase):
    """Passes a stream on, forwards only, and checks its hash at the end. Closes the stream with itself.

    A read that finds the end raises Invalid where the bytes were not those of the name; what was read before that
    must not be trusted until then.
    """

    def __init__(self, stream: BinaryIO, sha256: str, name: str) -> None:
        self._stream = stream
        self._sha256 = sha256
        self._name = name
        self._hash = hashlib.sha256()

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Read the next bytes; 0 at the end. Raises Invalid."""
        view = memoryview(buffer).cast("B")
        block = self._stream.read(len(view))
        if not block and len(view) and self._hash.hexdigest() != self._sha256:
            raise Invalid(
                f"{self._name}: its bytes have SHA-256 {self._hash.hexdigest()}, expected {self._sha256}."
                " It was damaged or changed: store it again."
            )
        self._hash.update(block)
        metrics.ARTEFACT_BYTES.labels("open").inc(len(block))
        view[: len(block)] = block
        return len(block)

    def close(self) -> None:
        """Close the stream as well."""
        self._stream.close()
        super().close()
