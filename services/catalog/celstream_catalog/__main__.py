"""The catalog as a service: settings → ports → projection and gRPC server."""

import sys
import threading
from collections.abc import Callable

from celstream_platform import certificates, logs, metrics_server, rpc, tracing
from celstream_platform.artefacts import open_artefact_store
from celstream_platform.backoff import Backoff
from celstream_platform.errors import CelstreamError, Unavailable
from celstream_platform.eventlog import EventLog, open_event_log
from celstream_platform.inbox import Inbox, open_inbox
from celstream_platform.settings import load
from celstream_platform.shutdown import Shutdown, drain

from celstream_catalog import funnel_metrics
from celstream_catalog.canary_metrics import CanaryMetrics
from celstream_catalog.catalog import Catalog
from celstream_catalog.inbox import InboxIntake
from celstream_catalog.inbox_rescan import Rescan
from celstream_catalog.served_canaries import keep_taking_down
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


def _open(settings: CatalogSettings, shutdown: Shutdown) -> tuple[EventLog, Catalog, Inbox | None] | None:
    """Event log, catalog and inbox, once they answer; None where the process shall end before."""
    backoff = Backoff(0.2, 10.0)
    while not shutdown.requested():
        try:
            store = open_artefact_store(settings.artefacts)
            inbox = open_inbox(settings.inbox, settings.scratch) if settings.inbox else None
            event_log = open_event_log(settings.events)
            try:
                return event_log, Catalog(settings.database, event_log, store), inbox
            except BaseException:
                event_log.close()
                raise
        except Unavailable as error:
            log.warning("a dependency is away, waiting", error=str(error))
            shutdown.wait(backoff.next_seconds())
    return None


def _serve(
    settings: CatalogSettings, shutdown: Shutdown, event_log: EventLog, catalog: Catalog, inbox: Inbox | None
) -> int:
    failed = threading.Event()

    def beside(name: str, work: Callable[[], None]) -> threading.Thread:
        """A thread whose failure ends the service."""

        def guarded() -> None:
            try:
                work()
            except Exception:
                log.exception(f"the {name} failed")
                failed.set()
                shutdown.request()

        return threading.Thread(target=guarded, name=name)

    certificates.tell_of_others(settings.callers_certificates)
    canaries = CanaryMetrics(catalog, settings.canary_period_seconds)
    threads = [
        beside("projection", lambda: catalog.run(shutdown.requested)),
        beside("funnel", lambda: funnel_metrics.keep_counting(catalog, shutdown, beside=canaries.count)),
    ]
    if settings.canary_keep_days:
        threads += [beside("canaries", lambda: keep_taking_down(catalog, shutdown, settings.canary_keep_days))]
    if inbox is not None:
        intake = InboxIntake(
            catalog, inbox, licence_required=settings.inbox_requires_license, most_bytes=settings.upload_bytes
        )
        every, settle = settings.inbox_rescan_seconds, settings.inbox_settle_seconds
        rescan = Rescan(inbox, event_log)
        threads += [
            beside("inbox", lambda: intake.run(event_log, settings.member, shutdown)),
            beside("rescan", lambda: rescan.run(shutdown, every_seconds=every, settle_seconds=settle)),
        ]
    servicer = CatalogServicer(
        catalog, upload_bytes=settings.upload_bytes, scratch=settings.scratch, stopping=shutdown.requested
    )
    server = rpc.serve([catalog_service(servicer)], settings, checks={"database and event log": catalog.answers})
    metrics = metrics_server.serve(settings.metrics_address, server.health.ready)
    for thread in threads:
        thread.start()
    log.info("serving", grpc=server.address, metrics=metrics.address)
    shutdown.wait()
    problems = drain(
        [
            ("not ready", server.not_ready),
            *((thread.name, thread.join) for thread in threads),
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
