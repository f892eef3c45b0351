"""No secret is told by what else the API server keeps, nor by a log: plainly, quoted or in base64."""

import base64
import json
import re
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from celstream_cluster import places
from celstream_stack.stack import Stack

from tests.chart.rendered import Manifest
from tests.cluster.cluster import INSTALLED, Cluster
from tests.secrecy.looking import told

pytestmark = pytest.mark.cluster
KINDS = ("events", "pods", "configmaps", "deployments", "replicasets", "jobs", "cronjobs", "serviceaccounts")
OF_HELM = "helm.sh/release.v1"  # a release's own record, which `helm get all` shows
PUBLIC = re.compile(r"(\.crt|username|ACCESS_KEY_ID)$")
LEAST_LETTERS = 8  # what is shorter is in any text by chance


def known(cluster: Cluster) -> dict[str, str]:
    """`namespace/secret/entry` -> the secret, of all Secrets of the cluster; of a private key one line of it."""
    found = {}
    for one in objects(cluster, "secrets"):
        for entry, encoded in one.get("data", {}).items() if one["type"] != OF_HELM else ():
            value = base64.b64decode(encoded).decode(errors="replace").strip()
            lines = [line for line in value.splitlines() if not line.startswith("-----")]
            longest = max(lines, key=len, default="")
            if not PUBLIC.search(entry) and len(longest) >= LEAST_LETTERS:
                found[f"{one['metadata']['namespace']}/{one['metadata']['name']}/{entry}"] = longest
    return found


def objects(cluster: Cluster, kind: str) -> list[Manifest]:
    """All objects of a kind, in all namespaces."""
    said = cluster.kubectl("get", kind, "--all-namespaces", "--output", "json").stdout
    return list(json.loads(said)["items"])


def kept(cluster: Cluster) -> dict[str, bytes]:
    """`kind namespace/name` -> all that anybody reads of it who may not read Secrets."""
    return {
        f"{kind} {one['metadata']['namespace']}/{one['metadata']['name']}": json.dumps(one).encode()
        for kind in KINDS
        for one in objects(cluster, kind)
    }


def logs(cluster: Cluster) -> dict[str, bytes]:
    """The logs of all containers of all pods, those of the autoscaler's operator among them."""
    found = {}
    for pod in objects(cluster, "pods"):
        namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
        said = cluster.kubectl("logs", "--namespace", namespace, name, "--all-containers", "--tail=-1", check=False)
        found[f"log {namespace}/{name}"] = said.stdout.encode()
    return found


def telling(texts: dict[str, bytes], hidden: dict[str, str]) -> dict[str, list[str]]:
    """Which texts tell which secrets."""
    return {where: names for where, text in texts.items() if (names := told(text, hidden))}


def test_no_event_description_configuration_or_release_tells_a_secret(release: Cluster) -> None:
    hidden = known(release)
    assert any(name.startswith(f"{release.namespace}/") for name in hidden), "no secrets in the release's namespace"
    read = kept(release)
    of_release = [where for where in read if f" {release.namespace}/{INSTALLED}-" in where]
    assert {"pods", "deployments"} <= {where.partition(" ")[0] for where in of_release}
    read["the release, with its notes"] = release.helm("get", "all", INSTALLED).stdout.encode()
    assert b"NOTES:" in read["the release, with its notes"]
    assert telling(read, hidden) == {}


def test_no_log_of_a_pod_tells_a_secret(release: Cluster) -> None:
    read = logs(release)
    assert any(text for where, text in read.items() if f"{release.namespace}/{INSTALLED}-" in where)
    assert telling(read, known(release)) == {}


def test_no_log_of_the_node_and_its_control_plane_tells_a_secret(release: Cluster, own_servers: Stack) -> None:
    """own_servers: there is a node of this machine at all."""
    read = {str(file): file.read_bytes() for file in places.default_state().glob("run/*/log")}
    assert any("apiserver" in name for name in read)
    assert telling(read, known(release)) == {}


@pytest.fixture
def planted(cluster: Cluster) -> Iterator[str]:
    """A secret that a careless person wrote into everything else as well; all of it is gone afterwards."""
    secret = secrets.token_urlsafe(24)
    encoded = base64.b64encode(f"login:{secret}".encode()).decode()
    made = [
        manifest("v1", "Secret", stringData={"password": secret}),
        manifest("v1", "ConfigMap", data={"settings": f"basic={encoded}"}),
        manifest("v1", "Event", message=f"pulled with {secret}", involvedObject={"namespace": cluster.namespace}),
        manifest("v1", "Pod", spec=pod(secret)),
    ]
    cluster.kubectl("create", "--filename", "-", given=made)
    yield secret
    cluster.kubectl("delete", "--filename", "-", "--grace-period=0", given=made)


def manifest(version: str, kind: str, **content: Any) -> Manifest:
    """An object called "careless"."""
    return {"apiVersion": version, "kind": kind, "metadata": {"name": "careless"}, **content}


def pod(secret: str) -> Manifest:
    """One that is never run: it waits at a gate."""
    return {
        "schedulingGates": [{"name": "celstream.test/never"}],
        "securityContext": {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "careless",
                "image": "none",
                "env": [{"name": "URL", "value": f"https://login:{secret}@host"}],
                "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
            }
        ],
    }


def test_what_somebody_planted_is_found_wherever_it_lies(cluster: Cluster, planted: str) -> None:
    """The proof that the search finds something."""
    (name,) = [name for name, secret in known(cluster).items() if secret == planted]
    where = f"{cluster.namespace}/careless"
    found = telling(kept(cluster), {name: planted})
    assert found == {f"{kind} {where}": [name] for kind in ("events", "pods", "configmaps")}
