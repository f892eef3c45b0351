"""One worker of a run: the segmenter's stage over the run's ports, until it is told to end or the run is gone."""

import contextlib
import errno
import json
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec
from celstream_platform import logs
from celstream_platform.artefacts import open_artefact_store
from celstream_platform.errors import Unavailable
from celstream_platform.eventlog import open_event_log
from celstream_platform.footage.asking import Answering
from celstream_platform.footage.limits import GIB, Limits
from celstream_platform.shutdown import Shutdown
from celstream_platform.stage import Context, Result, Stage, Stopping
from celstream_platform.topics import Topic
from celstream_platform.worker import Worker, WorkerSettings
from celstream_segmenter.rules import SegmentationRules
from celstream_segmenter.stage import SegmenterStage
from google.protobuf.message import Message

from celstream.folder import DatasetFolder, output_finding, tells_of_a_full_disk
from celstream.interruption import FINISH_SECONDS

# A long film may take hours on a slow machine; a file that is made to take for ever does not get them for ever.
LIMITS = Limits(cpu_seconds=24 * 3600, wall_seconds=24 * 3600, scratch_bytes=64 * GIB)

# The log is a file at hand; a run ends as soon as its worker does.
SETTINGS = WorkerSettings(poll_seconds=0.1, finish_seconds=FINISH_SECONDS)


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker is told.

    name: unique in the run, the same after a restart. run_pid: the process of the run. out: the dataset folder,
    as it was given. scratch: folder for files on their way into the store. processes: that read one footage.
    models: URL of the model server, where the rules have a second opinion.
    """

    name: str
    run_pid: int
    events: str
    artefacts: str
    out: str
    scratch: str
    rules: SegmentationRules
    processes: int
    models: str = ""


class Telling:
    """A stage that tells the run what it lacks; for the rest it is the stage inside.

    The worker tries again for as long as a dependency is away. Here the dependencies are the user's own disk: the run
    has to hear of it, for nobody else will make room.
    """

    def __init__(self, stage: Stage, folder: DatasetFolder) -> None:
        self._stage = stage
        self._folder = folder

    @property
    def name(self) -> str:
        """See Stage."""
        return self._stage.name

    @property
    def consumes(self) -> Topic:
        """See Stage."""
        return self._stage.consumes

    @property
    def produces(self) -> Sequence[Topic]:
        """See Stage."""
        return self._stage.produces

    @property
    def message_type(self) -> type[Message]:
        """See Stage."""
        return self._stage.message_type

    @property
    def recipe(self) -> str:
        """See Stage."""
        return self._stage.recipe

    def process(self, message: Message, context: Context) -> Result:
        """See Stage."""
        try:
            return self._stage.process(message, context)
        except Stopping:
            raise
        except Exception as error:
            if isinstance(error, Unavailable):
                tell(self._folder.room_finding() or str(error))
                raise
            if tells_of_a_full_disk(error):  # of the scratch folder: neither the footage nor the program is to blame
                finding = output_finding(self._folder.path, OSError(errno.ENOSPC, ""))
                tell(finding)
                raise Unavailable(finding) from error
            raise


def tell(unavailable: str) -> None:
    """Say to the run what is away."""
    print(json.dumps({"unavailable": unavailable}), flush=True)  # noqa: T201 - the run reads it


def end_with_run() -> None:
    """Read standard input to its end, which is the end of the run; then end at once.

    Nothing has to be put in order: what was not committed never happened, and what was is durable.
    """
    sys.stdin.read()
    with contextlib.suppress(ProcessLookupError):  # started by hand: it has no group of its own
        os.killpg(os.getpid(), signal.SIGKILL)  # its own group: the processes that decode for it as well
    os._exit(1)


def _answering(task: Task) -> Answering | None:
    if not task.rules.asks:
        return None
    from celstream_segmenter.model_opinion import open_opinion  # wanted by few

    return open_opinion(task.models, task.rules.second_opinion).answering()


def work(task: Task) -> None:
    """Work until SIGTERM, or until the run is gone."""
    threading.Thread(target=end_with_run, name="end-with-run", daemon=True).start()
    shutdown = Shutdown()
    shutdown.install()
    logs.configure(task.name)
    log = open_event_log(task.events, supervisor_pid=task.run_pid)
    store = open_artefact_store(task.artefacts)
    segmenter = SegmenterStage(store, task.rules, LIMITS, Path(task.scratch), task.processes, _answering(task))
    stage = Telling(segmenter, DatasetFolder(Path(task.out)))
    try:
        Worker(stage, log, store, settings=SETTINGS, member=task.name).run(shutdown)
    finally:
        log.close()
