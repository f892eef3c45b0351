"""A release with nodes to run on: footage goes through it, also while pods go and versions come and go.

Run by `make cluster-test`; on another cluster by

    KUBECONFIG=… CELSTREAM_CLUSTER_VALUES=my-values.yaml CELSTREAM_CLUSTER_NAMESPACE=films make cluster-test

The values say where the servers are; the secrets that they name lie in the namespace, and images are where nodes find
them. Without these variables the tests are not collected.
"""

import json
import re
from pathlib import Path

import grpc
import pytest
from celstream_stack.stack import Stack
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.chart.rendered import CHART
from tests.cluster import called
from tests.cluster.cluster import INSTALLED, SELECTOR, Cluster, footage_goes_through
from tests.cluster.conftest import WAIT
from tests.cluster.dropped import clips_at_the_end, drop
from tests.end_to_end.command import SHOTS

pytestmark = pytest.mark.cluster
EARLY = re.compile("(Readiness|Liveness|Startup) probe failed")  # a service that is not up yet is asked all the same


def test_footage_goes_through_and_no_pod_stumbles(release: Cluster) -> None:
    footage_goes_through(release)
    pods = release.pods()
    assert pods
    for pod in pods:
        (ready,) = [one["status"] for one in pod["status"]["conditions"] if one["type"] == "Ready"]
        assert ready == "True", pod["metadata"]["name"]
        for status in pod["status"]["containerStatuses"]:
            assert status["restartCount"] == 0, f"{pod['metadata']['name']}: {status}"
    events = json.loads(release.kubectl("get", "events", "--output", "json").stdout)["items"]
    warnings = [
        f"{event['involvedObject']['name']}: {event['message']}" for event in events if event["type"] != "Normal"
    ]
    assert [message for message in warnings if not EARLY.search(message)] == []


def test_the_catalog_answers_from_outside_the_cluster(release: Cluster) -> None:
    with called.catalog(release) as channel:
        assert answer_of(channel) == health_pb2.HealthCheckResponse.SERVING


def answer_of(channel: grpc.Channel) -> health_pb2.HealthCheckResponse.ServingStatus.ValueType:
    """What a service says of itself, to whoever gets in: this asks for no role."""
    return health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=30).status


def test_a_client_without_a_certificate_is_refused(release: Cluster, own_servers: Stack) -> None:
    """own_servers: of this node we know that it asks for one."""
    with release.forwarded(called.CATALOG, 50051) as address:
        with called.connect(release, address, certificate=False) as channel, pytest.raises(grpc.RpcError) as refused:
            answer_of(channel)
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
        with called.connect(release, address) as channel:
            assert answer_of(channel) == health_pb2.HealthCheckResponse.SERVING


def test_footage_that_is_dropped_into_the_inbox_ends_as_clips_in_the_catalog(
    release: Cluster, own_servers: Stack, tmp_path: Path
) -> None:
    assert clips_at_the_end(release, drop(own_servers, SHOTS[:2], tmp_path)) == 2


def pods_of(release: Cluster, service: str) -> list[str]:
    """The pods of a service, each as `pod/NAME`."""
    chosen = f"{SELECTOR},app.kubernetes.io/component={service}"
    found = release.kubectl("get", "pod", "--selector", chosen, "--output", "name").stdout.split()
    assert found
    return found


def test_footage_goes_through_while_pods_are_deleted(release: Cluster) -> None:
    """All segmenters, and one of the catalogs: who submits footage has the other one to ask."""
    release.kubectl("delete", *pods_of(release, "segmenter"), *pods_of(release, "catalog")[:1], "--wait=false")
    footage_goes_through(release)
    for service in ("segmenter", "catalog"):
        release.kubectl("rollout", "status", f"deployment/{INSTALLED}-{service}", "--timeout=5m")


def test_footage_goes_through_after_an_upgrade_and_after_the_way_back(release: Cluster, cluster_values: Path) -> None:
    before = json.loads(release.helm("history", INSTALLED, "--output", "json").stdout)[-1]["revision"]
    release.helm("upgrade", INSTALLED, CHART, "--values", cluster_values, "--set", "logs.level=debug", *WAIT)
    footage_goes_through(release)
    release.helm("rollback", INSTALLED, str(before), *WAIT)
    footage_goes_through(release)
