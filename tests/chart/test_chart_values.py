"""The values: every one is described, used, and refused where it is misspelt or of a wrong kind."""

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from celstream_cluster import chart_values
from celstream_stack.errors import StackError
from jsonschema import Draft7Validator

from tests.chart.rendered import CHART, ROOT, SCENARIOS, template, values_of

VALUES = chart_values.read(CHART / "values.yaml")
VALIDATOR = Draft7Validator(chart_values.schema(VALUES))
DEFAULTS = yaml.safe_load((CHART / "values.yaml").read_text())


def with_value(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """The defaults with one value changed."""
    changed = copy.deepcopy(DEFAULTS)
    group = changed
    for name in path[:-1]:
        group = group.setdefault(name, {})
    group[path[-1]] = value
    return dict(changed)


def test_page_and_schema_are_what_the_values_say() -> None:
    for path, content in chart_values.files(CHART).items():
        assert path.read_text() == content, f"{path.name}: old. Run `celstream-cluster values`."


def test_the_defaults_and_every_scenario_are_valid() -> None:
    assert list(VALIDATOR.iter_errors(DEFAULTS)) == []
    for scenario in SCENARIOS:
        assert list(VALIDATOR.iter_errors(yaml.safe_load(values_of(scenario).read_text()))) == [], scenario


def test_the_examples_for_gitops_give_valid_values() -> None:
    given = [
        one["spec"].get("values") or one["spec"]["source"]["helm"]["valuesObject"]
        for path in sorted((ROOT / "deploy" / "gitops").glob("*.yaml"))
        for one in yaml.safe_load_all(path.read_text())
        if one["kind"] in {"Application", "HelmRelease"}
    ]
    assert len(given) == 2
    assert [list(VALIDATOR.iter_errors(one)) for one in given] == [[], []]


def test_every_link_of_the_guides_leads_somewhere() -> None:
    for page in (ROOT / "docs" / "operations.md", CHART / "README.md"):
        for link in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_every_value_is_refused_where_it_is_misspelt() -> None:
    for value in VALUES:
        misspelt = (*value.path[:-1], value.path[-1] + "s")
        assert not VALIDATOR.is_valid(with_value(misspelt, value.default)), ".".join(misspelt)


def test_every_value_is_refused_where_it_is_of_a_wrong_kind() -> None:
    for value in VALUES:
        assert not VALIDATOR.is_valid(with_value(value.path, [[]])), ".".join(value.path)


def test_every_value_is_used_by_a_template() -> None:
    templates = "\n".join(path.read_text() for path in (CHART / "templates").rglob("*") if path.is_file())
    assert [value.path for value in VALUES if f".{value.path[-1]}" not in templates] == []


@pytest.mark.parametrize(
    ("text", "said"),
    [("replicas: 2\n", "replicas: has no words"), ("# -- Whose.\nuser: null\n", "user: null tells no type")],
)
def test_a_value_that_is_not_described_is_an_error(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text(text)
    with pytest.raises(StackError, match=said):
        chart_values.read(tmp_path / "values.yaml")


@pytest.mark.slow
def test_helm_itself_refuses_a_misspelt_value() -> None:
    said = template("--values", values_of("external"), "--set", "segmenter.autoscaling.maxx=3")
    assert said.returncode != 0
    assert "maxx" in said.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("left_out", "word"),
    [
        ("kafka.servers=null", "kafka.servers: not set"),
        ("s3.endpoint=", "s3.endpoint: not set"),
        ("postgres.host=", "postgres.host: not set"),
        ("postgres.existingSecret=", "postgres.existingSecret: not set"),
        ("kafka.security=SASL_SSL", "kafka.existingSecret: not set"),
        ("canary.enabled=true,grpc.mutual=true", "canary.certificateSecret: not set"),
    ],
)
def test_what_a_cluster_needs_and_was_not_said_is_named(left_out: str, word: str) -> None:
    said = template("--values", values_of("external"), "--set", left_out)
    assert said.returncode != 0
    assert word in said.stderr
