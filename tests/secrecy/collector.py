"""A collector of traces: takes what OpenTelemetry's exporter sends by gRPC, and keeps the bytes."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc

SERVICE = "opentelemetry.proto.collector.trace.v1.TraceService"


@contextmanager
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """(URL, what was sent) of a collector that runs as long as the context lasts."""
    sent: list[bytes] = []

    def export(request: bytes, _: grpc.ServicerContext) -> bytes:
        sent.append(request)
        return b""  # an empty ExportTraceServiceResponse: all was taken

    server = grpc.server(ThreadPoolExecutor(2))
    handler = grpc.unary_unary_rpc_method_handler(export)  # without serialisers: bytes in, bytes out
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"Export": handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"http://127.0.0.1:{port}", sent
    finally:
        server.stop(grace=5).wait()
