"""What a cluster has beside its node: names, resource metrics, KEDA's operator, the Prometheus operator's kinds.

Their manifests are their own, out of their Go modules; only the images are ours, made of the programs that were built.
"""

from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import yaml
from celstream_stack.errors import StackError

from celstream_cluster import node, places, programs, schemas
from celstream_cluster.kubectl import Kubectl, Manifest

COREDNS = "localhost/celstream-node/coredns:1"
METRICS_SERVER = f"localhost/celstream-node/metrics-server:{programs.METRICS_SERVER}"
KEDA = {name: f"localhost/celstream-node/{name}:{programs.KEDA}" for name in ("keda-operator", "keda-adapter")}
MONITORING = "monitoring.coreos.com"
READY = "--timeout=180s"
DEPLOYMENTS = (
    ("kube-system", "coredns"),
    ("kube-system", "metrics-server"),
    ("keda", "keda-operator"),
    ("keda", "keda-metrics-apiserver"),
)
AGGREGATED = ("v1beta1.metrics.k8s.io", "v1beta1.external.metrics.k8s.io")


def install(state: Path) -> None:
    """Install all of it; harmless when done again. Raises StackError."""
    kubectl = Kubectl(places.kubeconfig(state))
    node.load_programs(state, COREDNS, ["coredns"])
    node.load_programs(state, METRICS_SERVER, ["metrics-server"])
    for name, image in KEDA.items():
        node.load_programs(state, image, [name])
    for manifests in (list(_coredns()), list(_kinds()), list(_metrics_server(kubectl)), list(_keda(kubectl))):
        kubectl("apply", "--server-side", "--force-conflicts", "--filename", "-", given=manifests)


def wait(state: Path) -> None:
    """Until all of it works. Raises StackError."""
    kubectl = Kubectl(places.kubeconfig(state))
    for namespace, name in DEPLOYMENTS:
        kubectl("--namespace", namespace, "rollout", "status", f"deployment/{name}", READY)
    for name in AGGREGATED:
        kubectl("wait", "--for=condition=Available", f"apiservice/{name}", READY)


def _coredns() -> Iterator[Manifest]:
    text = resources.files("celstream_cluster").joinpath("manifests", "coredns.yaml").read_text()
    yield from yaml.safe_load_all(text)


def _kinds() -> Iterator[Manifest]:
    """The kinds of resources by which a chart tells Prometheus what to scrape and what to compute."""
    for file in sorted((schemas.install() / "definitions").glob(f"{MONITORING}_*.yaml")):
        yield yaml.load(file.read_text(), Loader=yaml.CSafeLoader)


def _metrics_server(kubectl: Kubectl) -> Iterator[Manifest]:
    for manifest in yaml.safe_load_all(kubectl("kustomize", programs.manifests("metrics-server") / "base")):
        if manifest["kind"] == "Deployment":
            container = _container(manifest)
            container |= {"image": METRICS_SERVER, "imagePullPolicy": "Never"}
            container["args"].append("--kubelet-insecure-tls")  # the node's kubelet signs for itself
        yield manifest


def _keda(kubectl: Kubectl) -> Iterator[Manifest]:
    """Without the webhooks that check its objects: they check nothing that the schemas do not."""
    images = {"keda-operator": KEDA["keda-operator"], "keda-metrics-apiserver": KEDA["keda-adapter"]}
    for manifest in yaml.safe_load_all(kubectl("kustomize", programs.manifests("keda") / "default")):
        name = manifest["metadata"]["name"]
        webhook = manifest["kind"] == "ValidatingWebhookConfiguration" or (
            "admission" in name and manifest["kind"] in ("Deployment", "Service")
        )
        if manifest["kind"] == "Deployment" and not webhook:
            program = images[name].rpartition("/")[2].partition(":")[0]
            container = _container(manifest)
            container |= {"image": images[name], "imagePullPolicy": "Never", "command": [f"/{program}"]}
        if not webhook:
            yield manifest


def _container(deployment: Manifest) -> Manifest:
    containers: list[Manifest] = deployment["spec"]["template"]["spec"]["containers"]
    if len(containers) != 1:
        raise StackError(f"{deployment['metadata']['name']}: has {len(containers)} containers, expected 1.")
    return containers[0]
