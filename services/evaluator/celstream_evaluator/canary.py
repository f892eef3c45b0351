"""A canary's score: what came out of one footage, level by level, against its truth.

Each level has one function here that gives its scores; a further level adds another one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from celstream_platform import identity
from celstream_protos.v1.clip_pb2 import Clip, FootageAnalysis, Transition, TransitionKind
from celstream_protos.v1.evaluation_pb2 import Evaluation, Score

from celstream_evaluator.hold_score import HoldCount, Holds, score_holds
from celstream_evaluator.transition_score import Count, Labels, score

BENCHMARK = "canary"
LEAST_F1 = {
    ("clips", "cuts"): 0.9,
    ("clips", "gradual"): 0.6,
    ("clips", "holds"): 0.9,
    ("clips", "kept"): 0.5,
}
"""What recent canaries must reach together: below what films by chance reach by a few misses in a dozen of them. Of
shots half is enough: what is kept is a matter of settings, and only where hardly any is there is nothing to compare."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What is known of a footage. transitions: see Labels.

    holds: of shots, each with the frames [first, end) in which every drawing can be told from the next.
    kept: frames [first, end) of shots that are to be kept, well within their transitions.
    """

    transitions: Labels
    holds: Sequence[tuple[Holds, int, int]]
    kept: Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Made:
    """What came out of a footage: the segmenter's analysis, and the clips."""

    analysis: FootageAnalysis
    clips: Sequence[Clip]


@dataclass(frozen=True, slots=True)
class _Found:
    """A transition in the words of the scorer."""

    kind: str
    frame: int
    start_frame: int
    end_frame: int


def scores(truth: Truth, made: Made) -> list[Score]:
    """All scores, level by level."""
    return [*clip_scores(truth, made)]


def clip_scores(truth: Truth, made: Made) -> list[Score]:
    """Of the level `clips`: cuts, gradual transitions, holds of drawings, and shots of which every frame is kept."""
    cuts, gradual = score([_found(transition) for transition in made.analysis.transitions], truth.transitions)
    measured = [Holds(clip.range.start_frame, clip.measurements.cadence.hold_frames) for clip in made.clips]
    holds = score_holds(truth.holds, measured)
    shown = {frame for clip in made.clips for frame in range(clip.range.start_frame, clip.range.end_frame)}
    whole = sum(shown.issuperset(range(first, end)) for first, end in truth.kept)
    return [
        _score("clips", "cuts", cuts),
        _score("clips", "gradual", gradual),
        _score("clips", "holds", holds),
        _score("clips", "kept", HoldCount(len(truth.kept), whole, whole)),
    ]


def evaluation(name: str, footage_id: str, finish_seconds: float, found: Sequence[Score]) -> Evaluation:
    """The evaluation of a canary, made now; the same footage has the same one, so that it is kept once."""
    made = Evaluation(
        id=identity.digest("evaluation", BENCHMARK, footage_id),
        benchmark=BENCHMARK,
        name=name,
        footage_id=footage_id,
        finish_seconds=finish_seconds,
        scores=found,
    )
    made.evaluated_at.GetCurrentTime()
    return made


def _score(level: str, subject: str, count: Count | HoldCount) -> Score:
    right = count.true if isinstance(count, Count) else count.right
    least_f1 = LEAST_F1.get((level, subject), 0.0)
    return Score(
        level=level, subject=subject, expected=count.expected, given=count.given, right=right, least_f1=least_f1
    )


def _found(transition: Transition) -> _Found:
    kind = TransitionKind.Name(transition.kind).removeprefix("TRANSITION_KIND_").lower()
    return _Found(kind, transition.frame, transition.start_frame, transition.end_frame)
