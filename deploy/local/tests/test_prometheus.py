"""Prometheus scrapes the servers of the stack, and the services that it is told of."""

import json
import secrets
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from celstream_platform import metrics, metrics_server
from celstream_stack.errors import StackError
from celstream_stack.prometheus import check_sum
from celstream_stack.stack import Stack
from celstream_stack.targets import write_targets

WAIT_SECONDS = 60.0


@pytest.fixture
def job(stack: Stack) -> Iterator[str]:
    """Name of a service of the test's own."""
    name = f"service-{secrets.token_hex(4)}"
    yield name
    stack.scrape(name, [])


def ask(url: str, query: str) -> dict[str, float]:
    """Job -> value of what a query finds."""
    with urllib.request.urlopen(f"{url}/api/v1/query?{urllib.parse.urlencode({'query': query})}") as answer:
        found = json.load(answer)["data"]["result"]
    return {one["metric"]["job"]: float(one["value"][1]) for one in found}


def wait_for(url: str, query: str, jobs: set[str]) -> dict[str, float]:
    """What a query finds, once it finds these jobs."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not jobs <= (found := ask(url, query)).keys():
        assert time.monotonic() < deadline, f"{query} gives {found}"
        time.sleep(0.1)
    return found


@pytest.mark.slow
def test_a_service_that_comes_later_is_scraped_without_a_restart(stack: Stack, job: str) -> None:
    url = stack.up(["minio", "prometheus"])["PROMETHEUS_URL"]
    service = metrics_server.serve("127.0.0.1:0")
    try:
        metrics.ARTEFACT_BYTES.labels("open").inc(0)
        stack.scrape(job, [service.address])
        assert wait_for(url, "up == 1", {job, "minio", "prometheus"})
        assert wait_for(url, 'celstream_artefact_bytes_total{operation="open"}', {job})
        assert wait_for(url, "minio_cluster_capacity_usable_total_bytes > 0", {"minio"})
    finally:
        service.close()
    assert wait_for(url, "up == 0", {job})


def test_a_place_that_cannot_be_scraped_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"segmenter: '127\.0\.0\.1': not an address"):
        write_targets(tmp_path, "segmenter", ["127.0.0.1"])
    with pytest.raises(StackError, match="'a/b': not a name of a job"):
        write_targets(tmp_path, "a/b", ["127.0.0.1:9464"])
    assert not list(tmp_path.iterdir())


def test_a_job_without_places_is_forgotten(tmp_path: Path) -> None:
    write_targets(tmp_path, "segmenter", ["127.0.0.1:9464", "127.0.0.1:9465"])
    (group, other) = json.loads((tmp_path / "segmenter.json").read_text())
    assert group == {"targets": ["127.0.0.1:9464"], "labels": {"job": "segmenter", "__metrics_path__": "/metrics"}}
    assert other["targets"] == ["127.0.0.1:9465"]
    write_targets(tmp_path, "segmenter", [])
    write_targets(tmp_path, "segmenter", [])
    assert not list(tmp_path.iterdir())


def test_a_package_that_is_not_the_recorded_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "prometheus.deb").write_bytes(b"something else")
    with pytest.raises(StackError, match=r"prometheus\.deb has the sum .* expected"):
        check_sum(tmp_path / "prometheus.deb")
