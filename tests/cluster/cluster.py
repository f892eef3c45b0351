"""A cluster that KUBECONFIG names, asked by kubectl and Helm: a namespace of our own, under the strictest policy."""

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from celstream_cluster import tools
from celstream_stack.ports import free_port

from tests.chart.rendered import Manifest

RESTRICTED = {
    "pod-security.kubernetes.io/enforce": "restricted",
    "pod-security.kubernetes.io/enforce-version": "latest",
}
INSTALLED = "celstream"  # name of the release that footage goes through
TRITON = f"{INSTALLED}-triton"
SELECTOR = f"app.kubernetes.io/instance={INSTALLED}"
PATIENCE_SECONDS = 180.0
Said = subprocess.CompletedProcess[str]


@dataclass(frozen=True, slots=True)
class Cluster:
    """One namespace of a cluster."""

    namespace: str

    def kubectl(self, *arguments: str | Path, given: Sequence[Manifest] = (), check: bool = True) -> Said:
        """Run kubectl. given: manifests for its standard input."""
        return self._run(tools.install().kubectl, arguments, given, check=check)

    def helm(self, *arguments: str | Path, check: bool = True) -> Said:
        """Run Helm."""
        return self._run(tools.install().helm, arguments, (), check=check)

    def names(self, kinds: str) -> set[str]:
        """`kind/name` of the objects of some kinds that are in the namespace."""
        return set(self.kubectl("get", kinds, "--output", "name").stdout.split())

    def object(self, name: str) -> Any:
        """One object, `kind/name`."""
        return json.loads(self.kubectl("get", name, "--output", "json").stdout)

    def pods(self, *arguments: str) -> list[Manifest]:
        """The pods of the release, without those of jobs."""
        chosen = ("--selector", f"{SELECTOR},app.kubernetes.io/component in (segmenter,catalog,triton)")
        found = json.loads(self.kubectl("get", "pods", *chosen, *arguments, "--output", "json").stdout)
        return list(found["items"])

    @contextmanager
    def forwarded(self, service: str, port: int) -> Iterator[str]:
        """HOST:PORT of this machine by which a service of the cluster is reached as long as the context lasts."""
        own = free_port()
        kubectl = (str(tools.install().kubectl), "--namespace", self.namespace)
        with forwarding([*kubectl, "port-forward", f"service/{service}", f"{own}:{port}"], own):
            yield f"127.0.0.1:{own}"

    def _run(self, program: Path, arguments: Sequence[str | Path], given: Sequence[Manifest], *, check: bool) -> Said:
        said = subprocess.run(
            [program, "--namespace", self.namespace, *arguments],
            input=yaml.safe_dump_all(given) if given else None,
            capture_output=True,
            text=True,
            check=False,
        )
        assert not check or said.returncode == 0, f"{' '.join(map(str, arguments))}: {said.stderr or said.stdout}"
        return said


@contextmanager
def forwarding(command: Sequence[str], own: int) -> Iterator[None]:
    """As long as the context lasts a command forwards a port of this machine."""
    silent = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=silent, stderr=silent) as process:
        try:
            wait_until(lambda: listens(own), f"{' '.join(command)}: nothing is forwarded")
            yield
        finally:
            process.terminate()


def named_by_the_environment() -> str:
    """The file that KUBECONFIG names. Raises UsageError where it names none."""
    path = os.environ.get("KUBECONFIG", "")
    if not Path(path).is_file():
        raise pytest.UsageError(f"KUBECONFIG={path}: no such file. Name that of a cluster to test on.")
    return path


def footage_goes_through(cluster: Cluster) -> None:
    """Helm's own test of the release: it renders footage, submits it, and follows it to its end."""
    said = cluster.helm("test", INSTALLED, "--timeout", "6m", "--logs", check=False)
    assert said.returncode == 0, said.stdout[-3000:] + said.stderr


def wait_until(so: Callable[[], bool], otherwise: str) -> None:
    """Look again and again until something is so; otherwise the test fails with these words."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not so():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.2)  # there is nothing to wait on


def listens(port: int) -> bool:
    """Whether somebody listens at a port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
