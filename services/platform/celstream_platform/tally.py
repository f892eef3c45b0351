"""What a worker's metrics say about the inputs that it has committed."""

from collections import Counter
from collections.abc import Sequence

from celstream_protos.v1 import envelope_pb2

from celstream_platform import metrics
from celstream_platform.processing import Processed


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
        metrics.REJECTIONS.labels(stage, envelope_pb2.RejectionReason.Name(reason)).inc(many)


def _ending(processed: Processed) -> str:
    result = processed.result
    if result is None:
        return "parked"
    if result.awaiting_review:
        return "awaiting_review"
    return "rejected" if result.rejections and not result.items else "completed"
