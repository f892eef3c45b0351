"""The queries of all dashboards and rules, asked of a real Prometheus that scrapes the real services at work."""

import json
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import promql_parser
import pytest
import yaml
from celstream_dashboards.foreign import FOREIGN
from celstream_platform import rpc
from celstream_platform.artefacts import directory_url
from celstream_platform.eventlog import sqlite_url
from celstream_protos.v1 import catalog_pb2, catalog_pb2_grpc
from celstream_renderer import Film, render
from celstream_stack.places import cache
from celstream_stack.ports import free_port
from celstream_stack.prometheus import Prometheus

from tests.chart.rendered import CHART
from tests.chart.test_chart_dashboards import all_queries, selectors
from tests.end_to_end.command import SHOTS, celstream
from tests.end_to_end.services import Service

pytestmark = pytest.mark.slow
WAIT_SECONDS = 120.0  # at most
NAMESPACE = "films"

# What only faults, an inbox, or a model server make.
NOT_WHEN_ALL_IS_WELL = {
    "celstream_catalog_inbox_files_total",
    "celstream_catalog_skipped_events_total",
    "celstream_model_inference_seconds_bucket",
    "celstream_model_inferences_total",
    "celstream_model_in_flight_inferences",
    "celstream_worker_dead_letters_total",
    "celstream_worker_retries_total",
}


class Asked:
    """A Prometheus, with the chart's rules, that scrapes these services."""

    def __init__(self, folder: Path, services: dict[str, Service]) -> None:
        self._url = f"http://127.0.0.1:{free_port()}"
        targets = [
            {"targets": [service.metrics], "labels": {"job": name, "namespace": NAMESPACE, "pod": f"{name}-1"}}
            for name, service in services.items()
        ]
        settings = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(path) for path in sorted((CHART / "rules").glob("*.yaml"))],
            "scrape_configs": [{"job_name": "celstream", "static_configs": targets}],
        }
        (folder / "prometheus.yml").write_text(yaml.safe_dump(settings))
        command = [
            Prometheus().install(cache()) / "prometheus",
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={urllib.parse.urlsplit(self._url).netloc}",
        ]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=(folder / "log").open("w"))

    def count(self, query: str) -> int:
        """How many series a query gives; -1 where it does not answer yet."""
        given = urllib.parse.urlencode({"query": query})
        try:
            with urllib.request.urlopen(f"{self._url}/api/v1/query?{given}", timeout=10) as answer:
                return len(json.load(answer)["data"]["result"])
        except urllib.error.HTTPError:
            raise
        except OSError:
            return -1

    def wait_for(self, query: str) -> None:
        """Until a query gives data."""
        deadline = time.monotonic() + WAIT_SECONDS
        while self.count(query) < 1:
            assert time.monotonic() < deadline, f"no data: {query}"
            time.sleep(0.5)  # between two scrapes nothing changes


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
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
    of_catalog = {
        "CELSTREAM_DATABASE": f"sqlite:///{folder / 'catalog.sqlite'}",
        "CELSTREAM_CANARY_PERIOD_SECONDS": "3600",
    }
    with (
        Service("celstream_segmenter", "segmenter", variables) as segmenter,
        Service("celstream_catalog", "catalog", variables | of_catalog) as catalog,
    ):
        for service in (segmenter, catalog):
            service.wait_until_serving()
        asked = Asked(folder, {"segmenter": segmenter, "catalog": catalog})
        try:
            take_in(films[0], catalog.grpc)
            asked.wait_for('celstream_worker_events_total{outcome="completed"}')
            take_in(films[1], catalog.grpc)
            canary = celstream("canary", "--to", catalog.grpc, "--seconds", 8, "--name", "queries", cwd=folder)
            assert canary.code == 0, canary.err
            yield asked
        finally:
            asked.process.terminate()
            asked.process.wait()


def take_in(film: Path, address: str) -> None:
    """Submit a film and wait for its end."""
    with rpc.connect(address) as channel:
        stub = catalog_pb2_grpc.CatalogStub(channel)
        description = catalog_pb2.FootageDescription(name=film.name)
        parts = (
            catalog_pb2.SubmitFootageRequest(description=description),
            catalog_pb2.SubmitFootageRequest(chunk=film.read_bytes()),
        )
        footage = stub.SubmitFootage(iter(parts)).footage
        states = stub.WatchFootage(catalog_pb2.WatchFootageRequest(footage_id=footage.item.id), timeout=WAIT_SECONDS)
        assert list(states)[-1].finished


def must_give_data(query: str) -> bool:
    """Whether services that are well give what a query asks for; conditions of alerts ask for what is not well."""
    parsed = promql_parser.parse(query)
    found = list(selectors(parsed))
    names = {selector.name for selector in found}
    matchers = [matcher for selector in found for matcher in selector.matchers.matchers]
    of_faults = any((m.name, m.op) == ("outcome", promql_parser.MatchOp.NotEqual) or m.name == "code" for m in matchers)
    return not (names & (FOREIGN.keys() | NOT_WHEN_ALL_IS_WELL)) and not of_faults


def test_every_query_gives_data_while_the_services_work(prometheus: Asked) -> None:
    conditions = {rule["expr"] for path in (CHART / "rules").glob("*.yaml") for rule in alerts_in(path)}
    asked = {query for _, query in all_queries() if query not in conditions and must_give_data(query)}
    assert len(asked) > 20
    for query in sorted(asked):
        prometheus.wait_for(query)


def test_every_query_is_one_that_prometheus_takes(prometheus: Asked) -> None:
    for where, query in all_queries():
        assert prometheus.count(query) >= 0, where


def test_no_alert_fires_while_all_is_well(prometheus: Asked) -> None:
    for path in (CHART / "rules").glob("*.yaml"):
        for rule in alerts_in(path):
            assert prometheus.count(rule["expr"]) == 0, rule["alert"]


def alerts_in(path: Path) -> list[dict[str, str]]:
    """The alerts of a file of rules."""
    groups = yaml.safe_load(path.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]
