"""How an S3 store is reached: the URL, the client with its time limits and retries, and what its errors mean to us.

    s3://bucket[/prefix]?endpoint=http://host:9000[&region=…][&style=path|virtual]

Keys come from where S3's own tools take them: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a pod's web identity, or
~/.aws/credentials. A URL ends up in logs, so it holds none.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import parse_qsl, unquote, urlsplit

from minio import Minio
from minio.credentials.providers import AWSConfigProvider, EnvAWSProvider, IamAwsProvider, Provider
from minio.error import MinioException, S3Error
from urllib3 import PoolManager, Retry, Timeout
from urllib3.exceptions import HTTPError

from celstream_platform import certificates
from celstream_platform.errors import Invalid, NotFound, Overloaded, Unavailable

CONNECT_SECONDS = 5.0
READ_SECONDS = 60.0  # between two packets; a server that completes a large upload is silent for seconds
RETRIES = 4  # at once, after 0.2, 0.4 and 0.8 s; the worker waits longer and tries again
CONNECTIONS = 16
EXAMPLE = "s3://bucket/prefix?endpoint=http://host:9000"

MISSING = {"NoSuchKey", "NoSuchObject", "NoSuchVersion", "PreconditionFailed"}
FULL = {"XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "QuotaExceeded", "EntityTooLarge", "InsufficientStorage"}
FORBIDDEN = {
    "AccessDenied",
    "AllAccessDisabled",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidTokenId",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
}
DAMAGED = {"BadDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch"}
BUSY = {"SlowDown", "SlowDownRead", "SlowDownWrite", "TooManyRequests", "RequestTimeout", "ServerBusy"}


@dataclass(frozen=True, slots=True)
class Connection:
    """A bucket and how to reach it. prefix: ends with a slash where it is not empty. style: path or virtual."""

    bucket: str
    prefix: str
    host: str
    secure: bool
    region: str | None
    style: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"

    def client(self) -> Minio:
        """A client; safe for use from several threads. Raises Invalid where no keys are set, and for a file of
        authorities that holds none."""
        authorities = os.environ.get("SSL_CERT_FILE")
        if self.secure:
            certificates.tell("artefacts", {"authority": authorities})
        retries = Retry(total=RETRIES, backoff_factor=0.1, status_forcelist=[500, 502, 503, 504], allowed_methods=None)
        pool = PoolManager(
            timeout=Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
            maxsize=CONNECTIONS,
            retries=retries,
            ca_certs=authorities,
        )
        made = Minio(
            self.host, secure=self.secure, region=self.region, http_client=pool, credentials=self._credentials()
        )
        if self.style == "virtual":
            made.enable_virtual_style_endpoint()  # type: ignore[no-untyped-call]
        elif self.style == "path":
            made.disable_virtual_style_endpoint()  # type: ignore[no-untyped-call]
        return made

    def _credentials(self) -> Provider:
        if os.environ.get("AWS_ACCESS_KEY_ID"):
            return EnvAWSProvider()
        if os.environ.get("AWS_WEB_IDENTITY_TOKEN_FILE") or os.environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI"):
            return IamAwsProvider()
        provider = AWSConfigProvider()
        try:
            provider.retrieve()
        except (ValueError, OSError) as error:
            raise Invalid(f"{self}: no keys. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.") from error
        return provider


def parse(url: str) -> Connection:
    """Read the URL. Raises Invalid."""
    parts = urlsplit(url)
    given = dict(parse_qsl(parts.query))
    wrong = f"{url}: not an artefact store on S3."
    unknown = given.keys() - {"endpoint", "region", "style"}
    if unknown:
        raise Invalid(f"{wrong} Unknown: {', '.join(sorted(unknown))}. Give {EXAMPLE}.")
    endpoint = urlsplit(given.get("endpoint", ""))
    if not parts.netloc or endpoint.scheme not in {"http", "https"} or not endpoint.netloc or endpoint.path.strip("/"):
        raise Invalid(f"{wrong} Give {EXAMPLE}.")
    style = given.get("style", "auto")
    if style not in {"auto", "path", "virtual"}:
        raise Invalid(f"{wrong} style={style}: give path or virtual.")
    prefix = unquote(parts.path).strip("/")
    return Connection(
        bucket=parts.netloc,
        prefix=f"{prefix}/" if prefix else "",
        host=endpoint.netloc,
        secure=endpoint.scheme == "https",
        region=given.get("region"),
        style=style,
    )


@contextmanager
def speaking(connection: Connection, what: str) -> Iterator[None]:
    """Turn what the client raises into NotFound, Unavailable or Overloaded. what: the artefact, for the message."""
    try:
        yield
    except S3Error as error:
        _explain(connection, what, error)
    except (MinioException, HTTPError, OSError) as error:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            raise Unavailable(
                f"{connection}: the certificate of the artefact store at {connection.host} is not trusted"
                f" ({_one_line(error)}). Name a file of those who may sign it by SSL_CERT_FILE."
            ) from error
        raise Unavailable(
            f"{connection}: the artefact store at {connection.host} does not answer ({_one_line(error)})."
            " Check that it runs and can be reached."
        ) from error


def _explain(connection: Connection, what: str, error: S3Error) -> NoReturn:
    code = error.code or ""
    said = f"{code}: {error.message}" if error.message else code
    if code in MISSING:
        raise NotFound(f"{what}: no such artefact in {connection}. Submit its footage again.") from error
    if code == "NoSuchBucket":
        raise Unavailable(f"{connection}: no such bucket at {connection.host}. Make it, or give another.") from error
    if code in FULL:
        raise Unavailable(f"{connection}: the artefact store is full ({said}). Free space, or give another.") from error
    if code in FORBIDDEN:
        raise Unavailable(
            f"{connection}: the artefact store does not permit it ({said}). Check the keys and their policy."
        ) from error
    if code in DAMAGED:
        raise Unavailable(
            f"{connection}: {what} was damaged on its way to the artefact store, which did not take it ({said})."
            f" Try again; where it happens often, check the network to {connection.host}."
        ) from error
    if code in BUSY:
        raise Overloaded(f"{connection}: the artefact store pushes back ({said}).") from error
    raise Unavailable(f"{connection}: the artefact store failed ({said}). Read its log.") from error


def _one_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
