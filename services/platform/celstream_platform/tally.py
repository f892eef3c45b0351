"""What a worker's metrics say about the inputs that it has committed, and that it has committed none yet."""

from collections import Counter
from collections.abc import Sequence

from celstream_protos.v1 import envelope_pb2

from celstream_platform import metrics
from celstream_platform.outcomes import level_of
from celstream_platform.processing import Processed
from celstream_platform.topics import Topic

ENDINGS = ("completed", "rejected", "parked", "awaiting_review", "released")
ERRORS = ("unavailable", "overloaded", "fenced", "bug")
OF_ANY_STAGE = (envelope_pb2.REJECTION_REASON_UNREADABLE, envelope_pb2.REJECTION_REASON_LIMIT_EXCEEDED)


def begin(stage: str, produces: Sequence[Topic]) -> None:
    """Let everything stand at 0 that may be counted. produces: topics of the levels that the stage writes."""
    for ending in ENDINGS:
        metrics.EVENTS_PROCESSED.labels(stage, ending)
    for error in ERRORS:
        metrics.RETRIES.labels(stage, error)
    for topic in produces:
        metrics.ITEMS.labels(stage, level_of(topic.name))
    for reason in OF_ANY_STAGE:
        metrics.REJECTIONS.labels(stage, reason_name(reason))
    for one in (metrics.DEAD_LETTERS, metrics.BATCH_EVENTS, metrics.PROCESSING_SECONDS, metrics.COMMIT_SECONDS):
        one.labels(stage)
    for gauge in (metrics.EVENTS_IN_FLIGHT, metrics.WORKER_READY):
        gauge.labels(stage)


def reason_name(reason: envelope_pb2.RejectionReason.ValueType) -> str:
    """How labels say a reason."""
    return envelope_pb2.RejectionReason.Name(reason).removeprefix("REJECTION_REASON_").lower()


def count(stage: str, done: Sequence[Processed]) -> None:
    """Count committed inputs with what came of them."""
    metrics.BATCH_EVENTS.labels(stage).observe(len(done))
    seconds = metrics.PROCESSING_SECONDS.labels(stage)
    for processed in done:
        seconds.observe(processed.seconds)
    # Added up first: a label is looked up once for a batch, not for each event.
    results = [processed.result for processed in done if processed.result is not None]
    for ending, many in Counter(map(_ending, done)).items():
        metrics.EVENTS_PROCESSED.labels(stage, ending).inc(many)
    if len(results) < len(done):
        metrics.DEAD_LETTERS.labels(stage).inc(len(done) - len(results))
    for level, many in Counter(item.header.level for result in results for item in result.items).items():
        metrics.ITEMS.labels(stage, level).inc(many)
    for reason, many in Counter(rejection.reason for result in results for rejection in result.rejections).items():
        metrics.REJECTIONS.labels(stage, reason_name(reason)).inc(many)


def _ending(processed: Processed) -> str:
    result = processed.result
    if result is None:
        return "parked"
    if result.awaiting_review:
        return "awaiting_review"
    return "rejected" if result.rejections and not result.items else "completed"
