"""Every metric, in one typed list: name, kind, help, labels, unit, buckets.

Counters are named without `_total`: Prometheus' text format adds it. A service that has metrics of its own declares
them with the same three functions, in its own `metrics.py`; they join the list.

Labels whose values are known stand at 0 from the start: a series that appears with its first count has not risen, so
that no rate, no panel and no alert would see that count. `known` says them here; what depends on a stage, a method or a
model is said by whoever begins to count it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, GCCollector, Histogram, ProcessCollector

from celstream_platform.errors import Invalid, NotFound, Overloaded, Unavailable

Kind = Literal["counter", "gauge", "histogram"]

SECONDS_SHORT = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SECONDS_LONG = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
STORE_OPERATIONS = ("put", "adopt", "open", "local", "delete")
EVENTS_PER_BATCH = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0)


@dataclass(frozen=True, slots=True)
class Metric:
    """What a metric says about itself. unit: also the end of its name; empty for yes or no."""

    name: str
    kind: Kind
    help: str
    unit: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


REGISTRY = CollectorRegistry()
METRICS: list[Metric] = []


def counter(
    name: str, text: str, *, unit: str, labels: Sequence[str] = (), known: Sequence[Sequence[str]] = ()
) -> Counter:
    """Declare a counter: it only grows. known: values of each label; all combinations stand at 0 from the start."""
    METRICS.append(Metric(name, "counter", text, unit, tuple(labels)))
    made = Counter(name, text, labels, registry=REGISTRY)
    _begin(made, known)
    return made


def gauge(name: str, text: str, *, unit: str, labels: Sequence[str] = ()) -> Gauge:
    """Declare a gauge: it goes up and down."""
    METRICS.append(Metric(name, "gauge", text, unit, tuple(labels)))
    return Gauge(name, text, labels, registry=REGISTRY)


def histogram(
    name: str,
    text: str,
    *,
    unit: str,
    buckets: Sequence[float],
    labels: Sequence[str] = (),
    known: Sequence[Sequence[str]] = (),
) -> Histogram:
    """Declare a histogram. buckets: upper bounds, in the unit. known: as of a counter."""
    METRICS.append(Metric(name, "histogram", text, unit, tuple(labels), tuple(buckets)))
    made = Histogram(name, text, labels, buckets=tuple(buckets), registry=REGISTRY)
    _begin(made, known)
    return made


def _begin(metric: Counter | Histogram, known: Sequence[Sequence[str]]) -> None:
    if known:
        for values in product(*known):
            metric.labels(*values)


ProcessCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)

# The worker around a stage.
EVENTS_PROCESSED = counter(
    "celstream_worker_events",
    "Events that a stage has finished, by how: completed, rejected, parked, awaiting_review, released.",
    unit="events",
    labels=("stage", "outcome"),
)
ITEMS = counter("celstream_worker_items", "Items that a stage has published.", unit="items", labels=("stage", "level"))
REJECTIONS = counter(
    "celstream_worker_rejections",
    "Rejections that a stage has published, by reason: too_short, black, …, as the catalog calls them.",
    unit="rejections",
    labels=("stage", "reason"),
)
PROCESSING_SECONDS = histogram(
    "celstream_worker_processing_seconds",
    "Time to process one event, without waiting and without the commit.",
    unit="seconds",
    labels=("stage",),
    buckets=SECONDS_LONG,
)
COMMIT_SECONDS = histogram(
    "celstream_worker_commit_seconds",
    "Time from the begin of a transaction to the end of its commit.",
    unit="seconds",
    labels=("stage",),
    buckets=SECONDS_SHORT,
)
BATCH_EVENTS = histogram(
    "celstream_worker_batch_events",
    "Consumed events per transaction.",
    unit="events",
    labels=("stage",),
    buckets=EVENTS_PER_BATCH,
)
RETRIES = counter(
    "celstream_worker_retries",
    "Attempts that are repeated, by the kind of error: unavailable, overloaded, fenced, bug.",
    unit="retries",
    labels=("stage", "error"),
)
DEAD_LETTERS = counter(
    "celstream_worker_dead_letters",
    "Events that went to the dead-letter topic.",
    unit="letters",
    labels=("stage",),
)
EVENTS_IN_FLIGHT = gauge(
    "celstream_worker_in_flight_events",
    "Events that were polled and are not committed yet.",
    unit="events",
    labels=("stage",),
)
WORKER_READY = gauge(
    "celstream_worker_ready",
    "1 while the stage's dependencies answer and it polls, else 0.",
    unit="",
    labels=("stage",),
)
LAG_EVENTS = gauge(
    "celstream_worker_lag_events",
    "Committed events that the stage's group has not consumed yet.",
    unit="events",
    labels=("stage",),
)

# Footage.
FRAMES_DECODED = counter(
    "celstream_footage_decoded_frames", "Video frames that were decoded.", unit="frames", labels=("stage",)
)
CHILD_START_SECONDS = histogram(
    "celstream_footage_child_start_seconds",
    "Time from starting the limited child process to its first word.",
    unit="seconds",
    buckets=SECONDS_SHORT,
)
CHILD_ENDS = counter(
    "celstream_footage_child_ends",
    "How limited child processes ended: completed, invalid, limit, crash, bug, cancelled.",
    unit="ends",
    labels=("end",),
    known=[("completed", "invalid", "limit", "crash", "bug", "cancelled")],
)

# The three ports.
EVENTLOG_SECONDS = histogram(
    "celstream_eventlog_operation_seconds",
    "Time of one operation on the event log: poll, commit, publish.",
    unit="seconds",
    labels=("operation",),
    buckets=SECONDS_SHORT,
    known=[("poll", "commit", "publish")],
)
ARTEFACT_OPERATIONS = counter(
    "celstream_artefact_operations",
    "Operations on the artefact store, by outcome: ok or the error's name.",
    unit="operations",
    labels=("operation", "outcome"),
    known=[STORE_OPERATIONS, ("ok", *(error.__name__ for error in (NotFound, Invalid, Unavailable, Overloaded)))],
)
ARTEFACT_SECONDS = histogram(
    "celstream_artefact_operation_seconds",
    "Time of one operation on the artefact store.",
    unit="seconds",
    labels=("operation",),
    buckets=SECONDS_SHORT,
    known=[STORE_OPERATIONS],
)
ARTEFACT_BYTES = counter(
    "celstream_artefact_bytes",
    "Bytes written to and read from the store.",
    unit="bytes",
    labels=("operation",),
    known=[("put", "open")],
)
INFERENCES = counter(
    "celstream_model_inferences",
    "Inference requests, by outcome: ok or the error's name.",
    unit="inferences",
    labels=("model", "outcome"),
)
INFERENCE_SECONDS = histogram(
    "celstream_model_inference_seconds",
    "Time from sending an inference request to its answer.",
    unit="seconds",
    labels=("model",),
    buckets=SECONDS_SHORT,
)
INFERENCES_IN_FLIGHT = gauge(
    "celstream_model_in_flight_inferences", "Inference requests under way.", unit="inferences", labels=("model",)
)

# gRPC.
RPC_REQUESTS = counter(
    "celstream_grpc_requests", "Finished calls, by status code.", unit="requests", labels=("method", "code")
)
RPC_SECONDS = histogram(
    "celstream_grpc_request_seconds",
    "Time of one call, to the last byte of its answer.",
    unit="seconds",
    labels=("method",),
    buckets=SECONDS_LONG,
)
RPC_IN_FLIGHT = gauge(
    "celstream_grpc_in_flight_requests", "Calls that are being answered now.", unit="requests", labels=("method",)
)

# Certificates.
CERTIFICATE_EXPIRY = gauge(
    "celstream_certificate_expiry_timestamp_seconds",
    "When the first certificate of a file ends, seconds since 1970, by connection (grpc, events, artefacts, database, "
    "traces, or the name of another caller) and use: own, authority.",
    unit="seconds",
    labels=("connection", "use"),
)
