"""Hurried rules differ from the chart's in their durations alone, and in all of them."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import promql_parser
import pytest
import yaml

from tests.alerts.hurried import duration, expression, hurried
from tests.chart.rendered import CHART

FACTOR = 120
RULES = [yaml.safe_load(path.read_text()) for path in sorted((CHART / "rules").glob("*.yaml"))]


def durations(found: object) -> Iterator[timedelta]:
    """Ranges, steps and offsets of a parsed query, in the order of the text."""
    if isinstance(found, timedelta):
        yield found
    for name in ("range", "step", "offset", "expr", "lhs", "rhs", "args", "vs", "vector_selector"):
        part = getattr(found, name, None)
        for one in part if isinstance(part, list) else [part]:
            if one is not None:
                yield from durations(one)


def pairs() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Every rule of the chart, and what became of it."""
    for rules in RULES:
        for before, after in zip(rules["groups"], hurried(rules, FACTOR)["groups"], strict=True):
            yield from zip(before["rules"], after["rules"], strict=True)


def test_durations_are_divided() -> None:
    assert duration("15m", 120) == "7500ms"
    assert duration("1h30m", 60) == "90000ms"
    assert (
        expression("max_over_time(a[1d:5m] offset 1h) > 5", 60)
        == "max_over_time(a[1440000ms:5000ms] offset 60000ms) > 5"
    )
    with pytest.raises(ValueError, match="no duration"):
        duration("5 minutes", 60)
    with pytest.raises(ValueError, match="shorter than a millisecond"):
        duration("10ms", 60)


def test_nothing_but_durations_changes() -> None:
    for before, after in pairs():
        assert before.keys() == after.keys()
        assert {key: before[key] for key in before if key not in {"expr", "for"}} == {
            key: after[key] for key in after if key not in {"expr", "for"}
        }
        assert re.sub(r"\[[^\]]*\]", "[]", before["expr"]) == re.sub(r"\[[^\]]*\]", "[]", after["expr"])


def test_every_duration_that_prometheus_sees_is_divided() -> None:
    seen = 0
    for before, after in pairs():
        expected = [one / FACTOR for one in durations(promql_parser.parse(before["expr"]))]
        assert list(durations(promql_parser.parse(after["expr"]))) == expected
        seen += len(expected)
    assert seen > 10
