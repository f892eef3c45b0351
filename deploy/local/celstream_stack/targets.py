"""What Prometheus scrapes: one file per job in a folder that it watches.

A file: `[{"targets": ["127.0.0.1:9464"], "labels": {"job": "segmenter", "__metrics_path__": "/metrics"}}]`.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path

from celstream_platform import addresses
from celstream_platform.errors import Invalid

from celstream_stack.errors import StackError

FOLDER = "targets"


def write_targets(folder: Path, job: str, places: Sequence[str]) -> None:
    """Say where a job's metrics are; nowhere: forget it. places: `HOST:PORT` or `HOST:PORT/path`, of one path.

    Raises StackError for what is no such place.
    """
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", job):
        raise StackError(f"{job!r}: not a name of a job. Give letters, digits, - and _.")
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{job}.json"
    if not places:
        file.unlink(missing_ok=True)
        return
    groups = []
    for place in places:
        address, slash, path = place.partition("/")
        try:
            addresses.split(address)
        except Invalid as error:
            raise StackError(f"{job}: {error}") from error
        labels = {"job": job, "__metrics_path__": f"/{path}" if slash else "/metrics"}
        groups.append({"targets": [address], "labels": labels})
    whole = file.with_suffix(".new")  # Prometheus reads *.json, and must not meet half a file
    whole.write_text(json.dumps(groups, indent=1) + "\n")
    whole.replace(file)
