"""What the cluster's Prometheus sees of a release at work: all pods, all rules, data for every query or why not."""

import promql_parser
import pytest

from tests.chart.rendered import NAMESPACE
from tests.chart.test_chart_dashboards import all_queries, rules, selectors
from tests.chart.test_chart_queries import NOT_WHEN_ALL_IS_WELL
from tests.cluster.asked import Prometheus
from tests.cluster.cluster import Cluster, footage_goes_through, wait_until

pytestmark = pytest.mark.cluster

# What nobody exports on a node of one machine, and why. What is not here must give data.
ABSENT = {
    "certmanager_certificate_expiration_timestamp_seconds": "no cert-manager: the release has no TLS",
    "kubelet_volume_stats_available_bytes": "the release claims no volume",
    "kubelet_volume_stats_capacity_bytes": "the release claims no volume",
    **dict.fromkeys(
        (
            "nv_gpu_memory_total_bytes",
            "nv_gpu_memory_used_bytes",
            "nv_gpu_utilization",
            "nv_inference_compute_infer_duration_us",
            "nv_inference_count",
            "nv_inference_exec_count",
            "nv_inference_queue_duration_us",
            "nv_inference_request_failure",
            "nv_inference_request_success",
        ),
        "no Triton: no stage that is here needs one",
    ),
    **dict.fromkeys(NOT_WHEN_ALL_IS_WELL - {"celstream_catalog_inbox_files_total"}, "only faults or models make it"),
}


@pytest.fixture(scope="module")
def at_work(release: Cluster, prometheus: Prometheus) -> Prometheus:
    """After two films: what has not risen between two scrapes has no rate."""
    footage_goes_through(release)
    wait_until(
        lambda: bool(prometheus.series('celstream_worker_events_total{outcome="completed"}')), "nothing is scraped"
    )
    footage_goes_through(release)
    return prometheus


def test_every_pod_is_scraped(release: Cluster, at_work: Prometheus) -> None:
    pods = {pod["metadata"]["name"] for pod in release.pods()}
    wait_until(lambda: pods <= _scraped(at_work), f"not all of {sorted(pods)} are scraped")


def _scraped(prometheus: Prometheus) -> set[str]:
    return {target["labels"].get("pod", "") for target in prometheus.targets() if target["health"] == "up"}


def test_every_rule_of_the_chart_is_computed(at_work: Prometheus) -> None:
    expected = {rule.get("alert") or rule["record"] for rule in rules()}

    def computed() -> bool:
        return expected <= {rule["name"] for rule in at_work.rules() if rule["health"] == "ok"}

    wait_until(computed, "some rule has an error, or was never computed")


def test_every_query_gives_data_or_is_explained(release: Cluster, at_work: Prometheus) -> None:
    conditions = {rule["expr"] for rule in rules() if "alert" in rule}  # they ask for what is not well
    here = [(where, _here(query, release)) for where, query in all_queries() if query not in conditions]
    must = {(where, query) for where, query in here if not _explained(query)}
    assert len(must) > len(here) / 2
    for where, query in sorted(must):
        wait_until(lambda query=query: bool(at_work.series(query)), f"no data: {where}: {query}")


def test_every_condition_of_an_alert_is_one_that_prometheus_takes(release: Cluster, at_work: Prometheus) -> None:
    for where, query in all_queries():
        at_work.series(_here(query, release))
        assert promql_parser.parse(query), where


def _here(query: str, release: Cluster) -> str:
    return query.replace(f'namespace="{NAMESPACE}"', f'namespace="{release.namespace}"')


def _explained(query: str) -> bool:
    found = list(selectors(promql_parser.parse(query)))
    matchers = [matcher for selector in found for matcher in selector.matchers.matchers]
    of_faults = any((m.name, m.op) == ("outcome", promql_parser.MatchOp.NotEqual) or m.name == "code" for m in matchers)
    return of_faults or bool({selector.name for selector in found} & ABSENT.keys())
