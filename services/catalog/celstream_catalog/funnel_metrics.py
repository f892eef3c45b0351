"""The funnel as metrics, counted in the database now and then: how far all footage is, and whether it adds up.

Every replica says the same, so that whoever looks takes the largest, not the sum.
"""

import time
from collections.abc import Callable, Mapping

from celstream_platform import logs, metrics
from celstream_platform.errors import Unavailable
from celstream_platform.shutdown import Shutdown
from celstream_protos.v1.catalog_pb2 import Funnel
from celstream_protos.v1.envelope_pb2 import RejectionReason
from celstream_protos.v1.footage_pb2 import FootageStyle
from prometheus_client import Gauge

from celstream_catalog.catalog import Catalog

log = logs.logger(__name__)
LEAST_SECONDS = 15.0  # Prometheus rarely looks more often
SHARE = 0.05  # of the time may be spent on it: counting takes the database a while where there is much

INPUTS = metrics.gauge(
    "celstream_catalog_inputs",
    "Inputs of a level, canaries as well, by state: pending, done, parked, awaiting_review; the last two are done too.",
    unit="inputs",
    labels=("level", "stage", "state"),
)
ITEMS = metrics.gauge(
    "celstream_catalog_items",
    "Current items of a level, by the style of their footage; canaries do not count.",
    unit="items",
    labels=("level", "style"),
)
REJECTIONS = metrics.gauge(
    "celstream_catalog_rejections",
    "Current rejections of a level, by reason; canaries do not count.",
    unit="rejections",
    labels=("level", "reason"),
)
IMBALANCES = metrics.gauge(
    "celstream_catalog_imbalances",
    "What of the funnel does not add up, besides inputs that are still worked on.",
    unit="imbalances",
)
Values = Mapping[tuple[str, ...], float]


def keep_counting(
    catalog: Catalog,
    shutdown: Shutdown,
    least_seconds: float = LEAST_SECONDS,
    *,
    beside: Callable[[], None] = lambda: None,
) -> None:
    """Count until the process shall end. While the database is away, what was counted last stands.

    beside: counts something else as often.
    """
    while not shutdown.requested():
        begun = time.monotonic()
        try:
            count(catalog)
            beside()
        except Unavailable as error:
            log.warning("the funnel cannot be counted", error=str(error))
        shutdown.wait(max(least_seconds, (time.monotonic() - begun) / SHARE))


def count(catalog: Catalog) -> None:
    """Count once. Raises Unavailable."""
    work, complaints = catalog.funnel(canaries=True), len(catalog.check_balance())
    set_all(INPUTS, _inputs(work))
    set_all(ITEMS, _items(work, catalog.items_by_style()))
    set_all(REJECTIONS, _rejections(catalog.funnel()))
    # The balance complains once for each stage that has inputs without an outcome: they are on their way.
    working = {level.stage for level in work.levels if level.inputs > level.inputs_done}
    IMBALANCES.set(max(complaints - len(working), 0))


def style_name(style: int) -> str:
    """Where a style comes from, as labels say it; one that this version does not know is `other`, as labels are few."""
    name = next((name for name, value in FootageStyle.items() if value == style), "FOOTAGE_STYLE_OTHER")
    return name.removeprefix("FOOTAGE_STYLE_").lower()


def _items(work: Funnel, by_style: Mapping[tuple[str, int], int]) -> Values:
    found: dict[tuple[str, ...], float] = {(level.level, style_name(0)): 0 for level in work.levels}
    for (level, style), number in by_style.items():
        labels = (level, style_name(style))
        found[labels] = found.get(labels, 0) + number
    return found


def _inputs(funnel: Funnel) -> Values:
    found: dict[tuple[str, ...], float] = {}
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


def set_all(gauge: Gauge, values: Values) -> None:
    """Set a gauge; labels that are not among the values any more go."""
    names = gauge._labelnames
    before = {tuple(sample.labels[name] for name in names) for family in gauge.collect() for sample in family.samples}
    for labels, value in values.items():
        gauge.labels(*labels).set(value)
    for labels in before - values.keys():
        gauge.remove(*labels)
