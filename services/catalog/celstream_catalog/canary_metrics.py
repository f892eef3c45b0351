"""Canaries as metrics: how well what the levels make agrees with the truth, read from the evaluations that are kept.

The job that evaluates is short-lived, and nobody scrapes it; what it found is an event, so these values are the same in
every replica, after a restart, and in a catalog that was made anew. They say how the last canary was (`over="last"`),
and what the last RECENT ones come to together (`over="recent"`): of a single one, chance has too large a part. Where
there are few as yet, as after an installation, alerts go by `f1_but_one`: one error alone wakes nobody.
"""

import time
from collections import Counter
from collections.abc import Sequence

from celstream_platform import metrics
from celstream_protos.v1.evaluation_pb2 import Evaluation

from celstream_catalog.catalog import Catalog
from celstream_catalog.evaluations import CANARY
from celstream_catalog.funnel_metrics import set_all

RECENT = 12
Counts = Counter[tuple[str, str, str]]
"""(level, subject, `expected` or `given` or `right`) -> number."""

SCORES = metrics.gauge(
    "celstream_canary_score_ratio",
    "How well what a level made of the last canary, or of recent ones, agrees with the truth: recall, precision, f1, "
    "and f1_but_one, had one of the errors not been made.",
    unit="ratio",
    labels=("level", "subject", "measure", "over"),
)
LEAST = metrics.gauge(
    "celstream_canary_least_ratio", "The least f1 of recent canaries.", unit="ratio", labels=("level", "subject")
)
PERIOD_SECONDS = metrics.gauge(
    "celstream_canary_period_seconds", "How often a canary is to be evaluated; 0: never.", unit="seconds"
)
RESULT_SECONDS = metrics.gauge(
    "celstream_canary_result_timestamp_seconds",
    "When the last canary was evaluated, seconds since 1970; before the first one, when this process began.",
    unit="seconds",
)
FINISH_SECONDS = metrics.gauge(
    "celstream_canary_finish_seconds", "From offering the last canary until it was finished.", unit="seconds"
)


class CanaryMetrics:
    """Counts the canaries now and then. period_seconds: how often one is expected; 0 for never."""

    def __init__(self, catalog: Catalog, period_seconds: float) -> None:
        self._catalog, self._began = catalog, time.time()
        PERIOD_SECONDS.set(period_seconds)
        RESULT_SECONDS.set(self._began)

    def count(self) -> None:
        """Count once. Raises Unavailable."""
        recent = self._catalog.evaluations(CANARY, RECENT)
        last = recent[:1]
        set_all(SCORES, _scores(last, "last") | _scores(recent, "recent"))
        set_all(LEAST, {(s.level, s.subject): s.least_f1 for one in last for s in one.scores if s.least_f1})
        RESULT_SECONDS.set(last[0].evaluated_at.seconds if last else self._began)
        FINISH_SECONDS.set(last[0].finish_seconds if last else 0.0)


def _scores(evaluations: Sequence[Evaluation], over: str) -> dict[tuple[str, ...], float]:
    """Labels -> share. Where there was nothing to find and nothing was found, nothing is said."""
    counts: Counts = Counter()
    for score in (score for one in evaluations for score in one.scores):
        for name in ("expected", "given", "right"):
            counts[score.level, score.subject, name] += getattr(score, name)
    found: dict[tuple[str, ...], float] = {}
    for level, subject in {(level, subject) for level, subject, _ in counts}:
        expected, given, right = (counts[level, subject, name] for name in ("expected", "given", "right"))
        for measure, of in (("recall", expected), ("precision", given), ("f1", (expected + given) / 2)):
            if of:
                found[level, subject, measure, over] = right / of
        if expected + given:
            found[level, subject, "f1_but_one", over] = min(1.0, 2 * (right + 1) / (expected + given + 1))
    return found
