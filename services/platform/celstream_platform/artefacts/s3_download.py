"""Downloading from S3, forwards: a connection that breaks is taken up again where it broke."""

import io
from typing import TYPE_CHECKING, Any

from minio import Minio
from urllib3.exceptions import HTTPError

from celstream_platform.artefacts.s3_connection import Connection, speaking
from celstream_platform.errors import Unavailable

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MOST_BREAKS = 5  # in a row, without a byte between two of them


class Download(io.RawIOBase):
    """The bytes of one object. size: taken from the first answer."""

    def __init__(
        self, client: Minio, connection: Connection, key: str, *, version_id: str = "", etag: str = ""
    ) -> None:
        """Open it. version_id, etag: which bytes, where they matter; a key may get others at any time.

        Raises NotFound, also where the bytes are others by now; Unavailable, Overloaded.
        """
        self._client = client
        self._version_id = version_id or None
        self._condition: dict[str, str | list[str] | tuple[str]] = {"If-Match": f'"{etag}"'} if etag else {}
        self._connection = connection
        self._key = key
        self._offset = 0
        self._breaks = 0
        self._response: Any = self._request()
        self.size = int(self._response.headers["Content-Length"])

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Read the next bytes; 0 at the end. Raises Unavailable where it breaks again and again."""
        view = memoryview(buffer).cast("B")
        while self._offset < self.size:
            try:
                if self._response is None:
                    self._response = self._request()
                block: bytes = self._response.read(min(len(view), self.size - self._offset))
            except (HTTPError, OSError) as error:
                self._broke(error)
                continue
            if not block:
                self._broke(EOFError("the connection was closed"))
                continue
            self._breaks = 0
            self._offset += len(block)
            view[: len(block)] = block
            return len(block)
        return 0

    def close(self) -> None:
        """Let go of the connection."""
        self._drop()
        super().close()

    def _request(self) -> Any:
        with speaking(self._connection, self._key):
            return self._client.get_object(
                self._connection.bucket,
                self._key,
                offset=self._offset,
                version_id=self._version_id,
                request_headers=dict(self._condition),
            )

    def _broke(self, error: Exception) -> None:
        self._drop()
        self._breaks += 1
        if self._breaks > MOST_BREAKS:
            raise Unavailable(
                f"{self._connection}: {self._key} broke off {self._breaks} times at byte {self._offset} of {self.size}"
                f" ({error}). Check the network to {self._connection.host}."
            ) from error

    def _drop(self) -> None:
        response, self._response = getattr(self, "_response", None), None
        if response is not None:
            response.close()
            response.release_conn()
