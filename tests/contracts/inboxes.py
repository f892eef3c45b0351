"""People who drop files: into a folder, and into a bucket as the user who may only submit."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from celstream_platform.inbox import Inbox, open_inbox
from minio import Minio
from minio.commonconfig import Tags


class Dropping(Protocol):
    """An inbox, and the hand that drops into it."""

    inbox: Inbox

    def put(self, name: str, content: bytes, tags: Mapping[str, str] | None = None) -> str:
        """Drop a whole file; its path."""

    def begin(self, name: str) -> None:
        """Begin to drop a file and stop half-way."""


@dataclass
class FolderDropping:
    """Into a folder, by rename."""

    folder: Path

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self.inbox = open_inbox(self.folder.as_uri())

    def put(self, name: str, content: bytes, tags: Mapping[str, str] | None = None) -> str:
        assert not tags, "a folder knows no tags"
        target = self.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        hidden = target.with_name(f".{target.name}")
        hidden.write_bytes(content)
        hidden.replace(target)
        return str(target)

    def begin(self, name: str) -> None:
        (self.folder / f"{name}.part").write_bytes(b"half")


class BucketDropping:
    """Into a bucket below a prefix of its own. submitter: keys of who may drop; the environment's may read."""

    def __init__(self, url: str, name: str, submitter: Mapping[str, str]) -> None:
        place, _, endpoint = url.partition("?endpoint=http://")
        self.bucket, _, self.prefix = place.removeprefix("s3://").partition("/")
        self.prefix += f"/{name}/"
        self.url = f"s3://{self.bucket}/{self.prefix}?endpoint=http://{endpoint}"
        self.inbox = open_inbox(self.url)
        keys = (submitter["AWS_ACCESS_KEY_ID"], submitter["AWS_SECRET_ACCESS_KEY"])
        self.client = Minio(endpoint, access_key=keys[0], secret_key=keys[1], secure=False)

    def put(self, name: str, content: bytes, tags: Mapping[str, str] | None = None) -> str:
        said = Tags.new_object_tags()
        said.update(tags or {})
        key = self.prefix + name
        self.client.put_object(self.bucket, key, io.BytesIO(content), len(content), tags=said if tags else None)
        return f"{self.bucket}/{key}"

    def tag(self, path: str, tags: Mapping[str, str]) -> None:
        """Say something else of what lies there."""
        said = Tags.new_object_tags()
        said.update(tags)
        self.client.set_object_tags(self.bucket, path.removeprefix(f"{self.bucket}/"), said)

    def begin(self, name: str) -> None:
        key = self.prefix + name
        upload = self.client._create_multipart_upload(self.bucket, key, {})
        self.client._upload_part(self.bucket, key, b"x" * (5 << 20), None, upload, 1)
