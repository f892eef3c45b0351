"""The artefact store on MinIO or any S3: `prefix/ab/cdef…` holds the bytes whose SHA-256 is abcdef….

A name needs the hash, and the hash needs all bytes: what can be read twice is hashed first and then uploaded under its
name; a stream that comes once goes to `incoming/` and is moved inside the store. Parts of 16 MiB bound the memory, the
server checks each part's sum, and an object is there with its last step or not at all.
"""

import re
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import Any, BinaryIO, cast

from celstream_protos.v1.envelope_pb2 import ArtefactRef
from minio.commonconfig import REPLACE, ComposeSource, CopySource

from celstream_platform import metrics
from celstream_platform.artefacts.directory import opened
from celstream_platform.artefacts.measured import measured
from celstream_platform.artefacts.port import INCOMING, Stored
from celstream_platform.artefacts.s3_connection import parse, speaking
from celstream_platform.artefacts.s3_download import Download
from celstream_platform.artefacts.s3_upload import Checked, Hashed, SourceFailed, measure
from celstream_platform.artefacts.verified import VerifiedReader
from celstream_platform.errors import Invalid, NotFound, Unavailable

PART_BYTES = 16 << 20  # S3 takes 10,000 parts: 160 GB
BLOCK_BYTES = 1 << 20
COPY_BYTES = 5 << 30  # more than that S3 copies in parts only
FRESH_SECONDS = 3600.0  # younger than any collector's grace time
LONGEST_ADDRESS_SECONDS = 7 * 24 * 3600


