"""The dashboards: made by the code, every query parsed, and no query names a metric that nobody exports."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import promql_parser
import pytest
import yaml
from celstream_catalog import canary_metrics as _canary  # noqa: F401 - declares its metrics
from celstream_catalog import funnel_metrics as _catalog_funnel  # noqa: F401 - declares its metrics
from celstream_catalog import metrics as _catalog  # noqa: F401 - declares its metrics
from celstream_dashboards.__main__ import files
from celstream_dashboards.foreign import FOREIGN
from celstream_dashboards.panels import TRACES
from celstream_platform.metrics import METRICS
from celstream_segmenter import metrics as _segmenter  # noqa: F401 - declares its metrics

from tests.chart.rendered import CHART, find, objects, of_kind

FOLDER = CHART / "dashboards"
DASHBOARDS = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}
# Where the model server has GPUs, these take their namesakes' place.
WITH_GPUS = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("gpu/*.json"))}
EVERY = [*DASHBOARDS.items(), *WITH_GPUS.items()]
TRITON = ("triton.enabled=true", "triton.image.repository=there/triton", "triton.image.tag=v1")
ASKING = "segmenter.settings.secondOpinion=transnetv2"
ENDINGS = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}


def panels(dashboard: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The panels, without the headings of rows."""
    for panel in dashboard["panels"]:
        yield from panels(panel) if panel["type"] == "row" and panel.get("panels") else [panel]


