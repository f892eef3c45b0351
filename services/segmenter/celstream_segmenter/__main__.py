"""The segmenter as a service: settings → ports → stage, worker and gRPC server."""

import sys
import threading

from celstream_platform import logs, metrics_server, rpc, tracing
from celstream_platform.artefacts import ArtefactStore, open_artefact_store
from celstream_platform.backoff import Backoff
from celstream_platform.errors import CelstreamError, Unavailable
from celstream_platform.eventlog import EventLog, open_event_log
from celstream_platform.settings import load
from celstream_platform.shutdown import Shutdown, drain
from celstream_platform.worker import Worker, WorkerSettings

from celstream_segmenter.model_opinion import ModelOpinion, open_opinion
from celstream_segmenter.recipe import NAME
from celstream_segmenter.servicer import SegmenterServicer, segmenter_service
from celstream_segmenter.settings import SegmenterSettings
from celstream_segmenter.stage import SegmenterStage

log = logs.logger(__name__)


def main() -> int:
    """Serve until SIGTERM. Exit status: 0 after an orderly end, 1 after a bug, 2 for settings that cannot be used."""
    shutdown = Shutdown()
    try:
        settings = load(SegmenterSettings)
        logs.configure(NAME, level=settings.log_level, format=settings.log_format)
        tracing.configure(NAME, settings.trace_exporter)
        shutdown.install()
        opened = _open(settings, shutdown)
        return 0 if opened is None else _serve(settings, shutdown, *opened)
    except CelstreamError as error:
        sys.stderr.write(f"{error}\n")
        return 2


def _open(
    settings: SegmenterSettings, shutdown: Shutdown
) -> tuple[EventLog, ArtefactStore, ModelOpinion | None] | None:
    """Event log, store and model, once they answer; None where the process shall end before."""
    backoff = Backoff(0.2, 10.0)
    while not shutdown.requested():
        opinion = None
        try:
            if settings.second_opinion != "none":
                opinion = open_opinion(settings.models)
            return open_event_log(settings.events), open_artefact_store(settings.artefacts), opinion
        except Unavailable as error:
            if opinion:
                opinion.close()
            log.warning("a dependency is away, waiting", error=str(error))
            shutdown.wait(backoff.next_seconds())
    return None


def _serve(
    settings: SegmenterSettings,
    shutdown: Shutdown,
    event_log: EventLog,
    store: ArtefactStore,
    opinion: ModelOpinion | None,
) -> int:
    failed = threading.Event()
    rules, limits = settings.rules(opinion.model if opinion else None), settings.limits()
    answering = opinion.answering() if opinion else None
    stage = SegmenterStage(store, rules, limits, settings.scratch, settings.processes, answering)
    worker = Worker(
        stage, event_log, store, WorkerSettings(finish_seconds=settings.finish_seconds), member=settings.member
    )

    def work() -> None:
        try:
            worker.run(shutdown)
        except Exception:
            log.exception("the worker failed")
            failed.set()
            shutdown.request()

    servicer = SegmenterServicer(store, rules, limits, settings.upload_bytes, answering)
    server = rpc.serve([segmenter_service(servicer)], settings, checks={"event log": lambda: worker.ready})
    metrics = metrics_server.serve(settings.metrics_address, server.health.ready)
    working = threading.Thread(target=work, name="worker")
    working.start()
    log.info("serving", grpc=server.address, metrics=metrics.address)
    shutdown.wait()
    problems = drain(
        [
            ("not ready", server.not_ready),
            ("worker", working.join),
            ("calls", server.stop),
            ("event log", lambda _: event_log.close()),
            *([("model server", lambda _: opinion.close())] if opinion else []),
            ("metrics", lambda _: metrics.close()),
            ("traces", lambda _: tracing.close()),
        ],
        seconds=settings.drain_seconds,
    )
    return 1 if problems or failed.is_set() else 0


if __name__ == "__main__":
    raise SystemExit(main())
