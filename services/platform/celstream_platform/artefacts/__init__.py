"""The artefact store: port and implementations. `open_artefact_store` picks one by URL."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from celstream_platform.artefacts.directory import DirectoryStore
from celstream_platform.artefacts.port import ArtefactStore
from celstream_platform.errors import Invalid

__all__ = ["ArtefactStore", "directory_url", "open_artefact_store"]


def open_artefact_store(url: str) -> ArtefactStore:
    """Open an artefact store.

    url: `file:///absolute/folder` or `file:relative/folder`, percent-encoded (see `directory_url`), or
    `s3://bucket/prefix?endpoint=…` (see `s3_connection.py`).
    Raises Invalid for any other scheme, Unavailable where it cannot be written.
    """
    parts = urlsplit(url)
    if parts.scheme == "file" and not parts.netloc and parts.path.strip("/"):
        path = unquote(parts.path)
        return DirectoryStore(Path("/" + path.lstrip("/") if path.startswith("/") else path))
    if parts.scheme == "s3":
        return _s3(url)
    raise Invalid(f"{url}: not an artefact store. Give file:///absolute/folder or s3://bucket?endpoint=….")


def _s3(url: str) -> ArtefactStore:
    try:
        from celstream_platform.artefacts.s3 import S3Store  # an extra: a run on one machine needs no S3
    except ModuleNotFoundError as error:
        raise Invalid(f"{url}: {error.name} is not installed. Install celstream-platform[s3].") from error
    return S3Store(url)


def directory_url(folder: Path) -> str:
    """The URL of an artefact store in a folder."""
    return folder.absolute().as_uri()
