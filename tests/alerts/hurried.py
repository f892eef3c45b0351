"""The chart's rules on a hurried clock: every duration in them divided by one number, and nothing else changed.

`for: 15m` becomes `for: 7500ms` with 120, and `[1d:5m]` becomes `[720s:2500ms]`. Durations stand in `for`, and in
expressions within square brackets or after `offset`. Thresholds stay; so do `time()` and what is compared with it, as
certificates expire by the true clock.
"""

import copy
import re
from pathlib import Path
from typing import Any

import yaml

MILLISECONDS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
DURATION = re.compile(r"(\d+)(ms|[smhdw])")
IN_EXPRESSION = re.compile(r"\[[^\]]*\]|\boffset\s+-?[0-9a-z]+")


def duration(text: str, factor: float) -> str:
    """A duration in Prometheus' words, divided. Raises ValueError for none, and for one that becomes too short."""
    if DURATION.sub("", text):
        raise ValueError(f"{text!r}: no duration of Prometheus. Give one like 5m or 1h30m.")
    milliseconds = sum(int(number) * MILLISECONDS[unit] for number, unit in DURATION.findall(text)) / factor
    if 0 < milliseconds < 1:
        raise ValueError(f"{text} / {factor:g}: shorter than a millisecond. Give a smaller factor.")
    return f"{round(milliseconds)}ms"


def expression(text: str, factor: float) -> str:
    """A query with its ranges, steps and offsets divided."""

    def within(found: re.Match[str]) -> str:
        return DURATION.sub(lambda one: duration(one[0], factor), found[0])

    return IN_EXPRESSION.sub(within, text)


def hurried(rules: dict[str, Any], factor: float) -> dict[str, Any]:
    """A file of rules on a clock that goes so many times as fast."""
    changed = copy.deepcopy(rules)
    for group in changed["groups"]:
        assert "interval" not in group, "the rules' own interval would have to be hurried as well"
        for rule in group["rules"]:
            rule["expr"] = expression(rule["expr"], factor)
            if "for" in rule:
                rule["for"] = duration(rule["for"], factor)
    return changed


def write_hurried(source: Path, folder: Path, factor: float) -> list[Path]:
    """Write all files of rules of a folder into another one, hurried; where they are."""
    written = []
    for path in sorted(source.glob("*.yaml")):
        written.append(folder / path.name)
        written[-1].write_text(yaml.safe_dump(hurried(yaml.safe_load(path.read_text()), factor)))
    return written
