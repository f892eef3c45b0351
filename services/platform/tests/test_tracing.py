"""Traces: one trace follows an event from the stage that published it to the stage that reads it."""

import io
import json
import logging

import pytest
import structlog
from celstream_platform import events, logs, tracing
from celstream_platform.errors import Invalid
from celstream_protos.v1 import envelope_pb2
from opentelemetry.trace import SpanKind, StatusCode


def _event() -> events.Event:
    return events.encode(
        "celstream.takedowns",
        "key",
        envelope_pb2.Takedown(id="1"),
        event_id="1",
        source="test",
        traceparent=tracing.traceparent(),
    )


def test_one_trace_goes_through_two_stages() -> None:
    with tracing.recording() as memory:
        with tracing.span("submit"), tracing.publish("catalog", events=1):
            event = _event()
        with tracing.consume("segmenter", event, attempt=2):
            pass
    submit, commit, process = sorted(memory.get_finished_spans(), key=lambda span: span.start_time or 0)
    assert [submit.name, commit.name, process.name] == ["submit", "commit catalog", "process celstream.takedowns"]
    assert {span.context.trace_id for span in (submit, commit, process)} == {submit.context.trace_id}
    assert process.parent is not None
    assert process.parent.span_id == commit.context.span_id
    assert (commit.kind, process.kind) == (SpanKind.PRODUCER, SpanKind.CONSUMER)
    assert process.attributes is not None
    assert process.attributes["messaging.consumer.group.name"] == "segmenter"
    assert process.attributes["celstream.attempt"] == 2


def test_traceparent_has_the_form_of_the_standard_and_is_there_without_an_exporter() -> None:
    assert tracing.traceparent() == ""
    with tracing.span("work"):
        version, trace_id, span_id, flags = tracing.traceparent().split("-")
        assert version == "00"
        assert int(flags, 16) & 1, "sampled"
        assert (trace_id, span_id) == tracing.ids()
        assert (len(trace_id), len(span_id)) == (32, 16)
    assert tracing.ids() == ("", "")


@pytest.mark.parametrize("flags", ["00", "01", "03"])
def test_a_trace_is_carried_on_where_no_spans_are_recorded(flags: str) -> None:
    header = f"00-{'ab' * 16}-{'cd' * 8}-{flags}"
    with tracing.consume("toy", events.Event("t", "k", b"", {"traceparent": header})) as span:
        assert not span.is_recording()
        processed = tracing.traceparent().split("-")
        with tracing.publish("toy", events=1):
            published = tracing.traceparent().split("-")
    assert processed[:2] == published[:2] == header.split("-")[:2]
    assert processed[3] == published[3] == flags
    assert len({"cd" * 8, processed[2], published[2]}) == 3, "each span has an id of its own"


@pytest.mark.parametrize("header", ["", "nonsense", "00-0-0-01", f"00-{'0' * 32}-{'0' * 16}-01"])
def test_a_damaged_traceparent_begins_a_new_trace(header: str) -> None:
    with tracing.recording() as memory, tracing.consume("toy", events.Event("t", "k", b"", {"traceparent": header})):
        pass
    (span,) = memory.get_finished_spans()
    assert span.parent is None
    assert span.context.is_valid


def test_an_event_without_a_trace_does_not_join_the_trace_around_it() -> None:
    with tracing.recording() as memory, tracing.span("loop"), tracing.consume("toy", events.Event("t", "k", b"", {})):
        pass
    inner, outer = memory.get_finished_spans()
    assert inner.parent is None
    assert inner.context.trace_id != outer.context.trace_id


def test_a_failure_marks_the_span_and_goes_on() -> None:
    with tracing.recording() as memory, pytest.raises(Invalid), tracing.span("work"):
        raise Invalid("film.mkv: damaged.")
    (span,) = memory.get_finished_spans()
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description == "Invalid: film.mkv: damaged."
    assert span.events[0].name == "exception"


def test_an_unknown_exporter_is_refused() -> None:
    with pytest.raises(Invalid, match="'jaeger': no exporter of spans of that name"):
        tracing.configure("toy", "jaeger")


def test_log_lines_carry_the_trace_and_the_service(request: pytest.FixtureRequest) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    request.addfinalizer(lambda: (root.handlers.__setitem__(slice(None), handlers), root.setLevel(level)))
    request.addfinalizer(structlog.reset_defaults)
    stream = io.StringIO()
    logs.configure("toy", level="info", format="json", stream=stream)
    with tracing.span("work"), logs.bound(footage_id="f1"):
        logs.logger("celstream.toy").info("shots found", shots=12)
        logging.getLogger("library").warning("library %s", "speaks")
        trace_id, span_id = tracing.ids()
    logs.logger("celstream.toy").debug("too low")
    try:
        int("broken")
    except ValueError:
        logs.logger("celstream.toy").exception("a bug")
    own, foreign, bug = (json.loads(line) for line in stream.getvalue().splitlines())
    assert own["event"] == "shots found"
    assert (own["service"], own["shots"], own["footage_id"], own["level"]) == ("toy", 12, "f1", "info")
    assert (own["trace_id"], own["span_id"]) == (trace_id, span_id)
    assert (foreign["event"], foreign["trace_id"], foreign["logger"]) == ("library speaks", trace_id, "library")
    assert "ValueError: invalid literal" in bug["exception"]
    assert "trace_id" not in bug
