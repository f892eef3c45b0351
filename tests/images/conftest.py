"""An empty database for all tests of the images."""

from collections.abc import Iterator

import pytest

from tests.real_servers import empty_database


@pytest.fixture(scope="module")
def empty_database_url(postgres_url: str) -> Iterator[str]:
    """URL of an empty database of these tests' own."""
    with empty_database(postgres_url) as url:
        yield url
