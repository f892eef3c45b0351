"""What a release's notes print: as it is printed it brings footage from this machine to the catalog."""

from pathlib import Path

import pytest
from celstream_stack.stack import Stack

from tests.cluster.cluster import Cluster
from tests.cluster.dropped import make
from tests.cluster.told import submitted
from tests.end_to_end.command import SHOTS

pytestmark = pytest.mark.cluster


def test_what_the_notes_print_brings_footage_to_a_catalog_that_asks_for_certificates(
    release: Cluster, own_servers: Stack, tmp_path: Path
) -> None:
    """own_servers: the node's values name the certificate that its own test shows."""
    make(SHOTS[:2], tmp_path / "film.mp4")
    said = submitted(release, tmp_path / "film.mp4")
    assert "film.mp4: taken in as " in said
    assert "film.mp4: finished; " in said
    assert (tmp_path / "tls.key").stat().st_mode & 0o777 == 0o600
