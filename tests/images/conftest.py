"""An empty database for all tests of the images."""

import secrets
from collections.abc import Iterator

import pytest
from sqlalchemy import NullPool, create_engine, make_url, text


@pytest.fixture(scope="module")
def empty_database_url(postgres_url: str) -> Iterator[str]:
    """URL of an empty database of these tests' own."""
    name = f"images_{secrets.token_hex(8)}"
    engine = create_engine(postgres_url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield make_url(postgres_url).set(database=name).render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
