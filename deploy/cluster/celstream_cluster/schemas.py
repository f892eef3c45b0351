"""Schemas to check manifests by, without a cluster: Kubernetes' own of three minors, and those of the operators.

Kubernetes' come out of the wheel `kubernetes-validate`, read where they lie in it. The operators' custom resource
definitions come out of their Go modules; Strimzi publishes none that can be had so, and its part that the chart uses is
in strimzi.yaml.
"""

import functools
import hashlib
import json
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from celstream_stack import commands
from celstream_stack.errors import StackError
from celstream_stack.places import cache, locked
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from celstream_cluster.tools import fetch_wheel

MINORS = ("1.35.0", "1.36.0", "1.37.0")
WHEEL = "kubernetes-validate==1.37.0"
SUM = "85136d018a27b50ec7fc049d902bfa5193f5976807e6c0f408e3ab6fe078cad9"
FOLDER = "kubernetes_validate/kubernetes-json-schema/v{minor}-local-strict"
MODULES = {  # Go module -> (its sum, the files of definitions in it)
    "github.com/kedacore/keda/v2@v2.21.0": (
        "h1:R6z2HZvstK4RLUMxroNACzBj74xGxt3kG59b5Xc+Xps=",
        ("config/crd/bases/keda.sh_scaledobjects.yaml", "config/crd/bases/keda.sh_triggerauthentications.yaml"),
    ),
    "github.com/prometheus-operator/prometheus-operator@v0.85.0": (
        "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=",
        (
            "example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml",
            "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
        ),
    ),
    "github.com/cloudnative-pg/cloudnative-pg@v1.27.0": (
        "h1:mp0zlYO4vKAJmQdArWORWKr1lmB4Hj8JeBQGX5RBnpg=",
        ("config/crd/bases/postgresql.cnpg.io_clusters.yaml",),
    ),
}
ADVICE = "Install Go 1.24 or newer (its packages come from the configured module proxy)."
Schema = dict[str, Any]


def install() -> Path:
    """The folder of schemas, filled where it is not. Raises StackError."""
    home = cache() / f"schemas-{MINORS[-1]}"
    with locked(cache() / "schemas.lock"):
        if not (home / "complete").exists():
            shutil.rmtree(home, ignore_errors=True)
            (home / "definitions").mkdir(parents=True)
            wheel = fetch_wheel(WHEEL, home)
            if hashlib.sha256(wheel.read_bytes()).hexdigest() != SUM:
                raise StackError(f"{WHEEL}: not the wheel that is recorded. Look at the configured package index.")
            wheel.rename(home / "kubernetes.whl")
            for module, (sum_, files) in MODULES.items():
                _fetch_module(module, sum_, files, home)
            (home / "complete").touch()
    return home


def _fetch_module(module: str, sum_: str, files: tuple[str, ...], home: Path) -> None:
    go = commands.need("go", "schemas", ADVICE)
    said = json.loads(commands.run("schemas", [go, "mod", "download", "-json", module], log=home / "go.log"))
    if said["Sum"] != sum_:
        raise StackError(f"{module}: has the sum {said['Sum']}, expected {sum_}. Look at the configured Go proxy.")
    for file in files:
        target = home / "definitions" / Path(file).name
        target.write_bytes((Path(said["Dir"]) / file).read_bytes())


class Schemas:
    """Says what is wrong with a manifest."""

    def __init__(self, home: Path) -> None:
        self._wheel = zipfile.ZipFile(home / "kubernetes.whl")
        definitions = [yaml.safe_load(file.read_text()) for file in sorted((home / "definitions").glob("*.yaml"))]
        definitions += yaml.safe_load_all(resources.files("celstream_cluster").joinpath("strimzi.yaml").read_text())
        self._custom = {key: schema for definition in definitions for key, schema in _versions(definition)}
        self._validator = functools.cache(self._make_validator)

    def complaints(self, manifest: Mapping[str, Any], minor: str) -> list[str]:
        """What a server of that minor would refuse, one line each. Raises StackError for a kind that is not known."""
        validator = self._validator(minor, manifest["apiVersion"], manifest["kind"])
        where = f"{manifest['kind']} {manifest['metadata']['name']}"
        return [f"{where}: {error.json_path}: {error.message}" for error in validator.iter_errors(manifest)]

    def _make_validator(self, minor: str, version: str, kind: str) -> Draft202012Validator:
        custom = self._custom.get((version, kind))
        if custom is not None:
            return Draft202012Validator(custom)
        group, _, number = version.rpartition("/")
        name = "-".join(part for part in (kind.lower(), group.split(".")[0], number) if part)
        folder = FOLDER.format(minor=minor)
        try:
            schema = json.loads(self._wheel.read(f"{folder}/{name}.json"))
        except KeyError as error:
            raise StackError(f"{version} {kind}: no schema for it. Add its definition to schemas.py.") from error
        return Draft202012Validator(schema, registry=self._registry(folder))

    @functools.cache  # noqa: B019 - lives as long as the tests
    def _registry(self, folder: str) -> Any:
        resource = DRAFT202012.create_resource(json.loads(self._wheel.read(f"{folder}/_definitions.json")))
        return Registry().with_resources([("_definitions.json", resource), ("/api/_definitions.json", resource)])


def _versions(definition: Schema) -> Iterator[tuple[tuple[str, str], Schema]]:
    """(apiVersion, kind) -> schema of a custom resource definition; unknown fields are refused, as `kubectl` does."""
    spec = definition["spec"]
    for version in spec["versions"]:
        schema: Schema = version["schema"]["openAPIV3Schema"]
        _make_strict(schema)
        schema["properties"] |= {"metadata": {"type": "object"}}
        yield (f"{spec['group']}/{version['name']}", spec["names"]["kind"]), schema


def _make_strict(schema: Any) -> None:
    if isinstance(schema, list):
        for part in schema:
            _make_strict(part)
    elif isinstance(schema, dict):
        if schema.get("x-kubernetes-int-or-string"):
            schema.pop("type", None)
            schema.pop("anyOf", None)
            schema["type"] = ["string", "integer"]
        if isinstance(schema.get("properties"), dict) and not schema.get("x-kubernetes-preserve-unknown-fields"):
            schema.setdefault("additionalProperties", False)
        for part in schema.values():
            _make_strict(part)
