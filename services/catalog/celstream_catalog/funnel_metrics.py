"""The funnel as metrics, read from the database when they are asked for: how far all footage is, and what adds up.

Every replica says the same, so that whoever looks takes the largest, not the sum. Counting takes the database a while
where there is much; it is asked at most once a minute.
"""

import threading
import time
from collections.abc import Iterator

from celstream_platform import logs, metrics
from celstream_platform.errors import Unavailable
from celstream_platform.metrics import Metric
from celstream_protos.v1.catalog_pb2 import Funnel
from celstream_protos.v1.envelope_pb2 import RejectionReason
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from celstream_catalog.catalog import Catalog

log = logs.logger(__name__)
LEAST_SECONDS = 60.0

INPUTS = Metric(
    "celstream_catalog_inputs",
    "gauge",
    "Inputs of a level, by state: pending, done, parked, awaiting_review; the last two are done as well.",
    "inputs",
    ("level", "stage", "state"),
)
ITEMS = Metric("celstream_catalog_items", "gauge", "Current items of a level.", "items", ("level",))
REJECTIONS = Metric(
    "celstream_catalog_rejections",
    "gauge",
    "Current rejections of a level, by reason.",
    "rejections",
    ("level", "reason"),
)
IMBALANCES = Metric(
    "celstream_catalog_imbalances",
    "gauge",
    "What of the funnel does not add up, besides inputs that are still worked on.",
    "imbalances",
)
ALL = (INPUTS, ITEMS, REJECTIONS, IMBALANCES)


class FunnelCollector(Collector):
    """Counts in a catalog. A database that is away gives what was counted last, or nothing."""

    def __init__(self, catalog: Catalog, least_seconds: float = LEAST_SECONDS) -> None:
        self._catalog, self._least_seconds = catalog, least_seconds
        self._lock = threading.Lock()
        self._due = 0.0
        self._found: list[GaugeMetricFamily] = []

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """The names, without asking the database."""
        yield from (_family(metric) for metric in ALL)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """What was counted, at most a minute ago."""
        with self._lock:
            if time.monotonic() >= self._due:
                self._due = time.monotonic() + self._least_seconds
                try:
                    self._found = _families(self._catalog.funnel(), len(self._catalog.check_balance()))
                except Unavailable as error:
                    log.warning("the funnel cannot be counted", error=str(error))
            yield from self._found


def publish(catalog: Catalog) -> None:
    """Add the funnel to the metrics of this process."""
    metrics.REGISTRY.register(FunnelCollector(catalog))


def _families(funnel: Funnel, complaints: int) -> list[GaugeMetricFamily]:
    inputs, items, rejections, imbalances = (_family(metric) for metric in ALL)
    for level in funnel.levels:
        states = {
            "pending": level.inputs - level.inputs_done,
            "done": level.inputs_done,
            "parked": level.inputs_parked,
            "awaiting_review": level.inputs_awaiting_review,
        }
        for state, number in states.items():
            inputs.add_metric([level.level, level.stage, state], number)
        items.add_metric([level.level], level.items)
        for counted in level.rejections:
            reason = RejectionReason.Name(counted.reason).removeprefix("REJECTION_REASON_").lower()
            rejections.add_metric([level.level, reason], counted.count)
    # The balance complains once for each stage that has inputs without an outcome: they are on their way.
    working = {level.stage for level in funnel.levels if level.inputs > level.inputs_done}
    imbalances.add_metric([], max(complaints - len(working), 0))
    return [inputs, items, rejections, imbalances]


def _family(metric: Metric) -> GaugeMetricFamily:
    return GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)


metrics.METRICS.extend(ALL)
