"""The chart's alerts fire when the fault is made, no other does, and they clear when it is mended."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.alerts import faults
from tests.alerts.hurried import write_hurried
from tests.alerts.studio import Studio, at_work
from tests.chart.own_prometheus import OwnPrometheus
from tests.chart.rendered import CHART
from tests.end_to_end.taking_in import take_in

pytestmark = pytest.mark.slow
FACTOR = 120  # an hour in half a minute
SCRAPE = "500ms"  # five times within the shortest window, 5m


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    with at_work(tmp_path_factory.mktemp("alerts")) as found:
        yield found


@pytest.fixture(scope="module")
def prometheus(studio: Studio) -> Iterator[OwnPrometheus]:
    """With the chart's rules, hurried, over services that have done some work."""
    folder = studio.folder / "prometheus"
    folder.mkdir()
    rules = write_hurried(CHART / "rules", folder, FACTOR)
    with OwnPrometheus(folder, studio.targets, rules, SCRAPE) as found:
        take_in(studio.new_film(), studio.services["catalog"].grpc)
        found.wait_for('celstream_worker_events_total{outcome="completed"}')
        found.wait_for('celstream_catalog_inputs{state="done"} > 0')
        assert found.firing() == set()
        yield found


def fired(name: str, **labels: str) -> str:
    """A query for an alert that fires or did so a while ago: who wakes at once may be told for seconds only."""
    wanted = {"alertname": name, "alertstate": "firing", **labels}
    return f"max_over_time(ALERTS{{{','.join(f'{label}={value!r}' for label, value in wanted.items())}}}[10m])"


def test_a_stopped_broker_wakes_somebody(studio: Studio, prometheus: OwnPrometheus) -> None:
    with faults.stopped_broker(studio):
        prometheus.wait_for(fired("CelstreamWorkersNotReady", stage="segmenter", severity="page"))
    prometheus.wait_for('ALERTS{alertstate="firing"}', lambda found: found == 0)


def test_letters_a_full_store_a_lost_row_a_failing_model_and_a_certificate_that_ends_are_told_of(
    studio: Studio, prometheus: OwnPrometheus
) -> None:
    expected = {
        "CelstreamCertificateAlmostExpired": "page",
        "CelstreamCertificateExpires": "ticket",
        "CelstreamDeadLetters": "ticket",
        "CelstreamEventsParkFast": "page",
        "CelstreamFunnelDoesNotBalance": "page",
        "CelstreamStoreNearlyFull": "page",
        "CelstreamTritonErrors": "ticket",
    }
    with ExitStack() as made:
        made.enter_context(faults.ending_certificate(studio))
        for fault in (faults.nearly_full_store, faults.lost_row, faults.failing_model, faults.dead_letters):
            made.enter_context(fault(studio))
        for name, severity in expected.items():
            prometheus.wait_for(fired(name, severity=severity))
    prometheus.wait_for('ALERTS{alertstate="firing"}', lambda found: found == 0)


def test_a_service_that_is_gone_is_told_of(studio: Studio, prometheus: OwnPrometheus) -> None:
    with faults.ended_segmenter(studio):
        prometheus.wait_for(fired("CelstreamTargetDown", job="segmenter"))
    prometheus.wait_for('ALERTS{alertstate="firing"}', lambda found: found == 0)
