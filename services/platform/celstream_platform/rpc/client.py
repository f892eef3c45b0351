"""Calls to another service: TLS, token, deadline, trace, and the errors of `errors.py`.

with connect("segmenter:50051", ca_file=…) as channel, client.errors():
    segmenter_pb2_grpc.SegmenterStub(channel).DetectShots(...)
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from celstream_platform import addresses, tracing
from celstream_platform.certificates import read_pem
from celstream_platform.errors import Invalid
from celstream_platform.rpc import status

OPTIONS = (
    ("grpc.initial_reconnect_backoff_ms", 100),  # the default waits for 28 s after a server was killed
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.use_local_subchannel_pool", 1),
)


@dataclass(frozen=True, slots=True)
class ClientTls:
    """TLS of a client. ca_file: of the server. certificate_file, key_file: its own, for mutual TLS.

    server_name: the name in the server's certificate, where it is not that of the address.
    """

    ca_file: Path
    certificate_file: Path | None = None
    key_file: Path | None = None
    server_name: str = ""


def connect(
    address: str,
    *,
    tls: ClientTls | None = None,
    token_file: Path | None = None,
    deadline_seconds: float = 60.0,
    message_bytes: int = 4 * 1024 * 1024,
) -> grpc.Channel:
    """A channel to a server; it connects on the first call. deadline_seconds: of calls that set none.

    Raises Invalid for files that are none, and for a token without TLS to another machine.
    """
    options: list[tuple[str, Any]] = [
        *OPTIONS,
        ("grpc.max_receive_message_length", message_bytes),
        ("grpc.max_send_message_length", message_bytes),
    ]
    if tls and tls.server_name:
        options.append(("grpc.ssl_target_name_override", tls.server_name))
    token = ""
    if token_file:
        if not tls and not addresses.is_loopback(address):
            raise Invalid(f"{address}: a token would travel in the open. Give TLS.")
        try:
            token = token_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise Invalid(
                f"{token_file}: cannot be read ({error.strerror}). Give a file that holds the token."
            ) from error
    if tls:
        credentials = grpc.ssl_channel_credentials(
            read_pem(tls.ca_file),
            read_pem(tls.key_file) if tls.key_file else None,
            read_pem(tls.certificate_file) if tls.certificate_file else None,
        )
        channel = grpc.secure_channel(address, credentials, options=options)
    else:
        channel = grpc.insecure_channel(address, options=options)
    return grpc.intercept_channel(channel, _Outgoing(token, deadline_seconds))


@contextlib.contextmanager
def errors() -> Iterator[None]:
    """Turn failed calls into the errors of `errors.py`."""
    try:
        yield
    except grpc.RpcError as failed:
        error = status.error(failed)
        if error is failed:
            raise
        raise error from failed


@dataclass(frozen=True, slots=True)
class _Details(grpc.ClientCallDetails):
    method: str
    timeout: float | None
    metadata: tuple[tuple[str, str | bytes], ...] | None
    credentials: grpc.CallCredentials | None
    wait_for_ready: bool | None
    compression: grpc.Compression | None


class _Outgoing(
    grpc.UnaryUnaryClientInterceptor,  # type: ignore[type-arg]
    grpc.UnaryStreamClientInterceptor,  # type: ignore[type-arg]
    grpc.StreamUnaryClientInterceptor,  # type: ignore[type-arg]
    grpc.StreamStreamClientInterceptor,  # type: ignore[type-arg]
):
    """Adds deadline, token and trace to every call."""

    def __init__(self, token: str, deadline_seconds: float) -> None:
        self._token, self._deadline_seconds = token, deadline_seconds

    def _call(self, continuation: Callable[[Any, Any], Any], details: Any, request: Any) -> Any:
        with tracing.call_rpc(details.method):
            metadata = [*(details.metadata or ()), ("traceparent", tracing.traceparent())]
            if self._token:
                metadata.append(("authorization", f"Bearer {self._token}"))
            timeout = self._deadline_seconds if details.timeout is None else details.timeout
            changed = _Details(
                details.method,
                timeout,
                tuple(metadata),
                details.credentials,
                getattr(details, "wait_for_ready", None),
                getattr(details, "compression", None),
            )
            return continuation(changed, request)

    intercept_unary_unary = _call  # type: ignore[assignment]
    intercept_unary_stream = _call  # type: ignore[assignment]
    intercept_stream_unary = _call  # type: ignore[assignment]
    intercept_stream_stream = _call  # type: ignore[assignment]
