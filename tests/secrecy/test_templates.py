"""The chart carries no secret: it names those that are there, and hands them to pods without showing them."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.chart.rendered import CHART, SCENARIOS, Manifest, environment, objects, pods
from tests.secrecy.looking import told

SECRET_NAME = re.compile(r"PASSWORD|SECRET|TOKEN|ACCESS_KEY|PRIVATE")
LOGIN_IN_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s@]+:[^/\s@]+@")
ASSIGNED = re.compile(r"(?i)\b(password|passwd|secret|token|api_?key)[\"']?\s*[:=]\s*[\"']?[^\s\"'{}$<,)]{6,}")
NAMES_A_SECRET = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
# What says of a secret where it is, or what it is for.
HARMLESS = re.compile(r"(?i)(secretKeyRef|existingSecret|[a-z]+Secret|secretName|automountServiceAccountToken)")


def texts(found: object, where: str = "") -> Iterator[tuple[str, str]]:
    """(place, text) of every text in an object."""
    if isinstance(found, dict):
        for name, value in found.items():
            yield from texts(value, f"{where}.{name}")
    elif isinstance(found, list):
        for value in found:
            yield from texts(value, where)
    elif isinstance(found, str):
        yield where, found


def containers(found: tuple[Manifest, ...]) -> Iterator[tuple[str, Any]]:
    """Every container of every pod."""
    for name, _, pod in pods(found):
        for container in [*pod.get("initContainers", []), *pod["containers"]]:
            yield f"{name}: {container['name']}", container


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_no_object_holds_a_secret(scenario: str) -> None:
    found = objects(scenario)
    assert [one["metadata"]["name"] for one in found if one["kind"] == "Secret"] == []
    for one in found:
        for where, text in texts(one, f"{one['kind']} {one['metadata']['name']}"):
            assert not LOGIN_IN_URL.search(text), where
            assert not [hit for hit in ASSIGNED.finditer(text) if not HARMLESS.search(hit[0])], where


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_what_is_secret_comes_to_a_pod_by_reference_or_as_a_file(scenario: str) -> None:
    seen = 0
    for where, container in containers(objects(scenario)):
        if "env" not in container:
            continue
        for name, value in environment(container).items():
            if SECRET_NAME.search(name):
                seen += 1
                assert value.startswith(("from ", "/etc/celstream/")), f"{where}: {name}"
    assert seen > 0


def test_values_name_secrets_and_hold_none() -> None:
    files = [CHART / "values.yaml", *(CHART / "ci").glob("*.yaml")]
    for path in files:
        for where, text in texts(yaml.safe_load(path.read_text()), path.name):
            assert not LOGIN_IN_URL.search(text), where
            name = where.rpartition(".")[2]
            assert not re.search(r"(?i)password|token$|privateKey", name), where
            if name.endswith("Secret"):
                assert not text or NAMES_A_SECRET.fullmatch(text), where


@pytest.mark.parametrize("hidden", ["%s", "?p=%s", '{"p": "%s"}'])
def test_looking_finds_a_secret_however_it_is_hidden(hidden: str) -> None:
    assert told((hidden % "s3cret/with+signs").encode(), {"it": "s3cret/with+signs"}) == ["it"]


def test_looking_finds_what_is_quoted_or_encoded_and_no_part_of_it() -> None:
    secrets = {"it": "s3cret/with+signs"}
    for hidden in (b"p=s3cret%2Fwith%2Bsigns", b"czNjcmV0L3dpdGgrc2lnbnM=", b"OnMzY3JldC93aXRoK3NpZ25z"):
        assert told(hidden, secrets) == ["it"]
    assert told(b"s3cret/with", secrets) == []
