"""What the segmenter says of how certain it is."""

from celstream_platform.metrics import REGISTRY
from celstream_protos.v1.clip_pb2 import (
    DOUBT_KIND_SPLIT,
    TRANSITION_KIND_CUT,
    TRANSITION_KIND_DISSOLVE,
    Doubt,
    FootageAnalysis,
    Shot,
    Transition,
)
from celstream_segmenter import metrics


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"celstream_segmenter_{name}", labels) or 0.0


def test_transitions_are_counted_by_kind_and_confidence_and_doubts_by_kind() -> None:
    confidence = "transition_confidence_ratio"
    names = (
        (f"{confidence}_bucket", {"kind": "cut", "le": "0.5"}),
        (f"{confidence}_bucket", {"kind": "cut", "le": "0.6"}),
        (f"{confidence}_count", {"kind": "cut"}),
        (f"{confidence}_count", {"kind": "dissolve"}),
        ("shots_total", {}),
        ("doubts_total", {"kind": "split"}),
        ("doubts_total", {"kind": "merge"}),
    )
    before = [value(name, **labels) for name, labels in names]
    cuts = [Transition(kind=TRANSITION_KIND_CUT, confidence=confidence) for confidence in (0.55, 0.97)]
    dissolve = Transition(kind=TRANSITION_KIND_DISSOLVE, confidence=0.7)
    analysis = FootageAnalysis(transitions=[*cuts, dissolve], shots=[Shot()] * 4, doubts=[Doubt(kind=DOUBT_KIND_SPLIT)])
    metrics.count(analysis)
    after = [value(name, **labels) for name, labels in names]
    assert [new - old for new, old in zip(after, before, strict=True)] == [0, 1, 2, 1, 4, 1, 0]


def test_no_doubt_is_news_as_well() -> None:
    assert REGISTRY.get_sample_value("celstream_segmenter_doubts_total", {"kind": "merge"}) is not None
