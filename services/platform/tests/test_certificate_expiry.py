"""When certificates end: as the library that made them says, of the first in a file, and of a renewed one at once.

Of every file that a service opens connections with: its own server's, Kafka's, S3's and PostgreSQL's clients'.
"""

import datetime
import math
from pathlib import Path

import pytest
from celstream_platform import certificates, rpc
from celstream_platform.artefacts import s3_connection
from celstream_platform.certificates import expiry
from celstream_platform.errors import Invalid
from celstream_platform.eventlog import kafka_connection
from celstream_platform.metrics import REGISTRY
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


def told(connection: str, use: str = "own") -> float | None:
    labels = {"connection": connection, "use": use}
    return REGISTRY.get_sample_value("celstream_certificate_expiry_timestamp_seconds", labels)


def until(year: int, file: Path) -> float:
    """Write a certificate; when it ends."""
    end = datetime.datetime(year, 4, 4, tzinfo=datetime.UTC)
    file.write_bytes(certificate(end, ec.generate_private_key(ec.SECP256R1())))
    return end.timestamp()


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
        for use, file in (("own", server_file), ("authority", authority.ca_file)):
            (loaded,) = x509.load_pem_x509_certificates(file.read_bytes())
            assert told("grpc", use) == loaded.not_valid_after_utc.timestamp()
        renewed = until(2044, server_file)
        assert told("grpc") == renewed, "before anybody calls"
        server_file.unlink()
        assert told("grpc") == renewed, "what was read last stands"
    finally:
        server.stop(0)


def test_a_client_of_kafka_tells_of_its_certificate_and_of_the_brokers_authority(tmp_path: Path) -> None:
    own, authority = tmp_path / "own.pem", tmp_path / "authority.pem"
    ends = until(2041, own), until(2042, authority)
    connection = kafka_connection.parse(f"kafka://broker:9093?security=SSL&cert={own}&key={own}&ca={authority}")
    connection.tell_of_certificates()
    assert (told("events"), told("events", "authority")) == ends
    renewed = until(2043, own)
    assert told("events") == renewed
    authority.write_text("nothing")
    with pytest.raises(Invalid, match=r"authority\.pem: is no PEM file"):
        connection.tell_of_certificates()


def test_a_client_of_an_encrypted_store_tells_of_its_authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    authority = tmp_path / "authority.pem"
    end = until(2045, authority)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    s3_connection.parse("s3://bucket?endpoint=https://store:9000").client()
    assert told("artefacts", "authority") == end
    authority.unlink()
    s3_connection.parse("s3://bucket?endpoint=http://store:9000").client()


def test_of_a_job_that_nobody_asks_another_tells_even_where_its_certificate_comes_later(tmp_path: Path) -> None:
    file = tmp_path / "canary.crt"
    certificates.tell_of_others({"canary": file})
    found = told("canary")
    assert found is not None
    assert math.isnan(found)
    assert until(2046, file) == told("canary")
