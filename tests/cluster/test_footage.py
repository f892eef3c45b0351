"""A release with nodes to run on: footage goes through it, also while pods go and versions come and go.

    KUBECONFIG=… CELSTREAM_CLUSTER_VALUES=my-values.yaml CELSTREAM_CLUSTER_NAMESPACE=films make cluster-test

The values say where the servers are; the secrets that they name lie in the namespace, and images are where nodes find
them. Without these variables the tests are not collected.
"""

import base64
import json
import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from celstream_cluster import tools
from celstream_stack.ports import free_port
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.chart.rendered import CHART
from tests.cluster.cluster import Cluster, named_by_the_environment

pytestmark = pytest.mark.cluster
RELEASE = "lot"
WAIT = ("--wait", "--timeout", "8m")
SELECTOR = f"app.kubernetes.io/instance={RELEASE}"
PATIENCE_SECONDS = 120.0
EARLY = re.compile("(Readiness|Liveness) probe failed")  # a service that is not up yet is asked all the same


@pytest.fixture(scope="module")
def release(cluster_values: Path) -> Iterator[Cluster]:
    """The chart, installed and ready; gone afterwards."""
    named_by_the_environment()
    cluster = Cluster(os.environ["CELSTREAM_CLUSTER_NAMESPACE"])
    cluster.helm("install", RELEASE, CHART, "--values", cluster_values, *WAIT)
    yield cluster
    cluster.helm("uninstall", RELEASE, "--wait")


def footage_goes_through(cluster: Cluster) -> None:
    """Helm's own test of the release: it renders footage, submits it, and follows it to its end."""
    said = cluster.helm("test", RELEASE, "--timeout", "6m", "--logs", check=False)
    assert said.returncode == 0, said.stdout[-3000:] + said.stderr


def test_footage_goes_through_and_no_pod_stumbles(release: Cluster) -> None:
    footage_goes_through(release)
    pods = json.loads(release.kubectl("get", "pods", "--selector", SELECTOR, "--output", "json").stdout)["items"]
    for pod in pods:
        for status in pod["status"]["containerStatuses"]:
            assert status["restartCount"] == 0, f"{pod['metadata']['name']}: {status}"
    events = json.loads(release.kubectl("get", "events", "--output", "json").stdout)["items"]
    warnings = [event["message"] for event in events if event["type"] == "Warning"]
    assert [message for message in warnings if not EARLY.search(message)] == []


def test_footage_goes_through_while_pods_are_deleted(release: Cluster) -> None:
    for service in ("segmenter", "catalog"):
        chosen = f"{SELECTOR},app.kubernetes.io/component={service}"
        release.kubectl("delete", "pod", "--selector", chosen, "--wait=false")
    footage_goes_through(release)
    for service in ("segmenter", "catalog"):
        release.kubectl("rollout", "status", f"deployment/{RELEASE}-{service}", "--timeout=5m")


def test_footage_goes_through_after_an_upgrade_and_after_the_way_back(release: Cluster, cluster_values: Path) -> None:
    release.helm("upgrade", RELEASE, CHART, "--values", cluster_values, "--set", "logs.level=debug", *WAIT)
    footage_goes_through(release)
    release.helm("rollback", RELEASE, "1", *WAIT)
    footage_goes_through(release)


def test_the_catalog_answers_from_outside_the_cluster(release: Cluster) -> None:
    port = free_port()
    forward = [tools.install().kubectl, "--namespace", release.namespace, "port-forward", f"service/{RELEASE}-catalog"]
    with subprocess.Popen([*forward, f"{port}:50051"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            _wait_for_port(port)
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=30)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        finally:
            process.terminate()


def _wait_for_port(port: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert time.monotonic() < deadline, "the port is not forwarded"
        time.sleep(0.1)  # there is nothing to wait on


def test_no_secret_is_in_logs_events_or_the_release(release: Cluster) -> None:
    secrets = json.loads(release.kubectl("get", "secrets", "--output", "json").stdout)["items"]
    values = {
        base64.b64decode(value).decode(errors="replace")
        for secret in secrets
        if not secret["type"].startswith("helm.sh")
        for name, value in secret.get("data", {}).items()
        if re.search("password|secret", name, re.IGNORECASE)
    }
    assert values, "the values name no secrets of this namespace"
    said = [
        release.kubectl("logs", "--selector", SELECTOR, "--all-containers", "--tail=-1", check=False).stdout,
        release.kubectl("get", "events,pods", "--output", "json").stdout,
        release.helm("get", "all", RELEASE).stdout,
    ]
    assert not any(value in text for value in values for text in said)
