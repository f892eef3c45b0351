"""Certificates of both sides: a client's is shown where it can be, a server's held to the name that is looked for."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from celstream.remote import Remote
from celstream_platform.errors import Invalid, Unavailable
from celstream_protos.v1.catalog_pb2 import ListItemsRequest

from tests.certificates import Authority

FILE = Path("client.pem")


@pytest.mark.parametrize("pair", [(FILE, None), (None, FILE)])
def test_a_certificate_needs_its_key(pair: tuple[Path | None, Path | None]) -> None:
    with pytest.raises(Invalid, match="Give both files, or neither"), Remote("localhost:1", FILE, None, *pair).open():
        pass


@pytest.mark.parametrize(
    ("remote", "refused"),
    [
        (Remote("localhost:1", certificate_file=FILE, key_file=FILE), "would not be shown without TLS"),
        (Remote("localhost:1", server_name="catalog"), "would not be looked for without TLS"),
    ],
)
def test_nothing_of_tls_is_forgotten_silently_where_there_is_none(remote: Remote, refused: str) -> None:
    with pytest.raises(Invalid, match=refused), remote.open():
        pass


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ca")


@pytest.fixture
def elsewhere(authority: Authority) -> Iterator[str]:
    """Address of a server that has no methods, and that its certificate does not name."""
    certificate, key = (file.read_bytes() for file in authority.issue("server", server=True))
    with ThreadPoolExecutor(1) as pool:
        server = grpc.server(pool)
        port = server.add_secure_port("127.0.0.2:0", grpc.ssl_server_credentials([(key, certificate)]))
        server.start()
        yield f"127.0.0.2:{port}"
        server.stop(0).wait()


def test_a_server_is_known_by_the_name_that_is_looked_for(authority: Authority, elsewhere: str) -> None:
    def call(remote: Remote) -> None:
        with remote.open() as stub, remote.calling():
            stub.ListItems(ListItemsRequest())

    with pytest.raises(Unavailable, match="does not answer"):
        call(Remote(elsewhere, authority.ca_file))
    with pytest.raises(Unavailable, match="does not answer"):
        call(Remote(elsewhere, authority.ca_file, server_name="another"))
    with pytest.raises(Invalid, match="not a catalog"):  # it has answered
        call(Remote(elsewhere, authority.ca_file, server_name="localhost"))
