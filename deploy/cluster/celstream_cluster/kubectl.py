"""kubectl and Helm, asked of the cluster that a file names."""

import json
import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from celstream_stack.errors import StackError

from celstream_cluster import tools

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kubectl:
    """A cluster. kubeconfig: the file that names it."""

    kubeconfig: Path

    def __call__(self, *arguments: str | Path, given: Iterable[Mapping[str, Any]] = ()) -> str:
        """Run kubectl; what it says. given: manifests for its standard input. Raises StackError."""
        said = self._run(tools.install().kubectl, arguments, yaml.safe_dump_all(given) if given else None)
        return _spoken("kubectl", arguments, said)

    def helm(self, *arguments: str | Path) -> str:
        """Run Helm; what it says. Raises StackError."""
        return _spoken("helm", arguments, self._run(tools.install().helm, arguments, None))

    def succeeds(self, *arguments: str | Path) -> bool:
        """Whether kubectl ends well."""
        return self._run(tools.install().kubectl, arguments, None).returncode == 0

    def objects(self, *arguments: str | Path) -> list[Manifest]:
        """`kubectl get …`: the objects. Raises StackError."""
        items: list[Manifest] = json.loads(self("get", *arguments, "--output", "json"))["items"]
        return items

    def _run(
        self, program: Path, arguments: Sequence[str | Path], given: str | None
    ) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"KUBECONFIG": str(self.kubeconfig)}
        return subprocess.run(
            [program, *arguments], input=given, capture_output=True, text=True, check=False, env=environment
        )


def _spoken(program: str, arguments: Sequence[str | Path], said: subprocess.CompletedProcess[str]) -> str:
    if said.returncode != 0:
        last = ((said.stderr or said.stdout).strip() or "it said nothing").splitlines()[-1]
        raise StackError(f"{program} {' '.join(map(str, arguments[:4]))} … failed ({last}).")
    return said.stdout
