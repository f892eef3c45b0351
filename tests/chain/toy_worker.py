"""A process that works a stage of the toy chain until it is ended: `python -m tests.chain.toy_worker FOLDER STAGE`.

It says `up` once it can be asked to end. Where CELSTREAM_TRACE_EXPORTER is set, its spans go there.
"""

import os
import sys
from pathlib import Path

from celstream_platform import logs, tracing
from celstream_platform.artefacts import directory_url, open_artefact_store
from celstream_platform.eventlog import open_event_log, sqlite_url
from celstream_platform.shutdown import Shutdown
from celstream_platform.stage import Stage
from celstream_platform.worker import Worker, WorkerSettings

from tests.chain import toy

# Small transactions, so that a kill finds many places to hit; a death is no fault of the event in hand.
SETTINGS = WorkerSettings(max_events=3, poll_seconds=0.05, max_attempts=1000, progress_seconds=0.0)


def main(folder: Path, name: str) -> None:
    logs.configure(name, level="warning")
    shutdown = Shutdown()
    shutdown.install()
    print("up", flush=True)
    tracing.configure(name, os.environ.get("CELSTREAM_TRACE_EXPORTER", "none"))
    store = open_artefact_store(directory_url(folder / "artefacts"))
    log = open_event_log(sqlite_url(folder / "events.sqlite"))
    stages: dict[str, Stage] = {"splitter": toy.Splitter(store), "speller": toy.Speller()}
    Worker(stages[name], log, store, SETTINGS, member=name).run(shutdown)
    log.close()
    tracing.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
