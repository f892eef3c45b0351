"""Runbooks name what there is: commands with their options, pods, dashboards, panels, values, words of logs."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from celstream.commands import app

from tests.chart.rendered import CHART, RELEASE, ROOT, objects
from tests.chart.test_chart_dashboards import EVERY, TRITON, panels

PAGES = sorted((ROOT / "docs" / "runbooks").glob("*.md"))
SPAN = re.compile(r"`([^`]+)`")
VALUE = re.compile(r"[a-z0-9A-Z]+(\.[a-zA-Z0-9]+)+")
PANEL = re.compile(r"\*([A-Z][^*]+\?)\*")
OBJECT = re.compile(r"(deploy|cronjob)/RELEASE-([a-z]+)")
KINDS = {"deploy": "Deployment", "cronjob": "CronJob"}


def text_of(page: Path) -> str:
    """A page, its lines joined where they were only wrapped."""
    return re.sub(r"\n +", " ", page.read_text())


def spans(beginning: str) -> list[tuple[str, str]]:
    """(page, words) of what stands in backticks and begins so; of a pipe, each part."""
    found = [
        (page.name, part.strip()) for page in PAGES for one in SPAN.findall(text_of(page)) for part in one.split("|")
    ]
    return [(name, part) for name, part in found if part.startswith(beginning)]


def test_commands_of_celstream_are_there_with_their_options() -> None:
    found = spans("celstream ")
    assert len(found) > 5
    for page, words in found:
        command: Any = typer.main.get_command(app)
        given = shlex.split(words)[1:]
        while commands := getattr(command, "commands", None):
            assert given[0] in commands, f"{page}: {words}"
            command = commands[given.pop(0)]
        options = {name for parameter in command.params for name in parameter.opts}
        assert {word for word in given if word.startswith("--")} <= options, f"{page}: {words}"


def test_dashboards_and_panels_are_there() -> None:
    titles = {dashboard["title"].removeprefix("Celstream: ") for _, dashboard in EVERY}
    questions = {panel["title"] for _, dashboard in EVERY for panel in panels(dashboard)}
    asked = 0
    for page in PAGES:
        text = " ".join(page.read_text().split())
        for question in PANEL.findall(text):
            assert question in questions, f"{page.name}: {question}"
            asked += 1
        for title in re.findall(r"[Dd]ashboard \*([^*]+)\*", text):
            assert title in titles, f"{page.name}: {title}"
    assert asked > 5


def test_values_are_those_of_the_chart() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    for page in PAGES:
        for words in SPAN.findall(page.read_text()):
            if VALUE.fullmatch(words) and words.partition(".")[0] in values:
                found = values
                for name in words.split("."):
                    assert name in found, f"{page.name}: {words}"
                    found = found[name]


def test_words_that_are_sought_in_logs_are_said_by_somebody() -> None:
    sources = "\n".join(path.read_text() for path in (ROOT / "services").glob("*/celstream_*/**/*.py"))
    found = [(page, word) for page, part in spans("grep ") for word in re.findall(r"-e (\w+)|'([\w ]+)'", part)]
    assert found
    for page, words in found:
        assert re.search(rf'log\.\w+\(\s*f?"[^"]*{"".join(words)}', sources), f"{page}: {words}"


@pytest.mark.slow
def test_pods_jobs_and_modules_are_those_of_a_release() -> None:
    there = {(one["kind"], one["metadata"]["name"]) for one in objects("tls", *TRITON)}
    components = {name.removeprefix(f"{RELEASE}-") for _, name in there} | {"STAGE", "JOB"}
    found = spans("kubectl ")
    assert len(found) > 20
    for page, words in found:
        for kind, name in OBJECT.findall(words):
            assert (KINDS[kind], f"{RELEASE}-{name}") in there, f"{page}: {words}"
        for name in re.findall(r"app\.kubernetes\.io/component=(\w+)", words):
            assert name in components, f"{page}: {words}"
        for module in re.findall(r"-m (celstream_\w+)\.(\w+)", words):
            (_,) = (ROOT / "services").glob(f"*/{module[0]}/{module[1]}.py")
