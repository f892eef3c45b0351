"""Alerts and recording rules: Prometheus takes them, they tell what they are for, and each has its page."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from celstream_stack.places import cache
from celstream_stack.prometheus import Prometheus

from tests.chart.rendered import CHART, ROOT, objects, of_kind

RULES = sorted((CHART / "rules").glob("*.yaml"))
TESTS = Path(__file__).with_name("alerts_test.yaml")


def rules() -> list[dict[str, Any]]:
    """Every rule of the chart."""
    groups = [group for path in RULES for group in yaml.safe_load(path.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    """Those that are alerts."""
    return [rule for rule in rules() if "alert" in rule]


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["check", "rules", *map(str, RULES)], ["test", "rules", str(TESTS)]])
def test_promtool_is_content(arguments: list[str]) -> None:
    promtool = Prometheus().install(cache()) / "promtool"
    said = subprocess.run([promtool, *arguments], capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout + said.stderr


def test_every_alert_is_tested_firing() -> None:
    expected = [one for test in yaml.safe_load(TESTS.read_text())["tests"] for one in test["alert_rule_test"]]
    fired = {one["alertname"] for one in expected if one["exp_alerts"]}
    assert fired == {alert["alert"] for alert in alerts()}


def test_every_alert_has_a_page_that_says_what_to_do_and_no_page_is_left_over() -> None:
    folder = ROOT / "docs" / "runbooks"
    named = {alert["annotations"]["runbook_url"] for alert in alerts()}
    pages = {f"docs/runbooks/{path.name}" for path in folder.glob("*.md") if path.name != "README.md"}
    assert named == pages
    for page in named:
        text = (ROOT / page).read_text()
        assert "## Look" in text, page
        assert "## Mend" in text, page
        assert f"({Path(page).name})" in (folder / "README.md").read_text(), page
        for linked in re.findall(r"\]\(([\w-]+\.md)\)", text):
            assert (folder / linked).exists(), f"{page}: {linked}"


def test_every_alert_says_whom_it_wakes() -> None:
    assert {alert["labels"]["severity"] for alert in alerts()} == {"page", "ticket"}
    assert all(alert["annotations"]["summary"] for alert in alerts())


@pytest.mark.slow
def test_the_chart_carries_the_rules_as_they_are_with_the_way_to_the_pages() -> None:
    (found,) = of_kind(objects("tls"), "PrometheusRule")
    carried = [rule for group in found["spec"]["groups"] for rule in group["rules"]]
    assert [rule.get("expr") for rule in carried] == [rule["expr"] for rule in rules()]
    for rule in carried:
        if "alert" in rule:
            assert rule["annotations"]["runbook_url"].startswith("https://runbooks.example.org/celstream/")
