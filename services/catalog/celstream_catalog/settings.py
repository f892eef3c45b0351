"""The catalog's settings: `CELSTREAM_…` variables beside those of every service."""

from pathlib import Path

from celstream_platform.settings import ServiceSettings
from pydantic import Field


class CatalogSettings(ServiceSettings):
    """What the catalog can be told."""

    database: str = Field(
        description="URL of the database: sqlite:///FILE or postgresql+psycopg://USER:PASSWORD@HOST/NAME."
    )
    scratch: Path | None = Field(None, description="Folder for footage while it is uploaded; default: the system's.")
    upload_bytes: int = Field(64 << 30, ge=1 << 20, description="Largest footage taken as a stream, bytes.")
