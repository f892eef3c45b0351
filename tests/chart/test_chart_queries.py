"""The queries of all dashboards and rules, asked of a real Prometheus that scrapes the real services at work."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from celstream_dashboards.foreign import FOREIGN
from celstream_platform.artefacts import directory_url
from celstream_platform.eventlog import sqlite_url
from celstream_platform.models import onnx_url
from celstream_renderer import Film, render

from tests.certificates import Authority
from tests.chart.own_prometheus import OwnPrometheus
from tests.chart.rendered import CHART
from tests.chart.test_chart_dashboards import all_queries, selectors_of
from tests.end_to_end.command import SHOTS, celstream
from tests.end_to_end.services import Service
from tests.end_to_end.taking_in import take_in
from tests.opinion.models import write_opinion

pytestmark = pytest.mark.slow

HERE = {"Prometheus", "the Prometheus client of every service"}
NOT_HERE = {name for name, who in FOREIGN.items() if who not in HERE}  # kubelets, MinIO, Triton


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnPrometheus]:
    """Over a segmenter and a catalog through which two films go, one shot of each refused, and a canary.

    The second one comes once the first is scraped: what has not risen between two scrapes has no rate.
    """
    folder = tmp_path_factory.mktemp("queries")
    films = [folder / "first.mp4", folder / "second.mp4"]
    for film, size in zip(films, ((192, 108), (160, 90)), strict=True):
        render(Film(shots=SHOTS[1:3], size=size, name=film.stem), film)
    variables = {
        "CELSTREAM_EVENTS": sqlite_url(folder / "events.sqlite"),
        "CELSTREAM_ARTEFACTS": directory_url(folder / "artefacts"),
        "CELSTREAM_MIN_SECONDS": "0.8",
    }
    of_segmenter = {
        "CELSTREAM_MODELS": onnx_url(write_opinion(folder / "models", 0.5)),
        "CELSTREAM_SECOND_OPINION": "transnetv2",
    }
    certificate, _ = Authority(folder).issue("canary", days=90)
    of_catalog = {
        "CELSTREAM_DATABASE": f"sqlite:///{folder / 'catalog.sqlite'}",
        "CELSTREAM_CANARY_PERIOD_SECONDS": "3600",
        "CELSTREAM_CALLERS_CERTIFICATES": json.dumps({"canary": str(certificate)}),
    }
    with (
        Service("celstream_segmenter", "segmenter", variables | of_segmenter) as segmenter,
        Service("celstream_catalog", "catalog", variables | of_catalog) as catalog,
    ):
        for service in (segmenter, catalog):
            service.wait_until_serving()
        rules = sorted((CHART / "rules").glob("*.yaml"))
        with OwnPrometheus(folder, {"segmenter": segmenter.metrics, "catalog": catalog.metrics}, rules) as asked:
            take_in(films[0], catalog.grpc)
            asked.wait_for('celstream_worker_events_total{outcome="completed"}')
            take_in(films[1], catalog.grpc)
            canary = celstream("canary", "--to", catalog.grpc, "--seconds", 8, "--name", "queries", cwd=folder)
            assert canary.code == 0, canary.err
            yield asked


def here(query: str) -> bool:
    """Whether all that a query asks for is here."""
    return not {selector.name for selector in selectors_of(query)} & NOT_HERE


def test_every_query_gives_data_while_the_services_work(prometheus: OwnPrometheus) -> None:
    """That nothing fails is data as well: 0. Of the alerts' conditions, which do not hold, all metrics are there."""
    conditions = {rule["expr"] for path in (CHART / "rules").glob("*.yaml") for rule in alerts_in(path)}
    parts = {selector.prettify() for query in conditions for selector in selectors_of(query)}
    asked = {query for _, query in all_queries() if query not in conditions} | parts
    assert len([query for query in asked if here(query)]) > 80
    for query in sorted(filter(here, asked)):
        prometheus.wait_for(query)


def test_every_query_is_one_that_prometheus_takes(prometheus: OwnPrometheus) -> None:
    for where, query in all_queries():
        assert prometheus.count(query) >= 0, where


def test_no_alert_fires_while_all_is_well(prometheus: OwnPrometheus) -> None:
    for path in (CHART / "rules").glob("*.yaml"):
        for rule in alerts_in(path):
            if "for" in rule:  # on a busy machine one scrape may come too late
                prometheus.wait_for(rule["expr"], lambda found: found == 0)
            else:
                assert prometheus.count(rule["expr"]) == 0, rule["alert"]


def alerts_in(path: Path) -> list[dict[str, str]]:
    """The alerts of a file of rules."""
    groups = yaml.safe_load(path.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]
