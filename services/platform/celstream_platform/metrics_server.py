"""The HTTP port of a service: `/metrics`, and `/livez` and `/readyz` for probes that cannot speak gRPC with TLS."""

from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from threading import Thread
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIEnvironment

from prometheus_client import make_wsgi_app

from celstream_platform.addresses import split
from celstream_platform.errors import Unavailable
from celstream_platform.metrics import REGISTRY

SOCKET_SECONDS = 10.0  # a client that opens a connection and says nothing must not hold a thread for ever

POLL_SECONDS = 0.05  # how soon `close` is noticed


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Handler(WSGIRequestHandler):
    timeout = SOCKET_SECONDS

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Say nothing: a scrape every few seconds is no news."""


class MetricsServer:
    """A running HTTP port. address: where it listens, with the port that was chosen where 0 was asked for."""

    def __init__(self, address: str, ready: Callable[[], bool]) -> None:
        host, port = split(address)
        metrics_app: Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]] = make_wsgi_app(REGISTRY)

        def app(environ: WSGIEnvironment, respond: StartResponse) -> Iterable[bytes]:
            path = environ.get("PATH_INFO", "/")
            if path == "/metrics":
                return metrics_app(environ, respond)
            if path == "/livez":
                status, text = "200 OK", b"alive\n"
            elif path == "/readyz":
                status, text = ("200 OK", b"ready\n") if ready() else ("503 Service Unavailable", b"not ready\n")
            else:
                status, text = "404 Not Found", b"There are /metrics, /livez and /readyz.\n"
            respond(status, [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(text)))])
            return [text]

        try:
            self._server = make_server(host, port, app, server_class=_Server, handler_class=_Handler)
        except OSError as error:
            raise Unavailable(
                f"{address}: cannot serve metrics there ({error.strerror}). Give another address."
            ) from error
        self.address = f"{host}:{self._server.server_port}"
        self._thread = Thread(target=self._server.serve_forever, args=(POLL_SECONDS,), name="metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def serve(address: str, ready: Callable[[], bool] = lambda: True) -> MetricsServer:
    """Serve the metrics. address: `host:port`, port 0 chooses one. ready: what `/readyz` answers.

    Raises Unavailable where the address is taken, Invalid where it is none.
    """
    return MetricsServer(address, ready)
