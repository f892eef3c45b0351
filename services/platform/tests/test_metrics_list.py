"""Metrics: all in one list, all documented, served over HTTP."""

import re
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from celstream_platform import metrics, metrics_server, tally
from celstream_platform.errors import Invalid, Unavailable
from celstream_platform.rpc.interceptor import Interceptor
from celstream_platform.rpc.methods import Policy
from celstream_platform.topics import CLIPS
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families


def _own_names() -> set[str]:
    return {family.name for family in metrics.REGISTRY.collect() if family.name.startswith("celstream_")}


def test_everything_registered_is_in_the_list_and_everything_listed_is_registered() -> None:
    names = [metric.name for metric in metrics.METRICS]
    assert len(names) == len(set(names))
    assert _own_names() == set(names)


@pytest.mark.parametrize("metric", metrics.METRICS, ids=lambda metric: metric.name)
def test_every_metric_says_what_it_is(metric: metrics.Metric) -> None:
    assert re.fullmatch(r"celstream_[a-z]+(_[a-z]+)+", metric.name)
    assert not metric.name.endswith("_total"), "the text format adds it"
    assert metric.name.endswith(metric.unit)
    assert metric.help.endswith(".")
    assert len(metric.help) > 20
    assert bool(metric.buckets) == (metric.kind == "histogram")
    assert list(metric.buckets) == sorted(metric.buckets)
    families = {family.name: family for family in metrics.REGISTRY.collect()}
    assert families[metric.name].type == metric.kind


def test_nothing_of_the_platform_makes_metrics_past_the_list() -> None:
    package = Path(metrics.__file__).parent
    makers = re.compile(r"\b(Counter|Gauge|Histogram|Summary)\(")
    found = [
        file.name
        for file in package.rglob("*.py")
        if makers.search(file.read_text()) and "prometheus" in file.read_text()
    ]
    assert found == ["metrics.py"]


def test_what_may_be_counted_stands_at_0_before_it_is() -> None:
    """A series that appears with its first count has not risen: an alert on its rise would not see it."""
    value = metrics.REGISTRY.get_sample_value
    assert value("celstream_footage_child_ends_total", {"end": "crash"}) is not None
    assert value("celstream_artefact_operations_total", {"operation": "put", "outcome": "Unavailable"}) is not None
    tally.begin("beginner", [CLIPS])
    for error in ("unavailable", "overloaded", "fenced", "bug"):
        assert value("celstream_worker_retries_total", {"stage": "beginner", "error": error}) == 0
    assert value("celstream_worker_dead_letters_total", {"stage": "beginner"}) == 0
    assert value("celstream_worker_events_total", {"stage": "beginner", "outcome": "parked"}) == 0
    assert value("celstream_worker_items_total", {"stage": "beginner", "level": "clips"}) == 0
    assert value("celstream_worker_rejections_total", {"stage": "beginner", "reason": "unreadable"}) == 0
    Interceptor({"/toys.Shop/Buy": Policy(frozenset())}, secured=False, tokens=None)
    for code in ("OK", "INTERNAL", "UNAVAILABLE"):
        assert value("celstream_grpc_requests_total", {"method": "/toys.Shop/Buy", "code": code}) == 0


def _get(address: str, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://{address}{path}", timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_metrics_and_probes_are_served_over_http() -> None:
    ready = False
    server = metrics_server.serve("127.0.0.1:0", ready=lambda: ready)
    try:
        metrics.EVENTS_PROCESSED.labels(stage="scraped", outcome="completed").inc(3)
        status, text = _get(server.address, "/metrics")
        assert status == 200
        families = {family.name: family for family in text_string_to_metric_families(text)}
        values = [
            sample.value
            for sample in families["celstream_worker_events"].samples
            if sample.labels == {"stage": "scraped", "outcome": "completed"} and sample.name.endswith("_total")
        ]
        assert values == [3.0]
        assert families["celstream_worker_events"].documentation.startswith("Events that a stage has finished")
        assert _get(server.address, "/livez") == (200, "alive\n")
        assert _get(server.address, "/readyz") == (503, "not ready\n")
        ready = True
        assert _get(server.address, "/readyz") == (200, "ready\n")
        assert _get(server.address, "/other")[0] == 404
        with pytest.raises(Unavailable, match="cannot serve metrics there"):
            metrics_server.serve(server.address)
    finally:
        server.close()
    with pytest.raises(urllib.error.URLError):
        _get(server.address, "/metrics")


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(Invalid, match="'9090': not an address to listen on"):
        metrics_server.serve("9090")


def test_the_list_holds_for_openmetrics_too() -> None:
    registry = CollectorRegistry()
    for metric in metrics.METRICS:
        if metric.kind == "counter":
            Counter(metric.name, metric.help, metric.labels, registry=registry)
        elif metric.kind == "gauge":
            Gauge(metric.name, metric.help, metric.labels, registry=registry)
        else:
            Histogram(metric.name, metric.help, metric.labels, buckets=metric.buckets, registry=registry)
    assert generate_latest(registry).decode().count("# HELP") == len(metrics.METRICS)