class S3Store:
    """Artefacts under one prefix of a bucket. Raises Invalid, Unavailable."""

    def __init__(self, url: str) -> None:
        self._connection = parse(url)
        self._client = self._connection.client()
        self._bucket = self._connection.bucket
        with self._speaking("bucket"):
            there = self._client.bucket_exists(self._bucket)
        if not there:
            raise Unavailable(
                f"{self._connection}: no such bucket at {self._connection.host}. Make it, or give another."
            )

    def put(self, source: bytes | Path | BinaryIO, media_type: str) -> ArtefactRef:
        """See the port."""
        with measured("put"):
            if isinstance(source, Path):
                return self._put_file(source, media_type)
            if isinstance(source, bytes):
                return self._put_twice_read(BytesIO(source), media_type, "bytes")
            if source.seekable():
                return self._put_twice_read(source, media_type, "stream")
            return self._put_once_read(source, media_type)

    def adopt(self, path: Path, media_type: str) -> ArtefactRef:
        """See the port. Here it is a copy: others cannot read this machine's files."""
        with measured("adopt"):
            return self._put_file(path, media_type)

    def open(self, ref: ArtefactRef) -> BinaryIO:
        """See the port. A connection that breaks is taken up again where it broke."""
        with measured("open"):
            key = self._key(ref)
            with self._named(ref):
                download = Download(self._client, self._connection, key)
            if ref.size and download.size != ref.size:
                download.close()
                raise Invalid(
                    f"{self._connection}{ref.sha256}: {download.size} bytes, expected {ref.size}."
                    " It was damaged: delete it and store it again."
                )
            raw = VerifiedReader(cast(BinaryIO, download), ref.sha256, f"{self._connection}{ref.sha256}")
            return BufferedReader(raw, BLOCK_BYTES)

    @contextmanager
    def local(self, ref: ArtefactRef) -> Iterator[Path]:
        """See the port. A copy in the temporary folder, whose bytes were checked; gone with the context."""
        with tempfile.NamedTemporaryFile(prefix="celstream-") as file:
            with measured("local"), self.open(ref) as stream:
                while block := stream.read(BLOCK_BYTES):
                    file.write(block)
                file.flush()
            yield Path(file.name)

    def stat(self, ref: ArtefactRef) -> int | None:
        """See the port."""
        found = self._find(self._key(ref))
        return found.size if found is not None else None

    def presign(self, ref: ArtefactRef, seconds: int) -> str:
        """See the port. Raises Invalid for more than seven days, S3's limit."""
        if not 0 < seconds <= LONGEST_ADDRESS_SECONDS:
            raise Invalid(f"{seconds} s: an address lasts up to {LONGEST_ADDRESS_SECONDS} s. Give a shorter time.")
        key = self._key(ref)
        if self._find(key) is None:
            raise NotFound(f"{ref.sha256}: no such artefact in {self._connection}. Submit its footage again.")
        with self._speaking(ref.sha256):
            return self._client.presigned_get_object(self._bucket, key, expires=timedelta(seconds=seconds))

    def delete(self, ref: ArtefactRef) -> None:
        """See the port."""
        key = self._key(ref)
        with measured("delete"), self._speaking(ref.sha256):
            self._client.remove_object(self._bucket, key)

    def renew(self, ref: ArtefactRef) -> bool:
        """See the port."""
        return self._is_there(ref)

    def listed(self) -> Iterator[Stored]:
        """See the port. Parts of uploads that were never ended are no objects: the server forgets them (MinIO after a
        day, S3 by a lifecycle rule).
        """
        prefix = self._connection.prefix
        with self._speaking("listing"):
            for found in self._client.list_objects(self._bucket, prefix=prefix, recursive=True):
                name = (found.object_name or "").removeprefix(prefix)
                if name.startswith(INCOMING) or re.fullmatch("[0-9a-f]{2}/[0-9a-f]{62}", name):
                    modified = found.last_modified.timestamp() if found.last_modified else 0.0
                    yield Stored(
                        name if name.startswith(INCOMING) else name.replace("/", ""), found.size or 0, modified
                    )

    def remove(self, stored: Stored) -> bool:
        """See the port."""
        incoming = stored.is_half
        key = self._connection.prefix + stored.name if incoming else self._key(ArtefactRef(sha256=stored.name))
        found = self._find(key)
        # What is asked for one by one has whole seconds only.
        if found is None or found.last_modified.timestamp() > stored.modified_seconds:
            return False
        with measured("delete"), self._speaking(stored.name):
            self._client.remove_object(self._bucket, key)
        return True

    def _put_file(self, path: Path, media_type: str) -> ArtefactRef:
        with opened(path) as stream:
            return self._put_twice_read(stream, media_type, str(path))

    def _put_twice_read(self, stream: BinaryIO, media_type: str, name: str) -> ArtefactRef:
        sha256, size = measure(stream)
        ref = ArtefactRef(sha256=sha256, size=size, media_type=media_type)
        if not self._is_there(ref):
            checked = Checked(stream, sha256, size, name)
            self._upload(self._key(ref), checked, size, media_type)
        metrics.ARTEFACT_BYTES.labels("put").inc(size)
        return ref

    def _put_once_read(self, stream: BinaryIO, media_type: str) -> ArtefactRef:
        hashed = Hashed(stream)
        place = f"{self._connection.prefix}{INCOMING}{secrets.token_hex(16)}"
        try:
            self._upload(place, hashed, -1, media_type)
            ref = ArtefactRef(sha256=hashed.sha256, size=hashed.size, media_type=media_type)
            if not self._is_there(ref):
                self._copy(place, self._key(ref), ref.size, media_type)
        finally:
            with self._speaking(place):
                self._client.remove_object(self._bucket, place)
        metrics.ARTEFACT_BYTES.labels("put").inc(ref.size)
        return ref

    def _upload(self, key: str, source: Checked | Hashed, size: int, media_type: str) -> None:
        try:
            with self._speaking(key):
                self._client.put_object(
                    self._bucket,
                    key,
                    cast(BinaryIO, source),
                    size,
                    content_type=media_type,
                    part_size=PART_BYTES,
                    num_parallel_uploads=1,  # each holds a part in memory
                )
        except SourceFailed as failed:
            raise failed.error from None

    def _copy(self, source: str, key: str, size: int, media_type: str) -> None:
        """Copy inside the store; what is copied counts as written now."""
        with self._speaking(key):
            if size > COPY_BYTES:
                self._client.compose_object(self._bucket, key, [ComposeSource(self._bucket, source)])
            else:
                self._client.copy_object(
                    self._bucket,
                    key,
                    CopySource(self._bucket, source),
                    metadata={"Content-Type": media_type},
                    metadata_directive=REPLACE,
                )

    def _is_there(self, ref: ArtefactRef) -> bool:
        """Whether it is stored already; then it counts as written now, so that no collector takes it for left over."""
        key = self._key(ref)
        found = self._find(key)
        if found is None or (ref.size and found.size != ref.size):
            return False
        if found.last_modified < datetime.now(UTC) - timedelta(seconds=FRESH_SECONDS):
            try:
                self._copy(key, key, ref.size, ref.media_type)
            except NotFound:
                return False  # collected in between
        return True

    def _find(self, key: str) -> Any:
        try:
            with self._speaking(key):
                return self._client.stat_object(self._bucket, key)
        except NotFound:
            return None

    def _key(self, ref: ArtefactRef) -> str:
        if not re.fullmatch("[0-9a-f]{64}", ref.sha256):
            raise Invalid(f"{ref.sha256!r}: not the name of an artefact. Give 64 lower-case hexadecimal digits.")
        return f"{self._connection.prefix}{ref.sha256[:2]}/{ref.sha256[2:]}"

    def _speaking(self, what: str) -> Any:
        return speaking(self._connection, what)

    @contextmanager
    def _named(self, ref: ArtefactRef) -> Iterator[None]:
        """A missing artefact is named by its hash, not by the key that it has here."""
        try:
            yield
        except NotFound as error:
            raise NotFound(
                f"{ref.sha256}: no such artefact in {self._connection}. Submit its footage again."
            ) from error
