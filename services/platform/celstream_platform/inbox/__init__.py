"""The inbox: where people drop footage. Port and implementations; `open_inbox` picks one by URL."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from celstream_platform.errors import Invalid
from celstream_platform.inbox.directory import DirectoryInbox
from celstream_platform.inbox.port import Inbox, Offered

__all__ = ["Inbox", "Offered", "open_inbox"]


def open_inbox(url: str, scratch: Path | None = None) -> Inbox:
    """Open an inbox.

    url: `file:///absolute/folder`, percent-encoded, or `s3://bucket/prefix?endpoint=…` (see `s3_connection.py`).
    scratch: folder for files of a bucket while they are looked at; the system's where None.
    Raises Invalid for any other scheme, Unavailable where it cannot be looked into.
    """
    parts = urlsplit(url)
    if parts.scheme == "file" and not parts.netloc and parts.path.strip("/"):
        return DirectoryInbox(Path(unquote(parts.path)))
    if parts.scheme == "s3":
        try:
            from celstream_platform.inbox.s3 import S3Inbox  # an extra: a run on one machine needs no S3
        except ModuleNotFoundError as error:
            raise Invalid(f"{url}: {error.name} is not installed. Install celstream-platform[s3].") from error
        return S3Inbox(url, scratch)
    raise Invalid(f"{url}: not an inbox. Give file:///absolute/folder or s3://bucket/inbox?endpoint=….")
