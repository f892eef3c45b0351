"""What the tests of a cluster share: a namespace of their own, and the release that is there or is made for them.

What only some clusters have is named by variables, which `celstream-cluster run` sets; a test that asks for what is not
named is not collected.
"""

import os
import secrets
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest
import yaml
from celstream_cluster import places, schemas, servers
from celstream_stack.stack import Stack

from tests.chart.rendered import CHART, RELEASE
from tests.cluster.asked import Prometheus
from tests.cluster.cluster import INSTALLED, RESTRICTED, Cluster, named_by_the_environment

VALUES = "CELSTREAM_CLUSTER_VALUES"  # file of values that names a cluster's own servers
NAMESPACE = "CELSTREAM_CLUSTER_NAMESPACE"  # which holds the secrets that those values name
NODE = "CELSTREAM_CLUSTER"  # folder of a node of this machine
PROMETHEUS = "PROMETHEUS_URL"  # of one that scrapes the release, and holds its rules
NEEDS = {"cluster_values": VALUES, "release": VALUES, "own_servers": NODE, "prometheus": PROMETHEUS}
FIRST = "test_footage"
WAIT = ("--wait", "--timeout", "8m")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect what needs nodes and servers where none are named."""
    missing = {name for name, variable in NEEDS.items() if not os.environ.get(variable)}
    left_out = [item for item in items if missing & set(_fixtures(item))]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    items.sort(key=lambda item: item.path.stem != FIRST)  # before others make pods stumble it sees that none does


def _fixtures(item: pytest.Item) -> tuple[str, ...]:
    return tuple(getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def cluster_values() -> Path:
    """The file of values that names a cluster's own servers."""
    return Path(os.environ[VALUES]).resolve()


@pytest.fixture(scope="session")
def own_servers() -> Stack:
    """Kafka, store and database beside the node that `make cluster` made."""
    return servers.stack(places.default_state())


@pytest.fixture(scope="session")
def prometheus() -> Prometheus:
    """The Prometheus that scrapes the release."""
    return Prometheus(os.environ[PROMETHEUS])


@pytest.fixture(scope="session")
def release(cluster_values: Path) -> Iterator[Cluster]:
    """A release that works: the one that is there, or one of these tests' own, gone afterwards."""
    named_by_the_environment()
    found = Cluster(os.environ[NAMESPACE])
    there = found.helm("status", INSTALLED, check=False).returncode == 0
    if not there:
        found.helm("install", INSTALLED, CHART, "--values", cluster_values, *WAIT)
    yield found
    if not there:
        found.helm("uninstall", INSTALLED, "--wait")


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The cluster, in a namespace under Pod Security's "restricted"; what is made here is removed at the end."""
    named_by_the_environment()
    found = Cluster(f"celstream-test-{secrets.token_hex(4)}")
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": found.namespace, "labels": RESTRICTED}}
    found.kubectl("create", "--filename", "-", given=[namespace])
    made = _define_what_is_missing(found)
    if "serviceaccount/default" not in found.names("serviceaccounts"):
        found.kubectl("create", "serviceaccount", "default", check=False)  # its controller may be as quick
    yield found
    found.kubectl("delete", "namespace", found.namespace, "--wait=false")
    found.kubectl("delete", "priorityclass", "--selector", f"app.kubernetes.io/instance={RELEASE}")
    for name in made:
        found.kubectl("delete", "customresourcedefinition", name, "--wait=false")


def _define_what_is_missing(cluster: Cluster) -> list[str]:
    there = {name.partition("/")[2] for name in cluster.names("customresourcedefinitions")}
    files = sorted((schemas.install() / "definitions").glob("*.yaml"))
    definitions = [yaml.load(file.read_text(), Loader=yaml.CSafeLoader) for file in files]
    definitions += map(
        _whole, yaml.safe_load_all(resources.files("celstream_cluster").joinpath("strimzi.yaml").read_text())
    )
    missing = [one for one in definitions if one["metadata"]["name"] not in there]
    for one in missing:
        cluster.kubectl("apply", "--server-side", "--filename", "-", given=[one])
    names = [one["metadata"]["name"] for one in missing]
    for name in names:
        cluster.kubectl("wait", "--for=condition=Established", f"customresourcedefinition/{name}", "--timeout=60s")
    return names


def _whole(part: dict[str, dict[str, object]]) -> dict[str, object]:
    """A definition out of the part that is in strimzi.yaml."""
    spec = part["spec"]
    kind = str(spec["names"]["kind"])  # type: ignore[index]
    plural = f"{kind.lower()}s"
    names = {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"}
    versions = [one | {"served": True, "storage": True} for one in spec["versions"]]  # type: ignore[attr-defined]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{spec['group']}"},
        "spec": spec | {"names": names, "scope": "Namespaced", "versions": versions},
    }
