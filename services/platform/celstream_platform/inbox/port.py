"""The inbox's port: whole files that people have dropped somewhere, with what they say of them.

Two implementations: `s3://bucket/inbox?endpoint=…`, which tells of what is dropped by a notification, and
`file:///folder`, which is looked through. Nothing here writes: what was dropped stays as it is.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from celstream_platform.errors import Invalid


@dataclass(frozen=True, slots=True)
class Offered:
    """One whole file in an inbox.

    path: `bucket/key`, or where the file lies. size: bytes. etag: changes with the bytes. version_id: of a versioned
    bucket, else empty. modified_seconds: since the epoch; 0 where it is not known.
    """

    path: str
    size: int
    etag: str
    version_id: str = ""
    modified_seconds: float = 0.0


class Inbox(Protocol):
    """A place where footage is dropped. Safe for use from several threads; every method may raise Unavailable."""

    @property
    def root(self) -> str:
        """What every path in it begins with; ends with a slash."""

    @property
    def knows_tags(self) -> bool:
        """Whether files may have tags here."""

    def listed(self) -> Iterator[Offered]:
        """What lies in it and is whole, as far as that can be seen: uploads that have not ended are not."""

    def find(self, path: str) -> Offered | None:
        """What lies at a path now; None where nothing does."""

    def fetch(self, offered: Offered, stopping: Callable[[], bool]) -> AbstractContextManager[Path]:
        """A local file with exactly these bytes, for as long as the context lasts. It must not be changed.

        Raises NotFound where it is gone or has been replaced, Stopping where `stopping()` while it is fetched.
        """

    def tags(self, offered: Offered) -> Mapping[str, str]:
        """Its tags; none where the place knows no tags. Raises NotFound."""

    def read(self, offered: Offered, most_bytes: int) -> bytes:
        """The bytes of a small file. Raises Invalid where it is larger than `most_bytes`, NotFound where it is gone."""


def check_small(offered: Offered, most_bytes: int) -> None:
    """Raises Invalid for a file that is too large to be read as a whole."""
    if offered.size > most_bytes:
        raise Invalid(f"{offered.path}: {offered.size} bytes, at most {most_bytes} expected. Give a small file.")
