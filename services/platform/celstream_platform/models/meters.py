"""The metrics of one model, the same for every model server; looking them up takes as long as counting."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from celstream_platform import metrics
from celstream_platform.errors import Invalid, NotFound, Overloaded, Unavailable

OK = "ok"


@dataclass(frozen=True, slots=True)
class Meters:
    """Of a model."""

    model: str
    in_flight: Any
    answered: Any
    seconds: Any

    def failed(self, error: BaseException) -> None:
        """Count an inference that ended so."""
        metrics.INFERENCES.labels(self.model, type(error).__name__).inc()


@lru_cache(maxsize=256)
def meters(model: str) -> Meters:
    """Those of a model, all at 0 the first time: whoever is going to ask it calls this before."""
    for error in (NotFound, Invalid, Unavailable, Overloaded):
        metrics.INFERENCES.labels(model, error.__name__)
    return Meters(
        model,
        metrics.INFERENCES_IN_FLIGHT.labels(model),
        metrics.INFERENCES.labels(model, OK),
        metrics.INFERENCE_SECONDS.labels(model),
    )