def queries(dashboard: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(title, query) of every query, with the variables filled in."""
    for panel in panels(dashboard):
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"].replace("$namespace", "films").replace("$__rate_interval", "1m")


def rules() -> Iterator[dict[str, Any]]:
    """Every recording rule and alert."""
    for path in (CHART / "rules").glob("*.yaml"):
        for group in yaml.safe_load(path.read_text())["groups"]:
            yield from group["rules"]


def selectors(expression: Any) -> Iterator[Any]:
    """The selectors of series in a parsed query."""
    if isinstance(expression, promql_parser.VectorSelector):
        yield expression
    for name in ("expr", "lhs", "rhs", "param", "vector_selector"):
        part = getattr(expression, name, None)
        if part is not None:
            yield from selectors(part)
    for part in getattr(expression, "args", None) or []:
        yield from selectors(part)


def selectors_of(query: str) -> list[Any]:
    """The selectors of a query."""
    return list(selectors(promql_parser.parse(query)))


def known() -> dict[str, set[str] | None]:
    """Name of every series that there is -> its labels, None where they are not ours to know."""
    found: dict[str, set[str] | None] = dict.fromkeys(FOREIGN)
    for metric in METRICS:
        for ending in ENDINGS[metric.kind]:
            found[metric.name + ending] = {*metric.labels, "le"} if ending == "_bucket" else set(metric.labels)
    return found | {rule["record"]: None for rule in rules() if "record" in rule}


def all_queries(dashboards: Iterable[tuple[str, dict[str, Any]]] = EVERY) -> list[tuple[str, str]]:
    """(where, query) of dashboards and of all rules."""
    found = [(f"{name}: {title}", query) for name, one in dashboards for title, query in queries(one)]
    return found + [(rule.get("alert") or rule["record"], rule["expr"]) for rule in rules()]


def test_the_files_are_what_the_code_makes() -> None:
    made = files(FOLDER)
    assert made.keys() == set(FOLDER.rglob("*.json"))
    for path, content in made.items():
        assert path.read_text() == content, f"{path.name}: old. Run `python -m celstream_dashboards`."


def test_every_query_names_series_that_somebody_exports_by_labels_that_they_have() -> None:
    there = known()
    added = {"namespace", "pod", "container", "job", "instance"}  # by Prometheus, where it finds the target
    for where, query in all_queries():
        for selector in selectors(promql_parser.parse(query)):
            assert selector.name in there, f"{where}: nobody exports {selector.name}"
            labels = there[selector.name]
            used = {matcher.name for matcher in selector.matchers.matchers}
            assert labels is None or used <= labels | added, f"{where}: {selector.name} has no label {used - labels}"


def test_a_query_of_a_metric_that_is_not_there_would_be_found() -> None:
    (selector,) = selectors(promql_parser.parse("sum by (le) (rate(celstream_worker_evnts_total[5m]))"))
    assert selector.name not in known()


def test_no_metric_of_a_service_goes_unwatched() -> None:
    """What is measured is looked at somewhere: on a dashboard or by an alert."""
    named = {selector.name for _, query in all_queries() for selector in selectors(promql_parser.parse(query))}
    unseen = [m.name for m in METRICS if not any(m.name + ending in named for ending in ENDINGS[m.kind])]
    assert [name for name in unseen if name.startswith("celstream_")] == []


def test_every_panel_asks_a_question_and_says_how_to_read_the_answer() -> None:
    for name, dashboard in EVERY:
        for panel in panels(dashboard):
            if panel["type"] != "row":
                assert panel["title"].endswith("?") or "?" in panel["title"], f"{name}: {panel['title']}"
                assert panel["description"], f"{name}: {panel['title']}"
                assert panel["targets"], f"{name}: {panel['title']}"


def test_every_dashboard_can_be_kept_apart_and_found_from_the_others() -> None:
    assert len({dashboard["uid"] for dashboard in DASHBOARDS.values()}) == len(DASHBOARDS)
    for _, dashboard in EVERY:
        assert {one["name"] for one in dashboard["templating"]["list"]} == {"metrics", "traces", "namespace"}
        assert dashboard["links"][0]["tags"] == ["celstream"]
        lines = [panel for panel in panels(dashboard) if panel["type"] == "timeseries"]
        assert {panel["links"][0]["url"] for panel in lines} == {TRACES}


def test_the_way_to_the_traces_is_one_that_explore_reads() -> None:
    values = {"traces": "tempo-1", "__from": "1000", "__to": "2000"}
    for name in values:
        assert "${" + name + "}" in TRACES
    filled = re.sub(r"\$\{(\w+)\}", lambda found: values[found[1]], TRACES)
    (panes,) = parse_qs(urlsplit(filled).query)["panes"]
    pane = json.loads(panes)["a"]
    assert pane["datasource"] == "tempo-1"
    assert pane["range"] == {"from": "1000", "to": "2000"}
    assert pane["queries"][0]["query"] == '{resource.service.name=~"celstream-.*" && duration > 1s}'


def test_panels_do_not_overlap_and_fill_the_width() -> None:
    for name, dashboard in EVERY:
        places: set[tuple[int, int]] = set()
        for panel in dashboard["panels"]:
            at = panel["gridPos"]
            mine = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
            assert not mine & places, f"{name}: {panel['title']}"
            assert at["x"] + at["w"] <= 24, f"{name}: {panel['title']}"
            places |= mine


def without(*names: str) -> dict[str, dict[str, Any]]:
    """The dashboards but some."""
    return {name: one for name, one in DASHBOARDS.items() if name not in names}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((), without("models", "inferences")),
        (TRITON, without("inferences")),
        ((ASKING, "segmenter.settings.models=triton://there:8001"), without("models")),
        ((*TRITON, ASKING, "triton.gpus=1"), DASHBOARDS | WITH_GPUS),
    ],
    ids=["no models", "processors", "somebody else's", "GPUs"],
)
def test_the_chart_carries_the_dashboards_of_what_is_there(
    values: tuple[str, ...], expected: dict[str, dict[str, Any]]
) -> None:
    found = [one for one in of_kind(objects("tls", *values), "ConfigMap") if "-dashboard-" in one["metadata"]["name"]]
    assert {name: json.loads(text) for one in found for name, text in one["data"].items()} == {
        f"{name}.json": dashboard for name, dashboard in expected.items()
    }


def test_who_has_no_gpu_is_not_asked_for_one() -> None:
    asked = {selector.name for _, query in all_queries(DASHBOARDS.items()) for selector in selectors_of(query)}
    of_gpus = {name for name, who in FOREIGN.items() if who == "Triton, of GPUs"}
    assert not asked & of_gpus
    assert of_gpus <= {selector.name for _, query in all_queries(EVERY) for selector in selectors_of(query)}


@pytest.mark.slow
def test_the_query_that_scales_triton_is_one_that_prometheus_takes() -> None:
    (trigger,) = find(objects("gpu"), "ScaledObject", "triton")["spec"]["triggers"]
    found = [selector.name for selector in selectors(promql_parser.parse(trigger["metadata"]["query"]))]
    assert found
    assert set(found) <= FOREIGN.keys()
    assert not re.search(r"\{\{", trigger["metadata"]["query"])
