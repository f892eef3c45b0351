"""Tells Prometheus of a cluster's pods by HTTP: `python -m celstream_cluster.discovery KUBECONFIG ADDRESS PORT`.

Debian's Prometheus asks no API server by itself. GET /NAMESPACE answers with an element per container port, labelled as
Prometheus' own discovery labels them. https://prometheus.io/docs/prometheus/latest/http_sd/
"""

import json
import re
import sys
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from celstream_stack.errors import StackError

from celstream_cluster.kubectl import Kubectl, Manifest

POD = "__meta_kubernetes_pod"
NAMESPACE = "__meta_kubernetes_namespace"


def targets(pods: list[Manifest]) -> Iterator[dict[str, Any]]:
    """What Prometheus is told of pods; those without an address are left out."""
    for pod in pods:
        address = pod["status"].get("podIP")
        about = {
            NAMESPACE: pod["metadata"]["namespace"],
            f"{POD}_name": pod["metadata"]["name"],
            f"{POD}_phase": pod["status"]["phase"],
            **{of_label(name): value for name, value in pod["metadata"].get("labels", {}).items()},
        }
        for container in pod["spec"]["containers"] if address else []:
            for port in container.get("ports", []):
                labels = {
                    f"{POD}_container_name": container["name"],
                    f"{POD}_container_port_name": port.get("name", ""),
                    f"{POD}_container_port_number": str(port["containerPort"]),
                }
                yield {"targets": [f"{address}:{port['containerPort']}"], "labels": about | labels}


def of_label(name: str) -> str:
    """Under what name Prometheus knows a label of a pod."""
    return f"{POD}_label_{re.sub('[^A-Za-z0-9_]', '_', name)}"


class Answers(BaseHTTPRequestHandler):
    """Answers for the cluster of its server."""

    server: "Server"

    def do_GET(self) -> None:
        """The pods of one namespace."""
        try:
            found = list(targets(self.server.cluster.objects("pods", "--namespace", self.path.strip("/"))))
        except StackError as error:
            self.send_error(HTTPStatus.BAD_GATEWAY, str(error))
            return
        content = json.dumps(found).encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(content)


class Server(ThreadingHTTPServer):
    """Serves what one cluster holds."""

    def __init__(self, address: tuple[str, int], cluster: Kubectl) -> None:
        super().__init__(address, Answers)
        self.cluster = cluster


if __name__ == "__main__":
    kubeconfig, host, number = sys.argv[1:]
    Server((host, int(number)), Kubectl(Path(kubeconfig))).serve_forever()
