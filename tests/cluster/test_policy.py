"""What an API server says of the chart: every object is taken, every pod is restricted, nobody has rights."""

import copy
from typing import Any

import pytest

from tests.chart.rendered import SCENARIOS, Manifest, objects, of_kind, pods
from tests.cluster.cluster import Cluster

pytestmark = pytest.mark.cluster
OUTSIDE_NAMESPACES = {"PriorityClass"}
WHAT_ANYBODY_MAY = {"selfsubjectreviews", "selfsubjectaccessreviews", "selfsubjectrulesreviews"}


def here(manifest: Manifest, cluster: Cluster) -> Manifest:
    """The manifest, in the tests' namespace."""
    moved = copy.deepcopy(manifest)
    if moved["kind"] not in OUTSIDE_NAMESPACES:
        moved["metadata"]["namespace"] = cluster.namespace
    return moved


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_server_takes_every_object(scenario: str, cluster: Cluster) -> None:
    given = [here(one, cluster) for one in objects(scenario)]
    said = cluster.kubectl("apply", "--server-side", "--dry-run=server", "--filename", "-", given=given)
    assert len(said.stdout.splitlines()) == len(given)
    assert "Warning" not in said.stderr


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_pod_is_admitted_where_only_restricted_ones_are(scenario: str, cluster: Cluster) -> None:
    found = objects(scenario)
    before = [here(one, cluster) for kind in ("ServiceAccount", "PriorityClass") for one in of_kind(found, kind)]
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "--filename", "-", given=before)
    for number, (name, _, specification) in enumerate(pods(found)):
        pod = pod_of(specification, f"{scenario}-{number}")
        said = cluster.kubectl("create", "--dry-run=server", "--filename", "-", given=[pod], check=False)
        assert said.returncode == 0, f"{name}: {said.stderr}"


@pytest.mark.parametrize("broken", [{"runAsNonRoot": False}, {"runAsUser": 0}, {"seccompProfile": None}])
def test_a_pod_that_is_less_restricted_is_refused(broken: dict[str, Any], cluster: Cluster) -> None:
    """The proof that the server looks at all."""
    (_, _, specification) = next(one for one in pods(objects("external")) if one[0].startswith("Pod"))
    changed = copy.deepcopy(specification)
    changed["securityContext"] |= broken
    pod = pod_of(changed, "broken")
    said = cluster.kubectl("create", "--dry-run=server", "--filename", "-", given=[pod], check=False)
    assert said.returncode != 0
    assert 'violates PodSecurity "restricted' in said.stderr


def pod_of(specification: Manifest, name: str) -> Manifest:
    """A pod of its own."""
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": specification}


@pytest.mark.parametrize(
    ("scenario", "account"), [("tls", "segmenter"), ("tls", "catalog"), ("tls", "setup"), ("gpu", "triton")]
)
def test_nobody_may_do_anything(scenario: str, account: str, cluster: Cluster) -> None:
    accounts = [here(one, cluster) for one in of_kind(objects(scenario), "ServiceAccount")]
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "--filename", "-", given=accounts)
    (name,) = [one["metadata"]["name"] for one in accounts if one["metadata"]["name"].endswith(f"-{account}")]
    who = f"system:serviceaccount:{cluster.namespace}:{name}"
    lines = cluster.kubectl("auth", "can-i", "--list", "--no-headers", f"--as={who}").stdout.splitlines()
    resources = {line.split()[0].partition(".")[0] for line in lines if not line.startswith(" ")}
    assert resources <= WHAT_ANYBODY_MAY
    for question in (("get", "secrets"), ("list", "pods"), ("create", "pods/exec"), ("watch", "configmaps")):
        assert cluster.kubectl("auth", "can-i", *question, f"--as={who}", check=False).stdout.strip() == "no"
