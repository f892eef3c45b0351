"""The chart as Helm renders it: objects of a scenario, and what is asked of them again and again."""

import functools
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from celstream_cluster import tools

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts" / "celstream"
SCENARIOS = tuple(sorted(path.name.removesuffix("-values.yaml") for path in (CHART / "ci").glob("*-values.yaml")))
RELEASE = "studio"  # another name than the chart's: one that is written by hand somewhere would show
NAMESPACE = "films"
Manifest = dict[str, Any]


def helm(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run Helm; whoever asks looks at what it says and how it ends."""
    return subprocess.run([tools.install().helm, *arguments], capture_output=True, text=True, check=False)


def values_of(scenario: str) -> Path:
    """A scenario's file of values."""
    return CHART / "ci" / f"{scenario}-values.yaml"


def template(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """`helm template` of the chart."""
    return helm("template", RELEASE, CHART, "--namespace", NAMESPACE, *arguments)


@functools.cache
def objects(scenario: str, *sets: str) -> tuple[Manifest, ...]:
    """All objects of a scenario, tests and hooks as well. sets: values beside, `name=value` each."""
    given = [part for one in sets for part in ("--set", one)]
    said = template("--values", values_of(scenario), *given)
    assert said.returncode == 0, said.stderr
    return tuple(found for found in yaml.load_all(said.stdout, Loader=yaml.CSafeLoader) if found)


def find(found: Sequence[Manifest], kind: str, name: str) -> Manifest:
    """The one object of that kind and name, without the release's name in front."""
    (one,) = [one for one in found if one["kind"] == kind and one["metadata"]["name"] == f"{RELEASE}-{name}"]
    return one


def of_kind(found: Sequence[Manifest], kind: str) -> list[Manifest]:
    """All objects of a kind."""
    return [one for one in found if one["kind"] == kind]


def pods(found: Sequence[Manifest]) -> Iterator[tuple[str, dict[str, str], Manifest]]:
    """(name, labels, specification) of every pod that the objects make."""
    for one in found:
        name = f"{one['kind']} {one['metadata']['name']}"
        if one["kind"] == "Pod":
            yield name, one["metadata"]["labels"], one["spec"]
        elif one["kind"] in {"Deployment", "Job"}:
            pod = one["spec"]["template"]
            yield name, pod["metadata"]["labels"], pod["spec"]
        elif one["kind"] == "CronJob":
            pod = one["spec"]["jobTemplate"]["spec"]["template"]
            yield name, pod["metadata"]["labels"], pod["spec"]


def containers(pod: Manifest) -> list[Manifest]:
    """The containers of a pod, those that come before the others among them."""
    return [*pod.get("initContainers", []), *pod["containers"]]


def selects(selector: Manifest, labels: dict[str, str]) -> bool:
    """Whether a selector of labels chooses them."""
    wanted = selector.get("matchLabels", {})
    for expression in selector.get("matchExpressions", []):
        assert expression["operator"] == "In"
        if labels.get(expression["key"]) not in expression["values"]:
            return False
    return all(labels.get(name) == value for name, value in wanted.items())


def environment(container: Manifest) -> dict[str, str]:
    """The variables of a container; what comes from a secret is `from SECRET/KEY`, from the pod itself `from FIELD`."""
    found = {}
    for one in container["env"]:
        assert one["name"] not in found, f"{one['name']} is there twice"
        if "value" in one:
            found[one["name"]] = one["value"]
        elif "fieldRef" in one["valueFrom"]:
            found[one["name"]] = f"from {one['valueFrom']['fieldRef']['fieldPath']}"
        else:
            reference = one["valueFrom"]["secretKeyRef"]
            found[one["name"]] = f"from {reference['name']}/{reference['key']}"
    return found
