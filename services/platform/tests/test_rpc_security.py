"""gRPC under security: mutual TLS, tokens, roles per method; certificates are made here. Denied unless allowed."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from celstream_platform import rpc
from celstream_platform.errors import Invalid
from celstream_platform.rpc.identity import ROLE_URI, Tokens, hash_token, new_token
from celstream_platform.settings import ServiceSettings, load
from celstream_protos.v1 import catalog_pb2, catalog_pb2_grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

sys.path.insert(0, str(Path(__file__).parent))
import rpc_toys
from rpc_toys import Toy

from tests.certificates import Authority

ROLES = ("viewer", "annotator", "admin", "service")
SETTINGS = {"events": "sqlite:///e", "artefacts": "file:///a", "grpc_address": "localhost:0", "grpc_threads": 4}
OK, UNAUTHENTICATED, DENIED = (
    grpc.StatusCode.OK,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.PERMISSION_DENIED,
)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    authority = Authority(tmp_path_factory.mktemp("ca"))
    authority.issue("server", server=True)
    for role in ROLES:
        authority.issue(f"{role}-account", f"{ROLE_URI}{role}")
    authority.issue("nobody")
    authority.issue("pretender", f"{ROLE_URI}emperor", "urn:other:role:admin")
    return authority


@contextmanager
def serving(authority: Authority, *, mutual: bool = False, tokens: Path | None = None) -> Iterator[rpc.Server]:
    settings = load(
        ServiceSettings,
        **SETTINGS,
        grpc_certificate_file=authority.folder / "server.pem",
        grpc_key_file=authority.folder / "server.key",
        grpc_client_ca_file=authority.ca_file if mutual else None,
        grpc_tokens_file=tokens,
    )
    server = rpc.serve(rpc_toys.services(Toy()), settings, checks={})
    try:
        yield server
    finally:
        server.stop(0)


def tls(authority: Authority, account: str = "") -> rpc.ClientTls:
    if not account:
        return rpc.ClientTls(authority.ca_file)
    return rpc.ClientTls(authority.ca_file, authority.folder / f"{account}.pem", authority.folder / f"{account}.key")


def code(call: Callable[[], Any]) -> grpc.StatusCode:
    try:
        call()
    except grpc.RpcError as error:
        return error.code()
    return OK


def read(channel: grpc.Channel) -> str:
    return str(
        catalog_pb2_grpc.CatalogStub(channel).ListItems(catalog_pb2.ListItemsRequest(), timeout=60).next_page_token
    )


def write(channel: grpc.Channel) -> Any:
    part = catalog_pb2.SubmitFootageRequest(description=catalog_pb2.FootageDescription(name="f"))
    return catalog_pb2_grpc.CatalogStub(channel).SubmitFootage(iter([part]), timeout=60)


def reflect(channel: grpc.Channel) -> Any:
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    return list(reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(iter([request]), timeout=60))


def check(channel: grpc.Channel) -> Any:
    return health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=60)


def test_a_clients_certificate_says_its_role_and_each_method_who_may_call(authority: Authority) -> None:
    expected = {
        "viewer-account": (OK, DENIED, OK),
        "annotator-account": (OK, DENIED, OK),
        "admin-account": (OK, OK, OK),
        "service-account": (OK, OK, OK),
        "nobody": (UNAUTHENTICATED,) * 3,
        "pretender": (UNAUTHENTICATED,) * 3,
    }
    with serving(authority, mutual=True) as server:
        for account, codes in expected.items():
            with rpc.connect(server.address, tls=tls(authority, account)) as channel:
                found = tuple(code(lambda call=call: call(channel)) for call in (read, write, reflect))  # type: ignore[misc]
                assert found == codes, account
                assert code(lambda: check(channel)) is OK, "probes need no role"
        with rpc.connect(server.address, tls=tls(authority, "admin-account")) as channel:
            assert read(channel) == "admin-account admin"


def test_who_has_no_certificate_of_the_authority_does_not_get_in(authority: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path, "other")
    certificate, key = other.issue("intruder", f"{ROLE_URI}admin")
    unavailable = grpc.StatusCode.UNAVAILABLE
    with serving(authority, mutual=True) as server:
        for credentials in (tls(authority), rpc.ClientTls(authority.ca_file, certificate, key)):
            with rpc.connect(server.address, tls=credentials) as channel:
                assert code(lambda: check(channel)) is unavailable
        with rpc.connect(server.address, tls=rpc.ClientTls(other.ca_file)) as channel:
            assert code(lambda: check(channel)) is unavailable, "the client checks the server too"
        with rpc.connect(server.address) as channel:
            assert code(lambda: check(channel)) is unavailable, "no TLS at all"


def test_a_token_says_its_role_and_is_kept_as_a_hash(authority: Authority, tmp_path: Path) -> None:
    tokens, held = tmp_path / "tokens", tmp_path / "token"
    viewer, admin = new_token(), new_token()
    tokens.write_text(f"# people\nann viewer {hash_token(viewer)}\n\nbob admin {hash_token(admin)}  # runs it\n")
    assert admin not in tokens.read_text()
    with serving(authority, tokens=tokens) as server:

        def codes(token: str | None) -> tuple[grpc.StatusCode, ...]:
            if token is not None:
                held.write_text(token)
            with rpc.connect(server.address, tls=tls(authority), token_file=held if token else None) as channel:
                return tuple(code(lambda call=call: call(channel)) for call in (read, write))  # type: ignore[misc]

        assert codes(viewer) == (OK, DENIED)
        assert codes(admin) == (OK, OK)
        assert codes(new_token()) == (UNAUTHENTICATED,) * 2
        assert codes(hash_token(admin)) == (UNAUTHENTICATED,) * 2, "the hash is no token"
        assert codes(None) == (UNAUTHENTICATED,) * 2
        # A token that is taken away stops working at once, without a restart; a damaged file changes nothing.
        tokens.write_text(f"bob admin {hash_token(admin)}\n")
        assert codes(viewer) == (UNAUTHENTICATED,) * 2
        tokens.write_text("damaged\n")
        assert codes(admin) == (OK, OK)


def test_a_certificate_that_is_renewed_is_used_without_a_restart(authority: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path, "next")
    certificate, key = other.issue("server", server=True)
    copy = Authority(tmp_path, "first")
    copy.issue("server", server=True)
    before = copy.ca_file
    with serving(copy) as server:
        with rpc.connect(server.address, tls=rpc.ClientTls(before)) as channel:
            assert code(lambda: check(channel)) is OK
        key.write_bytes(other.issue("renewed", server=True)[1].read_bytes())
        certificate.write_bytes((tmp_path / "renewed.pem").read_bytes())
        with rpc.connect(server.address, tls=rpc.ClientTls(other.ca_file)) as channel:
            assert code(lambda: check(channel)) is OK


def test_without_security_only_this_machine_is_served_and_may_do_all() -> None:
    server = rpc.serve(rpc_toys.services(Toy()), load(ServiceSettings, **SETTINGS), checks={})
    try:
        with rpc.connect(server.address) as channel:
            assert read(channel) == "local admin annotator service viewer"
    finally:
        server.stop(0)


def test_a_token_does_not_travel_in_the_open(tmp_path: Path) -> None:
    held = tmp_path / "token"
    held.write_text(new_token())
    with pytest.raises(Invalid, match=r"example\.org:1: a token would travel in the open"):
        rpc.connect("example.org:1", token_file=held)


@pytest.mark.parametrize(
    "line", ["ann viewer", "ann emperor " + "0" * 64, "ann viewer " + "g" * 64, "ann viewer 12 34"]
)
def test_a_tokens_file_that_is_none_is_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "tokens"
    path.write_text(f"\n{line}\n")
    with pytest.raises(Invalid, match=r"tokens:2: not ACCOUNT ROLE SHA256"):
        Tokens(path)
    with pytest.raises(Invalid, match="tokens file cannot be read"):
        Tokens(tmp_path / "none")


def test_certificates_that_are_none_are_refused(authority: Authority, tmp_path: Path) -> None:
    text = tmp_path / "text.pem"
    text.write_text("hello")
    for wrong, complaint in ((text, "is no PEM file"), (tmp_path / "none", "cannot be read")):
        settings = load(
            ServiceSettings, **SETTINGS, grpc_certificate_file=wrong, grpc_key_file=authority.folder / "server.key"
        )
        with pytest.raises(Invalid, match=complaint):
            rpc.serve([], settings, checks={})
