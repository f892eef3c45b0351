"""Traces: one trace follows a footage through all stages, by `traceparent` in the headers of events and calls.

W3C Trace Context (https://www.w3.org/TR/trace-context/) and OpenTelemetry's names for messaging and RPC. Spans always
get ids, so that logs and events can be joined; they are sent somewhere only where an exporter is configured, and where
none is they are ids alone: what nobody will see is not recorded.
"""

import random
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache

from opentelemetry import trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SimpleSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from celstream_platform.errors import Invalid
from celstream_platform.events import Event

EXPORTERS = ("none", "console", "otlp")
SEND_SECONDS = 5.0  # a collector that is away must not hold up an orderly end
NEW_TRACE = TraceFlags(TraceFlags.SAMPLED | TraceFlags.RANDOM_TRACE_ID)  # what the SDK gives a trace that begins here
_propagator = TraceContextTextMapPropagator()
_provider: TracerProvider | None = None  # None: spans are sent nowhere


def configure(service: str, exporter: str | SpanExporter = "none") -> None:
    """Name the service that speaks, and say where its spans go: `none`, `console`, `otlp`, or an exporter.

    console: standard error. otlp: a collector, by gRPC, as OpenTelemetry's own variables say (OTEL_EXPORTER_OTLP_…;
    localhost:4317 where they say nothing). Call it once, in `__main__.py`. Raises Invalid for another name, and where
    the library for it is missing.
    """
    global _provider
    if isinstance(exporter, str) and exporter not in EXPORTERS:
        raise Invalid(f"{exporter!r}: no exporter of spans of that name. Give one of {', '.join(EXPORTERS)}.")
    if exporter == "none":
        _provider = None
        return
    _provider = TracerProvider(resource=Resource.create({"service.name": f"celstream-{service}"}))
    if exporter == "console":
        _provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(out=sys.stderr)))
    elif exporter == "otlp":
        _provider.add_span_processor(BatchSpanProcessor(_otlp()))
    elif isinstance(exporter, SpanExporter):
        _provider.add_span_processor(BatchSpanProcessor(exporter))


def _otlp() -> SpanExporter:
    try:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    except ImportError as error:
        raise Invalid(
            "opentelemetry-exporter-otlp-proto-grpc: not installed, expected for traces by otlp. "
            "Install celstream-platform[otlp]."
        ) from error
    return OTLPSpanExporter(timeout=SEND_SECONDS)


def close() -> None:
    """Send what is left."""
    if _provider is not None:
        _provider.shutdown()


@contextmanager
def recording() -> Iterator[InMemorySpanExporter]:
    """Keep spans in memory for as long as the context lasts; for tests."""
    global _provider
    before, exporter = _provider, InMemorySpanExporter()
    _provider = TracerProvider(shutdown_on_exit=False)
    _provider.add_span_processor(SimpleSpanProcessor(exporter))
    try:
        yield exporter
    finally:
        _provider = before


def traceparent() -> str:
    """The current span as a `traceparent` header (W3C Trace Context, version 00), empty outside any span."""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return ""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def parent(headers: Mapping[str, str]) -> Context:
    """The trace that headers belong to: those of an event, or the metadata of a call. Empty where they name none."""
    return _propagator.extract(dict(headers), context=Context()) if "traceparent" in headers else Context()


def ids() -> tuple[str, str]:
    """(trace id, span id) of the current span in hexadecimal, both empty outside any span."""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return "", ""
    return trace.format_trace_id(context.trace_id), trace.format_span_id(context.span_id)


@lru_cache(maxsize=2)
def _tracer(provider: TracerProvider) -> Tracer:
    """The provider's tracer: making one costs as much as the rest of a span."""
    return provider.get_tracer("celstream")


def _unrecorded(context: Context | None) -> Span:
    """A span that is its ids: of its parent's trace, or the first of one that begins here."""
    parent = trace.get_current_span(context).get_span_context()
    span_id = random.getrandbits(64) or 1  # zero is no id
    if parent.is_valid:
        return NonRecordingSpan(SpanContext(parent.trace_id, span_id, False, parent.trace_flags, parent.trace_state))
    return NonRecordingSpan(SpanContext(random.getrandbits(128) or 1, span_id, False, NEW_TRACE))


@contextmanager
def span(
    name: str,
    *,
    kind: SpanKind = SpanKind.INTERNAL,
    context: Context | None = None,
    attributes: Mapping[str, str | int | float | bool] | None = None,
) -> Iterator[Span]:
    """A span around a piece of work; an exception marks it as failed and goes on. context: its parent, else current."""
    if _provider is None:
        current = _unrecorded(context)
    else:
        current = _tracer(_provider).start_span(name, context=context, kind=kind, attributes=attributes)
    token = attach(trace.set_span_in_context(current))
    try:
        yield current
    except GeneratorExit:
        raise
    except BaseException as error:
        current.record_exception(error)
        current.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {error}"))
        raise
    finally:
        detach(token)
        current.end()


def consume(stage: str, event: Event, *, attempt: int = 1) -> AbstractContextManager[Span]:
    """A span around the processing of one event; its parent is the span that published the event."""
    return span(
        f"process {event.topic}",
        kind=SpanKind.CONSUMER,
        context=parent(event.headers),
        attributes={
            "messaging.operation.type": "process",
            "messaging.destination.name": event.topic,
            "messaging.consumer.group.name": stage,
            "messaging.message.id": event.headers.get("ce_id", ""),
            "celstream.key": event.key,
            "celstream.attempt": attempt,
        },
    )


def publish(stage: str, *, events: int) -> AbstractContextManager[Span]:
    """A span around a transaction that publishes `events` events."""
    return span(
        f"commit {stage}",
        kind=SpanKind.PRODUCER,
        attributes={"messaging.operation.type": "send", "messaging.batch.message_count": events},
    )


def serve_rpc(method: str, metadata: Mapping[str, str]) -> AbstractContextManager[Span]:
    """A span around one call that is answered. method: `/package.Service/Method`."""
    return span(method.lstrip("/"), kind=SpanKind.SERVER, context=parent(metadata), attributes=_rpc(method))


def call_rpc(method: str) -> AbstractContextManager[Span]:
    """A span around one call that is made."""
    return span(method.lstrip("/"), kind=SpanKind.CLIENT, attributes=_rpc(method))


def _rpc(method: str) -> dict[str, str | int | float | bool]:
    service, _, name = method.lstrip("/").partition("/")
    return {"rpc.system": "grpc", "rpc.service": service, "rpc.method": name}
