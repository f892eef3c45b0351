"""The chart's values, read with their comments, and the two files made of them: a page for people, a schema for Helm.

    # -- What the value is, for people; it may go on in further lines.
    # @ {minimum: 1}            what it may be, beyond the type of its default, in the words of JSON Schema
    replicas: 2

A group of values needs no words of its own. A value without words, or with neither a default that tells its type nor
`# @`, is refused: so nothing is undocumented, and a name that is not there is a mistake, never a silent default.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from celstream_stack.errors import StackError

INDENT = 2
TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
KEY = re.compile(r"^(?P<indent> *)(?P<key>[A-Za-z][A-Za-z0-9]*):(?P<rest>.*)$")
SCHEMA = "http://json-schema.org/draft-07/schema#"
HEAD = """# The chart `celstream`

Made of [values.yaml](values.yaml) by `celstream-cluster values`; scenarios to begin with are in [ci](ci).

```
helm install celstream charts/celstream --namespace celstream --values my-values.yaml
helm test celstream --namespace celstream
```

Passwords are never values: each `…Secret` names a secret that is there already.
"""


@dataclass(frozen=True, slots=True)
class Value:
    """One value. path: names from the outside inwards. words: what it is. default. rule: what `# @` says."""

    path: tuple[str, ...]
    words: str
    default: Any
    rule: dict[str, Any] = field(default_factory=dict)


def read(path: Path) -> list[Value]:
    """The values of a file, in its order. Raises StackError for one that is not described."""
    text = path.read_text()
    defaults = yaml.safe_load(text)
    return [_value(path, where, words, rule, defaults) for where, words, rule in _described(text)]


def _value(file: Path, where: tuple[str, ...], words: str, rule: dict[str, Any], defaults: Any) -> Value:
    default = defaults
    for name in where:
        default = default[name]
    if default is None and "type" not in rule:
        raise StackError(f"{file}: {'.'.join(where)}: null tells no type. Say it in a line `# @ {{type: …}}`.")
    return Value(where, words, default, rule)


def _described(text: str) -> Iterator[tuple[tuple[str, ...], str, dict[str, Any]]]:
    """(path, words, rule) of everything that has words; what lies below one of them is its default, not a value."""
    path: list[str] = []
    words: list[str] = []
    rule: dict[str, Any] = {}
    inside = -1  # indentation of the value whose default we are in; -1 outside
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("# --"):
            words, rule = [stripped.removeprefix("# --").strip()], {}
        elif stripped.startswith("# @"):
            rule = yaml.safe_load(stripped.removeprefix("# @"))
        elif stripped.startswith("#") and words:
            words.append(stripped.removeprefix("#").strip())
        elif found := KEY.match(line):
            depth = len(found["indent"])
            if inside >= 0 and depth > inside:
                continue
            inside = -1
            path = [*path[: depth // INDENT], found["key"]]
            if words:
                inside = depth
                yield tuple(path), " ".join(words), rule
            elif found["rest"].strip():
                raise StackError(f"{'.'.join(path)}: has no words. Say in a line `# -- …` before it what it is.")
            words, rule = [], {}


def schema(values: Sequence[Value]) -> dict[str, Any]:
    """The JSON Schema by which Helm checks what it is given."""
    root: dict[str, Any] = {"$schema": SCHEMA, **_group()}
    root["properties"]["global"] = {"type": "object", "description": "Helm's own, for charts that hold this one."}
    for value in values:
        group = root
        for name in value.path[:-1]:
            group = group["properties"].setdefault(name, _group())
        kind = {} if "type" in value.rule or "enum" in value.rule else {"type": TYPES[type(value.default)]}
        group["properties"][value.path[-1]] = {"description": value.words, **kind, **value.rule}
    return root


def _group() -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": {}}


def page(values: Sequence[Value]) -> str:
    """The page of all values, one table for each group."""
    lines = [HEAD]
    group = ""
    for value in values:
        if value.path[0] != group:
            group = value.path[0]
            lines += [f"## {group}", "", "| value | default | what it is |", "|---|---|---|"]
        lines.append(f"| `{'.'.join(value.path)}` | `{json.dumps(value.default)}` | {_cell(value)} |")
        if value is values[-1] or values[values.index(value) + 1].path[0] != group:
            lines.append("")
    return "\n".join(lines)


def _cell(value: Value) -> str:
    rule, said = value.rule, ""
    if "enum" in rule:
        said = " One of " + ", ".join(f"`{choice}`" for choice in rule["enum"]) + "."
    elif "maximum" in rule:
        said = f" From {rule['minimum']} to {rule['maximum']}."
    elif "minimum" in rule:
        said = f" At least {rule['minimum']}."
    return (value.words + said).replace("|", "\\|")


def files(chart: Path) -> dict[Path, str]:
    """What the chart's folder must hold: file -> content."""
    values = read(chart / "values.yaml")
    return {
        chart / "README.md": page(values),
        chart / "values.schema.json": json.dumps(schema(values), indent=2, ensure_ascii=False) + "\n",
    }
