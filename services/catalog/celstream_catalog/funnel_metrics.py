"""The funnel as metrics, counted in the database now and then: how far all footage is, and whether it adds up.

Every replica says the same, so that whoever looks takes the largest, not the sum.
"""

import time
from collections.abc import Mapping

from celstream_platform import logs, metrics
from celstream_platform.errors import Unavailable
from celstream_platform.shutdown import Shutdown
from celstream_protos.v1.catalog_pb2 import Funnel
from celstream_protos.v1.envelope_pb2 import RejectionReason
from prometheus_client import Gauge

from celstream_catalog.catalog import Catalog

log = logs.logger(__name__)
LEAST_SECONDS = 15.0  # Prometheus rarely looks more often
SHARE = 0.05  # of the time may be spent on it: counting takes the database a while where there is much

INPUTS = metrics.gauge(
    "celstream_catalog_inputs",
    "Inputs of a level, by state: pending, done, parked, awaiting_review; the last two are done as well.",
    unit="inputs",
    labels=("level", "stage", "state"),
)
ITEMS = metrics.gauge("celstream_catalog_items", "Current items of a level.", unit="items", labels=("level",))
REJECTIONS = metrics.gauge(
    "celstream_catalog_rejections",
    "Current rejections of a level, by reason.",
    unit="rejections",
    labels=("level", "reason"),
)
IMBALANCES = metrics.gauge(
    "celstream_catalog_imbalances",
    "What of the funnel does not add up, besides inputs that are still worked on.",
    unit="imbalances",
)
Values = Mapping[tuple[str, ...], int]


def keep_counting(catalog: Catalog, shutdown: Shutdown, least_seconds: float = LEAST_SECONDS) -> None:
    """Count until the process shall end. While the database is away, what was counted last stands."""
    while not shutdown.requested():
        begun = time.monotonic()
        try:
            count(catalog)
        except Unavailable as error:
            log.warning("the funnel cannot be counted", error=str(error))
        shutdown.wait(max(least_seconds, (time.monotonic() - begun) / SHARE))


def count(catalog: Catalog) -> None:
    """Count once. Raises Unavailable."""
    funnel, complaints = catalog.funnel(), len(catalog.check_balance())
    _set(INPUTS, _inputs(funnel))
    _set(ITEMS, {(level.level,): level.items for level in funnel.levels})
    _set(REJECTIONS, _rejections(funnel))
    # The balance complains once for each stage that has inputs without an outcome: they are on their way.
    working = {level.stage for level in funnel.levels if level.inputs > level.inputs_done}
    IMBALANCES.set(max(complaints - len(working), 0))


def _inputs(funnel: Funnel) -> Values:
    found: dict[tuple[str, ...], int] = {}
    for level in funnel.levels:
        where = (level.level, level.stage)
        found[(*where, "pending")] = level.inputs - level.inputs_done
        found[(*where, "done")] = level.inputs_done
        found[(*where, "parked")] = level.inputs_parked
        found[(*where, "awaiting_review")] = level.inputs_awaiting_review
    return found


def _rejections(funnel: Funnel) -> Values:
    return {
        (level.level, RejectionReason.Name(found.reason).removeprefix("REJECTION_REASON_").lower()): found.count
        for level in funnel.levels
        for found in level.rejections
    }


def _set(gauge: Gauge, values: Values) -> None:
    """Set a gauge; labels that are not among the values any more go."""
    names = gauge._labelnames
    before = {tuple(sample.labels[name] for name in names) for family in gauge.collect() for sample in family.samples}
    for labels, value in values.items():
        gauge.labels(*labels).set(value)
    for labels in before - values.keys():
        gauge.remove(*labels)
