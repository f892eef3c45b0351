"""Certificates: every one that this process uses is told as a metric, with the time when it ends.

Whoever opens a connection names its files here. They are read anew whenever somebody asks for the metrics: servers,
Kafka's, S3's and PostgreSQL's clients all read them anew for each new connection, so a renewed file is the one in use.
When a certificate ends is read out of its bytes (X.509, RFC 5280, 4.1): `ssl` says it of connections alone.
"""

import math
import re
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from celstream_platform import logs
from celstream_platform.errors import Invalid
from celstream_platform.metrics import CERTIFICATE_EXPIRY

Use = Literal["own", "authority"]
"""own: what is shown to the other side. authority: who signs what the other side shows."""

log = logs.logger(__name__)
PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
VERSION, UTC_TIME = 0xA0, 0x17


def tell(connection: str, files: Mapping[Use, str | Path | None]) -> None:
    """Tell from now on when the certificates of a connection end, the first of each file.

    connection: as its setting is called: grpc, events, artefacts, database. files: by use, those that there are.
    Raises Invalid for a file that holds none.
    """
    for use, file in files.items():
        if file:
            CERTIFICATE_EXPIRY.labels(connection, use).set_function(_Expiry(Path(file), expiry(Path(file))))


def tell_of_others(files: Mapping[str, Path]) -> None:
    """Tell when certificates end that others show, whom nobody asks for metrics, as jobs that end soon; by their names.

    A file that is not there yet has no end: NaN.
    """
    for name, file in files.items():
        CERTIFICATE_EXPIRY.labels(name, "own").set_function(_Expiry(file, math.nan))


class _Expiry:
    """When the first of a file's certificates ends; where it cannot be read now, what was read last stands."""

    def __init__(self, file: Path, last: float) -> None:
        self._file, self._last = file, last

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
