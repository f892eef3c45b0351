"""The catalog as a service: settings → ports → projection and gRPC server."""

import sys
import threading

from celstream_platform import logs, metrics_server, rpc, tracing
from celstream_platform.artefacts import open_artefact_store
from celstream_platform.backoff import Backoff
from celstream_platform.errors import CelstreamError, Unavailable
from celstream_platform.eventlog import EventLog, open_event_log
from celstream_platform.settings import load
from celstream_platform.shutdown import Shutdown, drain

from celstream_catalog.catalog import Catalog
from celstream_catalog.servicer import CatalogServicer, catalog_service
from celstream_catalog.settings import CatalogSettings

log = logs.logger(__name__)


def main() -> int:
    """Serve until SIGTERM. Exit status: 0 after an orderly end, 1 after a bug, 2 for settings that cannot be used."""
    shutdown = Shutdown()
    try:
        settings = load(CatalogSettings)
        logs.configure("catalog", level=settings.log_level, format=settings.log_format)
        tracing.configure("catalog", settings.trace_exporter)
        shutdown.install()
        opened = _open(settings, shutdown)
        return 0 if opened is None else _serve(settings, shutdown, *opened)
    except CelstreamError as error:
        sys.stderr.write(f"{error}\n")
        return 2


def _open(settings: CatalogSettings, shutdown: Shutdown) -> tuple[EventLog, Catalog] | None:
    """Event log and catalog, once they answer; None where the process shall end before."""
    backoff = Backoff(0.2, 10.0)
    while not shutdown.requested():
        try:
            store = open_artefact_store(settings.artefacts)
            event_log = open_event_log(settings.events)
            try:
                return event_log, Catalog(settings.database, event_log, store)
            except BaseException:
                event_log.close()
                raise
        except Unavailable as error:
            log.warning("a dependency is away, waiting", error=str(error))
            shutdown.wait(backoff.next_seconds())
    return None


def _serve(settings: CatalogSettings, shutdown: Shutdown, event_log: EventLog, catalog: Catalog) -> int:
    failed = threading.Event()

    def project() -> None:
        try:
            catalog.run(shutdown.requested)
        except Exception:
            log.exception("the projection failed")
            failed.set()
            shutdown.request()

    servicer = CatalogServicer(
        catalog, upload_bytes=settings.upload_bytes, scratch=settings.scratch, stopping=shutdown.requested
    )
    server = rpc.serve([catalog_service(servicer)], settings, checks={"database and event log": catalog.answers})
    metrics = metrics_server.serve(settings.metrics_address, server.health.ready)
    projection = threading.Thread(target=project, name="projection")
    projection.start()
    log.info("serving", grpc=server.address, metrics=metrics.address)
    shutdown.wait()
    problems = drain(
        [
            ("not ready", server.not_ready),
            ("projection", projection.join),
            ("calls", server.stop),
            ("catalog", lambda _: catalog.close()),
            ("event log", lambda _: event_log.close()),
            ("metrics", lambda _: metrics.close()),
            ("traces", lambda _: tracing.close()),
        ],
        seconds=settings.drain_seconds,
    )
    return 1 if problems or failed.is_set() else 0


if __name__ == "__main__":
    raise SystemExit(main())
