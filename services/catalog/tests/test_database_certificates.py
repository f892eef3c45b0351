"""The certificates of an encrypted database: told before it answers, and refused where they are none."""

from pathlib import Path

import pytest
from celstream_catalog.database import open_database
from celstream_platform.certificates import expiry
from celstream_platform.errors import Invalid, Unavailable
from celstream_platform.metrics import REGISTRY

from tests.certificates import Authority

NOBODY = "postgresql+psycopg://somebody@127.0.0.1:1/films?connect_timeout=5"


def told(use: str) -> float | None:
    labels = {"connection": "database", "use": use}
    return REGISTRY.get_sample_value("celstream_certificate_expiry_timestamp_seconds", labels)


def test_what_is_shown_to_the_database_and_what_it_is_trusted_by_are_told(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    own, key = authority.issue("catalog")
    files = f"sslcert={own}&sslkey={key}&sslrootcert={authority.ca_file}"
    with pytest.raises(Unavailable):
        open_database(f"{NOBODY}&sslmode=verify-full&{files}")
    assert (told("own"), told("authority")) == (expiry(own), expiry(authority.ca_file))


def test_a_file_without_a_certificate_is_refused_where_it_would_be_used(tmp_path: Path) -> None:
    missing = tmp_path / "ca.crt"
    with pytest.raises(Invalid, match=r"ca\.crt: cannot be read"):
        open_database(f"{NOBODY}&sslmode=verify-full&sslrootcert={missing}")
    with pytest.raises(Unavailable):
        open_database(f"{NOBODY}&sslmode=disable&sslrootcert={missing}")
