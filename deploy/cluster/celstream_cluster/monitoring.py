"""A Prometheus beside the node that does what the Prometheus operator would: scrape by PodMonitors, compute by rules.

It also asks the kubelet (volumes, containers), KEDA's operator and the servers of the stack.
"""

import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from celstream_stack import processes
from celstream_stack.asking import says_ready
from celstream_stack.errors import StackError
from celstream_stack.places import cache
from celstream_stack.prometheus import Prometheus
from celstream_stack.server import Launch
from celstream_stack.targets import FOLDER

from celstream_cluster import control_plane, places
from celstream_cluster.discovery import NAMESPACE, POD, of_label
from celstream_cluster.kubectl import Kubectl, Manifest

URL = f"http://{places.HOST}:9090"
DISCOVERY = f"{places.LOOPBACK}:9091"
EVERY = "5s"
KUBELET = ("/metrics", "/metrics/cadvisor")
READY_SECONDS = 60.0
LOOK_SECONDS = 0.1
Rule = dict[str, Any]


def up(state: Path) -> None:
    """Start it, or let it read anew what to scrape and to compute. Raises StackError."""
    folder = folder_of(state)
    folder.mkdir(parents=True, exist_ok=True)
    kubectl = Kubectl(places.kubeconfig(state))
    rules = folder / "rules.json"
    rules.write_text(json.dumps({"groups": list(_groups(kubectl))}, indent=1))
    configuration = {
        "global": {"scrape_interval": EVERY, "evaluation_interval": EVERY},
        "rule_files": [str(rules)],
        "scrape_configs": [
            {"job_name": "servers", "file_sd_configs": [{"files": [str(state / "servers" / FOLDER / "*.json")]}]},
            *_of_monitors(kubectl),
            *_of_the_node(state),
            _of_keda(),
        ],
    }
    (folder / "prometheus.json").write_text(json.dumps(configuration, indent=1))
    if processes.running(_discovery(state)) is None:
        _discovery(state).mkdir(exist_ok=True)
        told = (str(places.kubeconfig(state)), *DISCOVERY.split(":"))
        command = [sys.executable, "-m", "celstream_cluster.discovery", *told]
        processes.start(Launch(command), _discovery(state))
    if processes.running(folder) is None:
        processes.start(_launch(folder), folder)
    else:
        _reload()
    _await(folder)


def down(state: Path) -> None:
    """End it. Raises StackError."""
    processes.stop("prometheus", folder_of(state))
    processes.stop("discovery", _discovery(state))


def folder_of(state: Path) -> Path:
    """Where its configuration, data and log lie."""
    return state / "run" / "prometheus"


def _discovery(state: Path) -> Path:
    return state / "run" / "discovery"


def _launch(folder: Path) -> Launch:
    options = {
        "config.file": folder / "prometheus.json",
        "storage.tsdb.path": folder / "data",
        "web.listen-address": URL.removeprefix("http://"),
    }
    program = Prometheus().install(cache()) / "prometheus"
    return Launch([str(program), *(f"--{name}={value}" for name, value in options.items()), "--web.enable-lifecycle"])


def _groups(kubectl: Kubectl) -> Iterator[Manifest]:
    for rule in kubectl.objects("prometheusrules", "--all-namespaces"):
        yield from rule["spec"]["groups"]


def _of_monitors(kubectl: Kubectl) -> Iterator[Manifest]:
    """A job per endpoint of each PodMonitor, labelled as the operator labels."""
    for monitor in kubectl.objects("podmonitors", "--all-namespaces"):
        specification, about = monitor["spec"], monitor["metadata"]
        for endpoint in specification["podMetricsEndpoints"]:
            yield {
                "job_name": f"{about['namespace']}/{about['name']}/{endpoint['port']}",
                "scrape_interval": endpoint.get("interval", EVERY),
                "http_sd_configs": [_pods(about["namespace"])],
                "relabel_configs": [
                    *selected(specification["selector"]),
                    _keep(f"{POD}_container_port_name", endpoint["port"]),
                    {"action": "drop", "source_labels": [f"{POD}_phase"], "regex": "Failed|Succeeded"},
                    _label("namespace", NAMESPACE),
                    _label("pod", f"{POD}_name"),
                    _label("container", f"{POD}_container_name"),
                    _label("job", of_label(specification["jobLabel"])),
                ],
            }


def _of_the_node(state: Path) -> Iterator[Manifest]:
    token = control_plane.certificates_folder(state) / "token"
    for path in KUBELET:
        yield {
            "job_name": f"kubelet{path}",
            "scheme": "https",
            "metrics_path": path,
            "authorization": {"credentials_file": str(token)},
            "tls_config": {"insecure_skip_verify": True},  # it signs for itself
            "static_configs": [{"targets": [f"{places.HOST}:10250"], "labels": {"job": "kubelet"}}],
        }


def _of_keda() -> Manifest:
    return {
        "job_name": "keda",
        "http_sd_configs": [_pods("keda")],
        "relabel_configs": [
            _keep(of_label("app"), "keda-operator"),
            _keep(f"{POD}_container_port_number", "8080"),
            _label("namespace", NAMESPACE),
            _label("pod", f"{POD}_name"),
        ],
    }


def _pods(namespace: str) -> Manifest:
    return {"url": f"http://{DISCOVERY}/{namespace}", "refresh_interval": EVERY}


def selected(selector: Manifest) -> Iterator[Rule]:
    """The rules by which pods of a selector stay. Raises StackError for one that is not understood."""
    for name, value in selector.get("matchLabels", {}).items():
        yield _keep(of_label(name), value)
    for expression in selector.get("matchExpressions", []):
        if expression["operator"] != "In":
            raise StackError(f"PodMonitor: {expression['operator']} is not understood here. Select by In.")
        yield _keep(of_label(expression["key"]), "|".join(expression["values"]))


def _keep(label: str, value: str) -> Rule:
    return {"action": "keep", "source_labels": [label], "regex": value}


def _label(name: str, source: str) -> Rule:
    return {"source_labels": [source], "target_label": name}


def _reload() -> None:
    request = urllib.request.Request(f"{URL}/-/reload", method="POST")  # noqa: S310 - ours
    try:
        urllib.request.urlopen(request, timeout=READY_SECONDS).close()  # noqa: S310 - ours
    except urllib.error.HTTPError as error:
        raise StackError(f"prometheus: does not take its configuration ({error.read().decode().strip()}).") from error
    except OSError as error:
        raise StackError(f"prometheus: runs, but does not answer ({error}). Read its log.") from error


def _await(folder: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not says_ready(f"{URL}/-/ready"):
        if processes.running(folder) is None or time.monotonic() > deadline:
            raise StackError(f"prometheus: does not become ready. Read {folder}/log.")
        time.sleep(LOOK_SECONDS)
