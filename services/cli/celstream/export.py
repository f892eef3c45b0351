"""Export: what the catalog holds, as the files that the user asked for."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from celstream_platform.artefacts.port import ArtefactStore
from celstream_platform.identity import digest

from celstream.clip_files import place, wanted_files
from celstream.contents import FootageContents
from celstream.folder import DatasetFolder
from celstream.parquet import column_page, write_tables
from celstream.report.pages import write_report
from celstream.tables import CLIPS, REJECTIONS, TRANSITIONS, clip_rows, rejection_rows, transition_rows

FORMAT = 3  # a change of tables or pages that an old folder shall get at its next run


def export(dataset: Sequence[FootageContents], folder: DatasetFolder, store: ArtefactStore, *, anew: bool) -> bool:
    """Write tables, clips, frames and report; whether anything was to be done.

    anew: write all of it, also where nothing has changed since the last time. The order is such that a run that is
    killed in between does it again: the stamp comes last. Raises OSError where the folder cannot be written.
    """
    wanted = wanted_files(dataset)
    stamp, state = folder.state / "exported.json", _state(dataset)
    if not anew and stamp.is_file() and stamp.read_text() == state and _complete(folder.path, list(wanted)):
        return False
    stamp.unlink(missing_ok=True)
    for left in folder.path.glob(".rows-*"):  # of a run that was killed while it wrote a table
        for path in left.iterdir():
            path.unlink()
        left.rmdir()
    place(folder.path, wanted, store)
    with ThreadPoolExecutor(1) as beside:  # the database does not hold Python's lock
        tables = beside.submit(_write_tables, dataset, folder.path)
        write_report(dataset, folder.path)
        tables.result()
    part = stamp.with_suffix(".part")
    part.write_text(state)
    part.replace(stamp)
    return True


def _write_tables(dataset: Sequence[FootageContents], out: Path) -> None:
    write_tables(
        out,
        {
            "clips": (CLIPS, clip_rows(dataset)),
            "transitions": (TRANSITIONS, transition_rows(dataset)),
            "rejections": (REJECTIONS, rejection_rows(dataset)),
        },
    )
    (out / "dataset.md").write_text(column_page(), encoding="utf-8")


def _state(dataset: Sequence[FootageContents]) -> str:
    """A text that changes with everything that is exported."""
    parts = [
        [
            contents.footage.SerializeToString(deterministic=True).hex(),
            digest(*(clip.SerializeToString(deterministic=True).hex() for clip in contents.clips)),
            digest(*(entry.SerializeToString(deterministic=True).hex() for entry in contents.rejections)),
            contents.analysis.detector if contents.analysis else "",
            contents.error,
        ]
        for contents in dataset
    ]
    return json.dumps({"format": FORMAT, "digest": digest(*parts)})


def _complete(out: Path, names: Sequence[str]) -> bool:
    """Whether the files are still there; somebody may have tidied up."""
    others = ("clips.parquet", "transitions.parquet", "rejections.parquet", "report.html", "report/index.html")
    return all((out / name).exists() for name in (*others, *names))
