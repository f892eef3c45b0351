"""The start of a run: its folder, its lock, its workers.

Large libraries are loaded only after the first worker process is on its way: it starts up meanwhile.
"""

import shutil
import time
from dataclasses import replace

import msgspec
from celstream_platform.artefacts.directory import DirectoryStore
from celstream_platform.errors import Unavailable
from celstream_platform.footage import children
from celstream_platform.loading import loading

from celstream.display import Display, Summary
from celstream.folder import DatasetFolder, output_finding
from celstream.footage_files import named_footage
from celstream.interruption import Interruption
from celstream.options import RunOptions
from celstream.processors import usable_processors
from celstream.workers import Workers

PROBE = "celstream_platform.footage.description"


def run_footage(options: RunOptions, display: Display) -> Summary:
    """Do a run; the folder then holds the dataset.

    Raises Invalid where the output cannot be used, Unavailable where it is full, Interrupted, WorkersFailed.
    """
    began = time.monotonic()
    folder = DatasetFolder(options.out)
    folder.create()
    with folder.locked() as lock, Interruption() as interruption:
        try:
            summary = _run(options, display, folder, lock, interruption)
        except Unavailable as error:  # databases say little of a full disk: look
            raise Unavailable(folder.room_finding() or str(error)) from error
        except OSError as error:
            raise Unavailable(output_finding(folder.path, error)) from error
    return replace(summary, seconds=time.monotonic() - began)


def _run(
    options: RunOptions, display: Display, folder: DatasetFolder, lock: int, interruption: Interruption
) -> Summary:
    scratch = folder.state / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)  # of a run that was killed
    scratch.mkdir()
    DirectoryStore(folder.artefacts).sweep(0)  # what a killed run left half written; nobody else writes now
    files, findings = named_footage(options.footage)
    at_a_time = max(1, min(options.jobs, len(files)))
    processes = max(1, usable_processors() // at_a_time)
    task = {
        "events": folder.events_url,
        "artefacts": folder.artefacts_url,
        "out": str(folder.path),
        "scratch": str(scratch.absolute()),
        "rules": msgspec.to_builtins(options.rules()),
        "processes": processes,
        "models": options.second_opinion,
    }
    with Workers(task, folder.state / "logs", lock, processes) as workers:
        workers.start(1)
        if files:
            children.prepare(1, [PROBE])  # looks at the first of them
        with loading():
            from celstream.pipeline import go_through

        summary = go_through(files, findings, options, display, folder, workers, interruption)
    shutil.rmtree(scratch)
    return summary
