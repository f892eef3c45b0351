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
    upload_bytes: int = Field(
        64 << 30, ge=1 << 20, description="Largest footage taken as a stream or from the inbox, bytes."
    )
    canary_period_seconds: float = Field(
        0.0, ge=0, description="How often canary footage is evaluated, seconds; 0: never. Alerts go by it."
    )
    canary_keep_days: float = Field(
        7.0, ge=0, description="Days after its last score when a canary's footage is taken down; 0: never."
    )
    callers_certificates: dict[str, Path] = Field(
        {},
        description="Certificates that jobs show to the catalog, to tell when they end: a JSON object of NAME: FILE.",
    )
    inbox: str = Field(
        "", description="URL of the inbox: s3://BUCKET/PREFIX?endpoint=URL or file:///FOLDER; empty for none."
    )
    inbox_requires_license: bool = Field(
        False, description="Refuse files of the inbox with which no licence is stated, by tag or side-car."
    )
    inbox_rescan_seconds: float = Field(
        60.0, gt=0, description="How often the inbox is looked through for files that nothing told of, seconds."
    )
    inbox_settle_seconds: float = Field(
        10.0, ge=0, description="A file that has changed within so many seconds is left for the next rescan."
    )
