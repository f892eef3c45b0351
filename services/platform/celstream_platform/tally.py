"""What a worker's metrics say about the inputs that it has committed."""

from collections.abc import Sequence

from celstream_protos.v1 import envelope_pb2

from celstream_platform import metrics
from celstream_platform.processing import Processed


def count(stage: str, done: Sequence[Processed]) -> None:
    """Count committed inputs with what came of them."""
    metrics.BATCH_EVENTS.labels(stage).observe(len(done))
    for processed in done:
        metrics.PROCESSING_SECONDS.labels(stage).observe(processed.seconds)
        metrics.EVENTS_PROCESSED.labels(stage, _ending(processed)).inc()
        if processed.result is None:
            metrics.DEAD_LETTERS.labels(stage).inc()
            continue
        for item in processed.result.items:
            metrics.ITEMS.labels(stage, item.header.level).inc()
        for rejection in processed.result.rejections:
            metrics.REJECTIONS.labels(stage, envelope_pb2.RejectionReason.Name(rejection.reason)).inc()


def _ending(processed: Processed) -> str:
    result = processed.result
    if result is None:
        return "parked"
    if result.awaiting_review:
        return "awaiting_review"
    return "rejected" if result.rejections and not result.items else "completed"
