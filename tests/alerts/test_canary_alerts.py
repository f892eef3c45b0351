"""A spoilt canary wakes somebody, as does one that stays out; one that comes through well again lets them sleep.

Meanwhile somebody else's event, on a topic of ours, is told of as one that cannot be read.
"""

from contextlib import closing
from pathlib import Path

import pytest
from celstream_platform.artefacts import directory_url
from celstream_platform.eventlog import open_event_log, sqlite_url
from celstream_platform.events import Event
from celstream_platform.topics import CLIPS

from tests.alerts.hurried import write_hurried
from tests.chart.own_prometheus import OwnPrometheus
from tests.chart.rendered import CHART
from tests.end_to_end.command import celstream
from tests.end_to_end.services import Service

pytestmark = pytest.mark.slow
FACTOR = 120
PERIOD_SECONDS = "12"  # three of them: longer than the catalog takes to look, shorter than anybody likes to wait
BELOW = 'ALERTS{alertname="CelstreamCanaryBelowThreshold",alertstate="firing",severity="page"}'
MISSING = 'ALERTS{alertname="CelstreamCanaryMissing",alertstate="firing",severity="page"}'
UNREADABLE = 'ALERTS{alertname="CelstreamEventsUnreadable",alertstate="firing",topic="celstream.clips"}'


def send(name: str, catalog: Service, folder: Path, seconds: int = 8) -> None:
    ended = celstream("canary", "--to", catalog.grpc, "--seconds", seconds, "--name", name, cwd=folder)
    assert ended.code == 0, ended.err


def test_a_spoilt_canary_and_one_that_stays_out_are_told_of_until_one_comes_through(tmp_path: Path) -> None:
    ports = {
        "CELSTREAM_EVENTS": sqlite_url(tmp_path / "events.sqlite"),
        "CELSTREAM_ARTEFACTS": directory_url(tmp_path / "artefacts"),
    }
    of_catalog = {
        "CELSTREAM_DATABASE": f"sqlite:///{tmp_path / 'catalog.sqlite'}",
        "CELSTREAM_CANARY_PERIOD_SECONDS": PERIOD_SECONDS,
    }
    spoilt = {"CELSTREAM_MIN_SECONDS": "30", "CELSTREAM_TARGET_SECONDS": "30", "CELSTREAM_MAX_SECONDS": "60"}
    (tmp_path / "prometheus").mkdir()
    rules = write_hurried(CHART / "rules", tmp_path / "prometheus", FACTOR)
    with Service("celstream_catalog", "catalog", ports | of_catalog) as catalog:
        with Service("celstream_segmenter", "segmenter", ports | spoilt) as segmenter:
            for service in (catalog, segmenter):
                service.wait_until_serving()
            send("spoilt", catalog, tmp_path, seconds=16)  # several shots: one error alone is forgiven
            assert segmenter.stop() == 0
        with OwnPrometheus(tmp_path / "prometheus", {"catalog": catalog.metrics}, rules, "500ms") as prometheus:
            prometheus.wait_for(BELOW)
            found = prometheus.find(BELOW) or []
            assert {(labels["level"], labels["subject"]) for labels in found} == {("clips", "kept")}
            with closing(open_event_log(ports["CELSTREAM_EVENTS"])) as log:
                log.publish([Event(CLIPS.name, "stranger", b"what no clip begins with")])
            prometheus.wait_for(UNREADABLE)
            prometheus.wait_for(MISSING)
            with Service("celstream_segmenter", "segmenter", ports):
                send("queries", catalog, tmp_path)
            for alert in (MISSING, BELOW):
                prometheus.wait_for(alert, lambda count: count == 0)
