"""The segmenter's metrics: how certain it is of what it finds, and where its second look does not agree with it."""

from celstream_platform import metrics
from celstream_protos.v1.clip_pb2 import DoubtKind, FootageAnalysis, TransitionKind

from celstream_segmenter.recipe import NAME

CONFIDENCE = metrics.histogram(
    "celstream_segmenter_transition_confidence_ratio",
    "Confidence of transitions that were found, by kind: cut, dissolve, fade_in, fade_out, wipe.",
    unit="ratio",
    labels=("kind",),
    known=[("cut", "dissolve", "fade_in", "fade_out", "wipe")],
    buckets=(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0),
)
SHOTS = metrics.counter("celstream_segmenter_shots", "Shots that were found.", unit="shots")
DOUBTS = metrics.counter(
    "celstream_segmenter_doubts",
    "Places where a second look does not agree with the detector: merge (two shots look like one), split.",
    unit="doubts",
    labels=("kind",),
    known=[("merge", "split")],
)
for _reason in ("too_short", "black", "plain", "damaged", "static"):
    metrics.REJECTIONS.labels(NAME, _reason)
metrics.FRAMES_DECODED.labels(NAME)


def count(analysis: FootageAnalysis) -> None:
    """Count what was found in one footage. One that is processed again counts again."""
    for transition in analysis.transitions:
        kind = TransitionKind.Name(transition.kind).removeprefix("TRANSITION_KIND_").lower()
        CONFIDENCE.labels(kind).observe(transition.confidence)
    SHOTS.inc(len(analysis.shots))
    for doubt in analysis.doubts:
        DOUBTS.labels(DoubtKind.Name(doubt.kind).removeprefix("DOUBT_KIND_").lower()).inc()
