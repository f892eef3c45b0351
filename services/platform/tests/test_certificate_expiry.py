"""When certificates end: as the library that made them says, of the first in a file, and of a renewed one at once."""

import datetime
from pathlib import Path

import pytest
from celstream_platform import rpc
from celstream_platform.errors import Invalid
from celstream_platform.metrics import REGISTRY
from celstream_platform.rpc.certificates import expiry
from celstream_platform.settings import ServiceSettings, load
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from tests.certificates import Authority

NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "somebody"), x509.NameAttribute(NameOID.COUNTRY_NAME, "SE")])
SETTINGS = {"events": "sqlite:///e", "artefacts": "file:///a", "grpc_address": "localhost:0"}


def certificate(end: datetime.datetime, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    made = (
        x509.CertificateBuilder()
        .subject_name(NAME)
        .issuer_name(NAME)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.datetime(2001, 1, 1))
        .not_valid_after(end)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


def expiry_metric(use: str) -> float | None:
    return REGISTRY.get_sample_value("celstream_grpc_certificate_expiry_timestamp_seconds", {"use": use})


@pytest.mark.parametrize("year", [2049, 2050, 2126])  # up to 2049 two digits are written, from then on four
@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_the_end_is_the_one_that_was_written(year: int, kind: str, tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1()) if kind == "ec" else rsa.generate_private_key(65537, 4096)
    end = datetime.datetime(year, 2, 28, 23, 59, 58, tzinfo=datetime.UTC)
    file = tmp_path / "one.pem"
    file.write_bytes(certificate(end, key))
    assert expiry(file) == end.timestamp()


def test_of_a_chain_the_first_end_counts(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    ends = [datetime.datetime(year, 1, 1, tzinfo=datetime.UTC) for year in (2040, 2031, 2055)]
    file = tmp_path / "chain.pem"
    file.write_bytes(b"# a comment\n" + b"\n".join(certificate(end, key) for end in ends))
    assert expiry(file) == ends[1].timestamp()


@pytest.mark.parametrize("middle", ["", "AAAA", "MIIB", "MAMCAQE="])
def test_a_file_without_a_certificate_is_one_line(middle: str, tmp_path: Path) -> None:
    file = tmp_path / "none.pem"
    file.write_text(f"-----BEGIN CERTIFICATE-----\n{middle}\n-----END CERTIFICATE-----\n")
    with pytest.raises(Invalid, match=r"none\.pem: holds no certificate that can be read"):
        expiry(file)


def test_a_server_tells_of_its_certificate_and_of_its_clients_authority(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    server_file, key_file = authority.issue("server", server=True)
    settings = load(
        ServiceSettings,
        **SETTINGS,
        grpc_certificate_file=server_file,
        grpc_key_file=key_file,
        grpc_client_ca_file=authority.ca_file,
    )
    server = rpc.serve([], settings, checks={})
    try:
        for use, file in (("server", server_file), ("client_ca", authority.ca_file)):
            (loaded,) = x509.load_pem_x509_certificates(file.read_bytes())
            assert expiry_metric(use) == loaded.not_valid_after_utc.timestamp()
        renewed = datetime.datetime(2044, 4, 4, tzinfo=datetime.UTC)
        server_file.write_bytes(certificate(renewed, ec.generate_private_key(ec.SECP256R1())))
        assert expiry_metric("server") == renewed.timestamp(), "before anybody calls"
        server_file.unlink()
        assert expiry_metric("server") == renewed.timestamp(), "what was read last stands"
    finally:
        server.stop(0)
