"""Celstream: cartoon footage to a hierarchical dataset.

    import celstream
    result = celstream.run("film.mp4", out="dataset")
    print(result.clips, result.report)

`celstream --help` says what the command does.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from celstream.display import Summary

__all__ = ["Result", "run"]

Footage = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class Result:
    """What a run made.

    out: the dataset folder. report: the page to open. clips_table, transitions_table, rejections_table: Parquet files.
    footage, clips, rejections: how many of this run's. failed: one line for each file or argument that could not be
    used. changed: whether anything was to be done.
    """

    out: Path
    report: Path
    clips_table: Path
    transitions_table: Path
    rejections_table: Path
    footage: int
    clips: int
    rejections: int
    failed: Sequence[str]
    changed: bool


def run(footage: Footage | Sequence[Footage], out: Footage, **options: Any) -> Result:
    """Footage to a dataset, as `celstream run` does it; goes on where an earlier run ended.

    footage: a file, a folder, or several of them. out: the dataset folder. options: fields of
    `celstream.options.RunOptions`, for example `detector="adaptive"`, `max_seconds=10`, `jobs=2`.
    Files that cannot be used are told in the result; the others go on. Raises celstream_platform.errors.Invalid where
    the output cannot be used, Unavailable where it is full; KeyboardInterrupt once a run that Ctrl-C ends has ended.
    """
    from celstream.display import Recording
    from celstream.interruption import Interrupted
    from celstream.launch import run_footage
    from celstream.options import RunOptions

    given = [footage] if isinstance(footage, str | os.PathLike) else list(footage)
    recording = Recording()
    try:
        summary: Summary = run_footage(RunOptions(footage=given, out=Path(out), **options), recording)
    except Interrupted as interrupted:
        raise KeyboardInterrupt from interrupted
    folder = Path(out)
    return Result(
        out=folder,
        report=Path(summary.report),
        clips_table=folder / "clips.parquet",
        transitions_table=folder / "transitions.parquet",
        rejections_table=folder / "rejections.parquet",
        footage=summary.footage,
        clips=summary.clips,
        rejections=summary.rejections,
        failed=tuple(recording.failures),
        changed=summary.changed,
    )
