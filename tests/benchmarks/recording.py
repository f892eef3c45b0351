"""Recording: results of benchmarks and accuracy suites as JSON and as a table, with machine, date and commit."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent / "results"
ROOT = RESULTS.parents[2]


def machine() -> dict[str, Any]:
    """Where the figures were taken: processor, cores, memory, system, date, commit."""
    cpuinfo = Path("/proc/cpuinfo")
    models = [
        line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")
    ]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    git = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return {
        "processor": models[0] if models else platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "load_average": round(os.getloadavg()[0], 2),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": git.stdout.strip(),
    }


def record(name: str, title: str, rows: Sequence[Mapping[str, Any]], remarks: Sequence[str] = ()) -> str:
    """Write `results/<name>.json` and `.md`, print and return the table. rows: column -> value, the same columns each.

    remarks: what a reader must know to believe the figures, one sentence each.
    """
    where = machine()
    columns = list(rows[0])
    lines = [f"# {title}", "", "| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(_cell(row[column]) for column in columns) + " |" for row in rows]
    lines += [
        "",
        *(f"- {remark}" for remark in remarks),
        "",
        "Measured on " + ", ".join(f"{k}: {v}" for k, v in where.items()) + ".",
    ]
    text = "\n".join(lines) + "\n"
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text(text)
    content = {"title": title, "rows": list(rows), "remarks": list(remarks), "machine": where}
    (RESULTS / f"{name}.json").write_text(json.dumps(content, indent=1, default=str) + "\n")
    print(text)
    return text


def _cell(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
