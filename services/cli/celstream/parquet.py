"""Parquet: tables to files, by rename, and the page that says what the columns mean.

duckdb writes it: a hundred megabytes less to install than Arrow's own library, readable by every Parquet reader.
"""

import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import duckdb

from celstream.columns import Column, Row
from celstream.tables import TABLES


def write_tables(folder: Path, tables: Mapping[str, tuple[Sequence[Column], Iterable[Row]]]) -> None:
    """Write tables, each with its rows in their order, as `NAME.parquet`; the same rows give the same bytes.

    What the columns mean is a file's key-value metadata `columns`, a JSON object. Raises OSError where the folder
    cannot be written.
    """
    with (
        tempfile.TemporaryDirectory(prefix=".rows-", dir=folder) as scratch,
        duckdb.connect(":memory:", config={"threads": 1}) as database,  # one thread: the order of rows is kept
    ):
        for name, (columns, rows) in tables.items():
            made = _written(database, Path(scratch), columns, rows)
            made.replace(folder / f"{name}.parquet")


def _written(
    database: duckdb.DuckDBPyConnection, scratch: Path, columns: Sequence[Column], rows: Iterable[Row]
) -> Path:
    types = ", ".join(f"{_quoted(column.name)}: {_quoted(column.sql_type)}" for column in columns)
    meanings = json.dumps({column.name: column.meaning for column in columns})
    # The rows go over as JSON lines: duckdb types them by the columns' declaration, nested ones too.
    lines, made = scratch / "rows.jsonl", scratch / "rows.parquet"
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    source = (
        f"FROM read_json({_quoted(str(lines))}, format='newline_delimited', columns={{{types}}})"
        if lines.stat().st_size
        else _empty(columns)
    )
    database.execute(
        f"COPY ({source}) TO {_quoted(str(made))} "
        f"(FORMAT parquet, COMPRESSION zstd, KV_METADATA {{columns: {_quoted(meanings)}}})"
    )
    return made


def _empty(columns: Sequence[Column]) -> str:
    fields = ", ".join(f"NULL::{column.sql_type} AS {column.name}" for column in columns)
    return f"SELECT {fields} WHERE false"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def column_page() -> str:
    """`dataset.md`: what lies in the folder, and what every column means."""
    lines = [
        "# This dataset",
        "",
        "Made by Celstream. Open `report.html` to look through it.",
        "",
        "| what | is |",
        "|---|---|",
        "| `clips/` | the clips: shots of the footage, or parts of long ones, cut without loss, with their sound |",
        "| `frames/` | the first and the last frame of every clip, as PNG |",
        "| `clips.parquet` | one row a clip |",
        "| `transitions.parquet` | one row a transition: cuts, dissolves, fades, wipes |",
        "| `rejections.parquet` | one row for everything that was not kept, with its reason |",
        "| `report.html`, `report/` | the report; it needs no network |",
        "| `.celstream/` | the state that a further run goes on from, and the stored bytes |",
        "",
        "Frames are counted from 0 in display order. Frames inside a gradual transition belong to no clip.",
        "Files in `clips/` and `frames/` share their bytes with `.celstream/artefacts` (hard links): copy them rather",
        "than change them in place.",
        "",
        "```python",
        "import pyarrow.parquet as parquet  # or pandas.read_parquet, duckdb, polars",
        "",
        'clips = parquet.read_table("clips.parquet").to_pylist()',
        "```",
    ]
    for name, columns in TABLES.items():
        lines += ["", f"## {name}.parquet", "", "| column | type | meaning |", "|---|---|---|"]
        lines += [f"| `{column.name}` | {column.sql_type} | {column.meaning} |" for column in columns]
    return "\n".join(lines) + "\n"
