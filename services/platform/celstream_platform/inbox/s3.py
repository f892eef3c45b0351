"""An inbox in a bucket of MinIO or any S3: the objects below a prefix. An object is there with its last byte or not."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from minio.datatypes import Object

from celstream_platform.artefacts.s3_connection import parse, speaking
from celstream_platform.artefacts.s3_download import Download
from celstream_platform.errors import NotFound, Unavailable
from celstream_platform.inbox.port import Offered, check_small
from celstream_platform.stage import Stopping

BLOCK_BYTES = 1 << 20


class S3Inbox:
    """Objects below one prefix. Raises Invalid, Unavailable."""

    def __init__(self, url: str, scratch: Path | None = None) -> None:
        """scratch: folder for files while they are looked at; the system's where None."""
        self._connection = parse(url)
        self._client = self._connection.client()
        self._bucket = self._connection.bucket
        self._scratch = scratch
        with speaking(self._connection, "bucket"):
            there = self._client.bucket_exists(self._bucket)
        if not there:
            raise Unavailable(f"{self._connection}: no such bucket at {self._connection.host}. Make it.")

    @property
    def root(self) -> str:
        """See the port."""
        return f"{self._bucket}/{self._connection.prefix}"

    @property
    def knows_tags(self) -> bool:
        """See the port."""
        return True

    def listed(self) -> Iterator[Offered]:
        """See the port. Of each key its newest version."""
        with speaking(self._connection, "listing"):
            for found in self._client.list_objects(self._bucket, prefix=self._connection.prefix, recursive=True):
                if found.object_name and not found.object_name.endswith("/"):
                    yield self._offered(found)

    def find(self, path: str) -> Offered | None:
        """See the port."""
        try:
            with speaking(self._connection, path):
                return self._offered(self._client.stat_object(self._bucket, self._key(path)))
        except NotFound:
            return None

    @contextmanager
    def fetch(self, offered: Offered, stopping: Callable[[], bool]) -> Iterator[Path]:
        """See the port. A copy in the scratch folder."""
        with tempfile.NamedTemporaryFile(prefix="celstream-inbox-", dir=self._scratch) as file:
            with self._open(offered) as stream:
                while block := stream.read(BLOCK_BYTES):
                    if stopping():
                        raise Stopping
                    try:
                        file.write(block)
                    except OSError as error:
                        raise Unavailable(f"{file.name}: no room for {offered.path} ({error.strerror}).") from error
            file.flush()
            yield Path(file.name)

    def tags(self, offered: Offered) -> Mapping[str, str]:
        """See the port."""
        with self._gone(offered), speaking(self._connection, offered.path):
            found = self._client.get_object_tags(
                self._bucket, self._key(offered.path), version_id=offered.version_id or None
            )
        return dict(found or {})

    def read(self, offered: Offered, most_bytes: int) -> bytes:
        """See the port."""
        check_small(offered, most_bytes)
        with self._open(offered) as stream:
            return stream.read()

    @contextmanager
    def _open(self, offered: Offered) -> Iterator[Download]:
        """The bytes of this version; of a bucket without versions, as long as its bytes are these."""
        with self._gone(offered):
            download = Download(
                self._client,
                self._connection,
                self._key(offered.path),
                version_id=offered.version_id,
                etag=offered.etag,
            )
        with download, self._gone(offered):
            yield download

    @contextmanager
    def _gone(self, offered: Offered) -> Iterator[None]:
        try:
            yield
        except NotFound as error:
            raise NotFound(f"{offered.path}: is gone, or has been replaced. What came instead is taken.") from error

    def _offered(self, found: Object) -> Offered:
        modified = found.last_modified.timestamp() if found.last_modified else 0.0
        etag = (found.etag or "").strip('"')
        return Offered(f"{self._bucket}/{found.object_name}", found.size or 0, etag, found.version_id or "", modified)

    def _key(self, path: str) -> str:
        return path.removeprefix(f"{self._bucket}/")
