"""What the cluster's Prometheus sees of a release at work: all pods, all rules, and data for every query."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
from celstream_cluster import servers
from celstream_cluster.models import MEAN_COLOUR
from celstream_platform.models import open_model_server
from celstream_stack.stack import Stack

from tests.chart.rendered import NAMESPACE
from tests.chart.test_chart_dashboards import all_queries, rules, selectors_of
from tests.cluster.asked import Prometheus
from tests.cluster.cluster import INSTALLED, SELECTOR, TRITON, Cluster, wait_until
from tests.cluster.dropped import clips_at_the_end, drop
from tests.end_to_end.command import SHOTS

pytestmark = pytest.mark.cluster

COMPLETED = 'sum(celstream_worker_events_total{outcome="completed"})'
FILMS = 12  # at most


def test_every_pod_is_scraped(release: Cluster, prometheus: Prometheus) -> None:
    wait_until(
        lambda: {pod["metadata"]["name"] for pod in release.pods()} <= _scraped(prometheus), "not all are scraped"
    )


def _scraped(prometheus: Prometheus) -> set[str]:
    return {target["labels"].get("pod", "") for target in prometheus.targets() if target["health"] == "up"}


def test_every_rule_of_the_chart_is_computed(prometheus: Prometheus) -> None:
    expected = {rule.get("alert") or rule["record"] for rule in rules()}

    def computed() -> bool:
        return expected <= {rule["name"] for rule in prometheus.rules() if rule["health"] == "ok"}

    wait_until(computed, "some rule has an error, or was never computed")


def test_every_query_gives_data(release: Cluster, own_servers: Stack, prometheus: Prometheus, tmp_path: Path) -> None:
    """While a canary and film after film go through, and a model is asked: what rose at no time has no rate."""
    conditions = {rule["expr"] for rule in rules() if "alert" in rule}  # they ask for what is not well
    of_all = all_queries(_dashboards(release))
    here = {(where, _here(query, release)) for where, query in of_all if query not in conditions}
    missing = here
    assert len(missing) > 70
    canary = f"job/canary-{secrets.token_hex(4)}"
    release.kubectl("create", *canary.split("/"), f"--from=cronjob/{INSTALLED}-canary")
    for _ in range(FILMS):
        before = _sum(prometheus)
        ask_a_model(release)
        assert clips_at_the_end(release, drop(own_servers, SHOTS[1:3], tmp_path)) == 1  # the other shot is too short
        wait_until(lambda before=before: _sum(prometheus) > before, "what is done is not scraped")
        missing = {(where, query) for where, query in missing if not prometheus.series(query)}
        if not missing:
            break
    release.kubectl("delete", canary, "--wait=false")
    assert sorted(missing) == []


def test_every_metric_that_an_alert_asks_for_is_there(release: Cluster, prometheus: Prometheus) -> None:
    """What its rules record of them are queries of their own."""
    conditions = [rule["expr"] for rule in rules() if "alert" in rule]
    found = {selector.prettify() for condition in conditions for selector in selectors_of(condition)}
    asked = {query for query in found if ":" not in query}
    assert "celstream_certificate_expiry_timestamp_seconds" in asked
    wait_until(lambda: all(map(prometheus.series, asked)), f"not all give data: {sorted(asked)}")


def test_of_every_certificate_in_use_it_is_known_when_it_ends(
    release: Cluster, own_servers: Stack, prometheus: Prometheus
) -> None:
    """own_servers: of this node we know that it has TLS."""
    query = "min by (job, connection, use) (celstream_certificate_expiry_timestamp_seconds) > time() + 14 * 86400"
    wanted = {(job, "grpc", use) for job in servers.S3 for use in ("own", "authority")}
    wanted |= {("catalog", job, "own") for job in ("canary", "test")}

    def told() -> bool:
        found = [one["metric"] for one in prometheus.series(query)]
        return {(one["job"], one["connection"], one["use"]) for one in found} == wanted

    wait_until(told, "some certificate is not told of, or ends too soon")


def ask_a_model(release: Cluster) -> None:
    """Ask Triton for an answer, from outside the cluster."""
    with release.forwarded(TRITON, 8001) as address:
        models = open_model_server(f"triton://{address}?shared_memory=off")
        assert models.ready(MEAN_COLOUR, 1)
        models.close()


def _sum(prometheus: Prometheus) -> float:
    return sum(float(one["value"][1]) for one in prometheus.series(COMPLETED))


def test_every_condition_of_an_alert_is_one_that_prometheus_takes(release: Cluster, prometheus: Prometheus) -> None:
    for where, query in all_queries():
        prometheus.series(_here(query, release))
        assert promql_parser.parse(query), where


def _dashboards(release: Cluster) -> Iterator[tuple[str, dict[str, Any]]]:
    """Those that the release has: it has none of GPUs."""
    chosen = f"{SELECTOR},app.kubernetes.io/component=monitoring"
    for one in json.loads(release.kubectl("get", "configmaps", "--selector", chosen, "--output", "json").stdout)[
        "items"
    ]:
        yield from ((name.removesuffix(".json"), json.loads(text)) for name, text in one["data"].items())


def _here(query: str, release: Cluster) -> str:
    return query.replace(f'namespace="{NAMESPACE}"', f'namespace="{release.namespace}"')
