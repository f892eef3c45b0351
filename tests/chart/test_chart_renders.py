"""Every scenario passes Helm's own look at it, and is what the API servers of three minors would accept."""

import json

import pytest
from celstream_cluster import schemas

from tests.chart.rendered import CHART, SCENARIOS, helm, objects, values_of

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_scenario_passes_lint(scenario: str) -> None:
    said = helm("lint", CHART, "--strict", "--values", values_of(scenario))
    assert said.returncode == 0, said.stdout + said.stderr


def test_the_values_alone_pass_lint() -> None:
    said = helm("lint", CHART, "--strict")
    assert said.returncode == 0, said.stdout + said.stderr


@pytest.mark.parametrize("minor", schemas.MINORS)
def test_the_objects_of_all_scenarios_are_valid(minor: str) -> None:
    found = schemas.Schemas(schemas.install())
    different = {json.dumps(one, sort_keys=True): one for scenario in SCENARIOS for one in objects(scenario)}
    assert len(different) > 50
    assert [line for one in different.values() for line in found.complaints(one, minor)] == []


def test_a_field_that_is_misspelt_is_found() -> None:
    found = schemas.Schemas(schemas.install())
    for one in objects("gpu"):
        one = json.loads(json.dumps(one))
        if one["kind"] in {"Deployment", "ScaledObject", "PodMonitor"}:
            one["spec"]["replicsa"] = 1
            assert any("replicsa" in line for line in found.complaints(one, schemas.MINORS[-1])), one["kind"]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_no_two_objects_have_the_same_name(scenario: str) -> None:
    names = [(one["kind"], one["metadata"]["name"]) for one in objects(scenario)]
    assert len(names) == len(set(names))
