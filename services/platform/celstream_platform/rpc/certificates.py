"""Certificates of a server: read anew when their files change, and told as a metric how long they last.

When a certificate ends is read out of its bytes here (X.509, RFC 5280, 4.1): `ssl` says it of connections alone.
"""

import re
import ssl
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any

import grpc

from celstream_platform import logs
from celstream_platform.errors import Invalid
from celstream_platform.metrics import CERTIFICATE_EXPIRY
from celstream_platform.settings import ServiceSettings

log = logs.logger(__name__)
PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
VERSION, UTC_TIME = 0xA0, 0x17


class Certificates:
    """The server's certificate, read anew when its file changes, so that a renewed one is used without a restart."""

    def __init__(self, settings: ServiceSettings) -> None:
        """Raises Invalid for files that are none."""
        assert settings.grpc_certificate_file
        assert settings.grpc_key_file
        self._certificate, self._key = settings.grpc_certificate_file, settings.grpc_key_file
        self._client_ca = settings.grpc_client_ca_file
        self._lock, self._stamp = Lock(), self._look()

    def credentials(self) -> grpc.ServerCredentials:
        """For the server; clients must show a certificate where their CA is given."""
        credentials = grpc.dynamic_ssl_server_credentials(
            self._read(), self._renewed, require_client_authentication=self._client_ca is not None
        )
        for use, file in (("server", self._certificate), ("client_ca", self._client_ca)):
            if file is not None:
                # Of the file, as the next connection uses it; a service that nobody calls reads it for nothing else.
                CERTIFICATE_EXPIRY.labels(use).set_function(_Expiry(file))
        return credentials

    def _read(self) -> grpc.ServerCertificateConfiguration:
        return grpc.ssl_server_certificate_configuration(
            [(read_pem(self._key), read_pem(self._certificate))],
            root_certificates=read_pem(self._client_ca) if self._client_ca else None,
        )

    def _renewed(self) -> Any:  # None: as before; the stubs do not know
        with self._lock:
            stamp = self._look()
            if stamp == self._stamp:
                return None
            self._stamp = stamp
            return self._read()

    def _look(self) -> list[int]:
        return [
            file.stat().st_mtime_ns
            for file in (self._certificate, self._key, self._client_ca)
            if file and file.exists()
        ]


class _Expiry:
    """When the first of a file's certificates ends; where it cannot be read now, what was read last stands."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._last = expiry(file)

    def __call__(self) -> float:
        try:
            self._last = expiry(self._file)
        except Invalid as error:
            log.warning("a certificate cannot be read, the last one counts", error=str(error))
        return self._last


def expiry(path: Path) -> float:
    """When the first of a file's certificates ends, seconds since 1970. Raises Invalid where there is none."""
    found = PEM.findall(read_pem(path).decode("ascii", errors="replace"))
    try:
        return min(_not_after(ssl.PEM_cert_to_DER_cert(one)).timestamp() for one in found)
    except (ValueError, IndexError) as error:
        raise Invalid(f"{path}: holds no certificate that can be read. Give a PEM file with some.") from error


def _not_after(der: bytes) -> datetime:
    """TBSCertificate is [0] version, serial number, signature's algorithm, issuer, validity, …; validity two times."""
    _, certificate = _parts(der)[0]
    _, signed = _parts(certificate)[0]
    fields = [(tag, content) for tag, content in _parts(signed) if tag != VERSION]
    (_, _), (tag, content) = _parts(fields[3][1])
    text = content.decode("ascii")
    if tag == UTC_TIME:  # two digits of the year: 1950 to 2049
        text = ("19" if text >= "50" else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _parts(der: bytes) -> list[tuple[int, bytes]]:
    """The values that follow one another in DER: (tag, content)."""
    at, found = 0, []
    while at < len(der):
        tag, length, at = der[at], der[at + 1], at + 2
        if length & 0x80:
            size = length & 0x7F
            length, at = int.from_bytes(der[at : at + size], "big"), at + size
        found.append((tag, der[at : at + length]))
        at += length
    return found


def read_pem(path: Path) -> bytes:
    """A PEM file's bytes. Raises Invalid."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Invalid(f"{path}: cannot be read ({error.strerror}). Give a PEM file.") from error
    if b"-----BEGIN " not in data:
        raise Invalid(f"{path}: is no PEM file. Give one with -----BEGIN …-----.")
    return data
