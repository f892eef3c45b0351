"""Evaluations: what came out of footage with known truth, as whoever compared it reports; kept as events.

They come through the catalog, so that those who compare need to reach nothing else.
"""

from celstream_platform import topics
from celstream_platform.errors import Invalid
from celstream_platform.events import Event, encode
from celstream_platform.identity import event_id
from celstream_protos.v1.evaluation_pb2 import Evaluation
from sqlalchemy import Connection, select

from celstream_catalog.tables import EVALUATIONS

CANARY = "canary"  # the benchmark that canaries are evaluated by


def evaluations(connection: Connection, benchmark: str, most: int | None = None) -> list[Evaluation]:
    """The evaluations of a benchmark, the latest first. most: no more than so many."""
    order = (EVALUATIONS.c.evaluated_at.desc(), EVALUATIONS.c.evaluation_id)
    statement = select(EVALUATIONS.c.message).where(EVALUATIONS.c.benchmark == benchmark).order_by(*order).limit(most)
    return [Evaluation.FromString(message) for message in connection.scalars(statement)]


def evaluation_event(evaluation: Evaluation) -> Event:
    """The event that keeps it. Raises Invalid for one that is incomplete, or whose counts cannot be."""
    if not (evaluation.id and evaluation.benchmark and evaluation.footage_id and evaluation.scores):
        raise Invalid(
            f"evaluation {evaluation.id!r}: expected an id, a benchmark, a footage and scores. Give all four."
        )
    for score in evaluation.scores:
        if not (score.level and score.subject and 0 <= score.right <= min(score.expected, score.given)):
            raise Invalid(
                f"evaluation {evaluation.id}: {score.right} right of {score.expected} expected and {score.given} given "
                f"{score.subject or '?'} of level {score.level or '?'}. Give counts that go together."
            )
    said = event_id(evaluation.id, str(evaluation.evaluated_at.ToNanoseconds()))
    return encode(topics.EVALUATIONS.name, evaluation.id, evaluation, event_id=said, source="catalog")
