"""A canary's scores: what the contracts' messages say, against the truth."""

from celstream_evaluator.canary import LEAST_F1, Made, Truth, evaluation, scores
from celstream_evaluator.hold_score import Holds
from celstream_evaluator.transition_score import Labels
from celstream_protos.v1.clip_pb2 import (
    TRANSITION_KIND_CUT,
    TRANSITION_KIND_FADE_OUT,
    Cadence,
    Clip,
    ClipMeasurements,
    FootageAnalysis,
    Transition,
    TransitionKind,
)
from celstream_protos.v1.envelope_pb2 import FrameRange
from celstream_protos.v1.evaluation_pb2 import Score

TRUTH = Truth(
    Labels((48, 96), (("fade_out", 130, 143),)),
    [(Holds(0, [2] * 24), 0, 48), (Holds(48, [3] * 16), 48, 96)],
    [(0, 48), (49, 95)],
)


def transition(kind: "TransitionKind.ValueType", frame: int, start: int, end: int) -> Transition:
    return Transition(kind=kind, frame=frame, start_frame=start, end_frame=end)


def clip(start: int, holds: list[int]) -> Clip:
    return Clip(
        range=FrameRange(start_frame=start, end_frame=start + sum(holds)),
        measurements=ClipMeasurements(cadence=Cadence(hold_frames=holds)),
    )


def counts(found: list[Score]) -> dict[str, tuple[int, int, int]]:
    return {one.subject: (one.expected, one.given, one.right) for one in found}


def test_all_that_is_right_is_found_right() -> None:
    analysis = FootageAnalysis(
        transitions=[
            transition(TRANSITION_KIND_CUT, 48, 48, 48),
            transition(TRANSITION_KIND_CUT, 96, 96, 96),
            transition(TRANSITION_KIND_FADE_OUT, 144, 131, 143),
        ]
    )
    found = scores(TRUTH, Made(analysis, [clip(0, [2] * 24), clip(48, [3] * 16)]))
    assert counts(found) == {"cuts": (2, 2, 2), "gradual": (1, 1, 1), "holds": (40, 40, 40), "kept": (2, 2, 2)}
    assert {(one.level, one.subject): one.least_f1 for one in found} == LEAST_F1


def test_a_detector_that_finds_nothing_is_found_out() -> None:
    found = scores(TRUTH, Made(FootageAnalysis(), [clip(0, [1] * 144)]))
    assert counts(found) == {"cuts": (2, 0, 0), "gradual": (1, 0, 0), "holds": (40, 96, 0), "kept": (2, 2, 2)}


def test_a_level_that_keeps_nothing_is_found_out() -> None:
    found = counts(scores(TRUTH, Made(FootageAnalysis(), [])))
    assert (found["holds"], found["kept"]) == ((0, 0, 0), (2, 0, 0))
    parts = [clip(0, [2] * 20), clip(40, [2] * 3), clip(48, [3] * 16)]
    assert counts(scores(TRUTH, Made(FootageAnalysis(), parts)))["kept"] == (2, 1, 1), "two frames are in no clip"


def test_the_same_footage_has_the_same_evaluation() -> None:
    first, second = (evaluation("a-name", "f" * 64, seconds, []) for seconds in (1.0, 2.0))
    assert first.id == second.id != evaluation("a-name", "e" * 64, 1.0, []).id
    assert (first.benchmark, first.name, second.finish_seconds) == ("canary", "a-name", 2.0)
    assert first.evaluated_at.seconds > 0
