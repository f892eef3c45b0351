"""One trace goes through two services, each a process of its own, to a collector that speaks OTLP."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

import grpc
import pytest
from celstream_platform import tracing
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.chain import toy
from tests.chain.bench import open_bench


@dataclass
class Collector(TraceServiceServicer):
    """Takes spans in as a real collector does. spans: (service, span) as they came."""

    spans: list[tuple[str, Span]] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)
    address: str = ""

    def Export(self, request: ExportTraceServiceRequest, context: grpc.ServicerContext) -> ExportTraceServiceResponse:
        with self.lock:
            for of_service in request.resource_spans:
                attributes = {one.key: one.value.string_value for one in of_service.resource.attributes}
                for scope in of_service.scope_spans:
                    self.spans += [(attributes["service.name"], span) for span in scope.spans]
        return ExportTraceServiceResponse()

    def named(self, service: str, name: str) -> list[Span]:
        return [span for speaker, span in self.spans if (speaker, span.name) == (service, name)]


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """A collector on a port of its own, which the environment names."""
    found = Collector()
    server = grpc.server(ThreadPoolExecutor(2))
    add_TraceServiceServicer_to_server(found, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("CELSTREAM_TRACE_EXPORTER", "otlp")
    yield found
    server.stop(None).wait()


def test_one_trace_goes_through_two_services_to_the_collector(tmp_path: Path, collector: Collector) -> None:
    with open_bench(tmp_path) as bench:
        with tracing.recording(), tracing.span("submit"):
            trace_id, submitted = tracing.ids()
            bench.offer("one", "some words", tracing.traceparent())
        other = bench.offer("two", "alone")
        command = [sys.executable, "-m", "tests.chain.toy_worker", str(tmp_path)]
        workers = [subprocess.Popen([*command, stage], env=dict(os.environ)) for stage in ("splitter", "speller")]
        try:
            while len(bench.on_topic(toy.WORDS.name)) < 3 or bench.log.lag("speller", [toy.WORDS.name]):
                assert [worker.poll() for worker in workers] == [None, None]
        finally:
            for worker in workers:
                worker.send_signal(signal.SIGTERM)
            assert [worker.wait() for worker in workers] == [0, 0]
    texts = collector.named("celstream-splitter", "process celstream.texts")
    words = collector.named("celstream-speller", "process celstream.words")
    (first,) = [span for span in texts if span.trace_id.hex() == trace_id]
    assert first.parent_span_id.hex() == submitted, "submit -> splitter"
    mine = [span for span in words if span.trace_id.hex() == trace_id]
    assert [span.parent_span_id for span in mine] == [first.span_id] * 2, "splitter -> speller, for each word"
    assert {span.kind for span in (first, *mine)} == {Span.SPAN_KIND_CONSUMER}
    (second,) = [span for span in texts if span is not first]
    (alone,) = [span for span in words if span not in mine]
    assert (alone.trace_id, alone.parent_span_id) == (second.trace_id, second.span_id)
    assert second.trace_id.hex() != trace_id, "another footage, another trace"
    assert {one.key: one.value.string_value for one in second.attributes}["celstream.key"] == other


def test_a_collector_that_is_away_keeps_nobody_from_working_and_ending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("CELSTREAM_TRACE_EXPORTER", "otlp")
    with open_bench(tmp_path) as bench:
        bench.offer("one", "some words")
        worker = subprocess.Popen([sys.executable, "-m", "tests.chain.toy_worker", str(tmp_path), "splitter"])
        try:
            while len(bench.on_topic(toy.WORDS.name)) < 2:
                assert worker.poll() is None
        finally:
            worker.send_signal(signal.SIGTERM)
            assert worker.wait() == 0
