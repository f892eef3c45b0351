"""A cluster that KUBECONFIG names, asked by kubectl and Helm: a namespace of our own, under the strictest policy."""

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from celstream_cluster import tools

from tests.chart.rendered import Manifest

RESTRICTED = {
    "pod-security.kubernetes.io/enforce": "restricted",
    "pod-security.kubernetes.io/enforce-version": "latest",
}
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


def named_by_the_environment() -> str:
    """The file that KUBECONFIG names. Raises UsageError where it names none."""
    path = os.environ.get("KUBECONFIG", "")
    if not Path(path).is_file():
        raise pytest.UsageError(f"KUBECONFIG={path}: no such file. Name that of a cluster to test on.")
    return path
