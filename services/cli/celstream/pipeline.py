"""A run once its workers start: footage in, dataset out. The composition of intake, projection, workers and export.

Nothing here decides anything about footage: that is the stages' part. What is done is in the event log, so a run that
ends in any way goes on where it was when the same command is given again.
"""

import errno
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from celstream_catalog import CHAIN, Catalog, Description
from celstream_platform.artefacts.directory import DirectoryStore
from celstream_platform.checkpoints import topic_of as checkpoints_of
from celstream_platform.errors import Invalid, Unavailable
from celstream_platform.eventlog import EventLog, open_event_log
from celstream_platform.loading import loading
from celstream_platform.topics import FOOTAGE
from celstream_protos.v1.envelope_pb2 import Rights
from celstream_protos.v1.footage_pb2 import Footage, FootageStyle
from celstream_segmenter.recipe import NAME as SEGMENTER
from celstream_segmenter.recipe import recipe_of

from celstream.catalog_contents import read_contents
from celstream.contents import rejection_reason
from celstream.display import Display, Finished, Summary, Working
from celstream.folder import ROOM_BYTES, DatasetFolder, output_finding
from celstream.footage_files import Finding, NamedFootage
from celstream.interruption import FINISHING, Interrupted, Interruption
from celstream.options import RunOptions
from celstream.store import tidy_up
from celstream.workers import Workers

STEP_SECONDS = 0.2  # between two looks at what the workers did, at most
NEVER_READ = ("unreadable", "limit_exceeded")  # whole footage refused for these: the file is bad


@dataclass(slots=True)
class Tally:
    """What a run counts. bad: files and arguments that could not be used. parked: footage that met a bug.

    seen: the catalog's revision that was looked at last.
    """

    waiting: dict[str, str] = field(default_factory=dict)
    taken: dict[str, str] = field(default_factory=dict)
    bad: int = 0
    parked: int = 0
    seen: int = -1


@dataclass(slots=True)
class Ports:
    """The embedded ports of a dataset folder."""

    log: EventLog
    store: DirectoryStore
    catalog: Catalog


@contextmanager
def open_ports(folder: DatasetFolder, recipes: dict[str, str], until: str = "clips") -> Iterator[Ports]:
    """Open a folder's ports. recipes: those under which a stage's work counts as done; empty: any."""
    log = open_event_log(folder.events_url)
    try:
        store = DirectoryStore(folder.artefacts)
        with Catalog(folder.catalog_url, log, store, CHAIN.until(until).with_recipes(recipes)) as catalog:
            yield Ports(log, store, catalog)
    finally:
        log.close()


def go_through(
    files: Sequence[NamedFootage],
    findings: Sequence[Finding],
    options: RunOptions,
    display: Display,
    folder: DatasetFolder,
    workers: Workers,
    interruption: Interruption,
) -> Summary:
    """Take the files in, wait for the workers, write the dataset; `seconds` of the summary is left to the caller.

    Raises Unavailable where the folder is full, Interrupted, WorkersFailed.
    """
    tally = Tally()
    with open_ports(folder, {SEGMENTER: recipe_of(options.rules())}, options.until) as ports:
        ports.catalog.catch_up()
        on_their_way = _unconsumed(ports.log)
        for finding in findings:
            tally.bad += 1
            display.failed(finding.name, finding.message)
        for file in files:
            _take_in(file, options, ports.catalog, on_their_way, tally, display)
            workers.start(min(options.jobs, len(tally.waiting)))
            _step(ports, workers, tally, display, folder)
            _check(interruption, tally, display)
        with loading():  # a large database library: it is loaded while the workers work
            from celstream.export import export

        while tally.waiting:
            ports.catalog.wait(STEP_SECONDS)
            _step(ports, workers, tally, display, folder)
            _check(interruption, tally, display)
        workers.ask_to_end()  # they do while the dataset is written
        dataset = read_contents(ports.catalog, ports.store)
        changed = export(dataset, folder, ports.store, anew=False)
        workers.stop()
        if changed:
            tidy_up(ports.log, ports.store)
    mine = [contents for contents in dataset if contents.id in tally.taken]
    return Summary(
        footage=len(tally.taken),
        failed=tally.bad,
        parked=tally.parked,
        clips=sum(len(contents.clips) for contents in mine),
        rejections=sum(len(contents.rejections) for contents in mine),
        seconds=0.0,
        out=os.fspath(options.out),
        report=os.fspath(folder.report_page),
        changed=changed,
    )


def _last_checkpoint(log: EventLog) -> str:
    """The segmenter's last checkpoint of any footage; empty where there is none."""
    topic = checkpoints_of(SEGMENTER).name
    if topic not in log.topics():
        return ""
    reader = log.reader([topic], {})
    try:
        last = ""
        while not reader.at_end():
            for delivery in reader.poll(1000, 0.0):
                last = delivery.event.headers["ce_id"]
        return last
    finally:
        reader.close()


def _unconsumed(log: EventLog) -> set[str]:
    """Ids of footage that lies in the log and waits for the segmenter: offered again it would be cut twice."""
    topic = FOOTAGE.name
    reader = log.reader([topic], log.positions(SEGMENTER, [topic]))
    try:
        keys: set[str] = set()
        while not reader.at_end():
            keys.update(delivery.event.key for delivery in reader.poll(1000, 1.0))
        return keys
    finally:
        reader.close()


def _take_in(
    file: NamedFootage, options: RunOptions, catalog: Catalog, on_their_way: set[str], tally: Tally, display: Display
) -> None:
    description = Description(
        rights=Rights(license=options.license, canary=options.canary) if options.license or options.canary else None,
        style=FootageStyle.Value(f"FOOTAGE_STYLE_{options.style.upper()}"),
        work=options.work,
    )
    try:
        footage = catalog.submit(file.path, name=file.name, description=description).footage
    except Invalid as error:
        tally.bad += 1
        display.failed(file.name, str(error))
        return
    catalog.catch_up()
    footage_id = footage.item.id
    if footage_id in tally.taken:
        display.note(f"{file.name}: the same bytes as {tally.taken[footage_id]}; done once.")
        return
    tally.taken[footage_id] = file.name
    if footage_id not in on_their_way:
        catalog.offer_again(SEGMENTER, parked=True, footage_id=footage_id)
        catalog.catch_up()
    completion = catalog.completion(footage_id)
    if completion.finished and not completion.parked:
        display.already_done(footage_id, file.name)
        _judge(footage_id, catalog, tally, display, announce=False)
    else:
        tally.waiting[footage_id] = file.name
        display.taken_in(footage_id, file.name, _claimed_frames(footage))


def _claimed_frames(footage: Footage) -> int:
    video = footage.video
    if video.claimed_frames or not video.fps.denominator:
        return video.claimed_frames
    return round(footage.claimed_duration_seconds * video.fps.numerator / video.fps.denominator)


def _step(ports: Ports, workers: Workers, tally: Tally, display: Display, folder: DatasetFolder) -> None:
    """Project what is new, show it, and see that all goes on."""
    ports.catalog.catch_up()
    if (revision := ports.catalog.revision) != tally.seen:  # what ended a footage may have come while one was taken in
        tally.seen = revision
        for entry in ports.catalog.progress():
            display.working(Working(entry.footage_id, entry.stage, entry.done, entry.total, entry.unit))
        for footage_id in list(tally.waiting):
            if ports.catalog.completion(footage_id).finished:
                del tally.waiting[footage_id]
                _judge(footage_id, ports.catalog, tally, display, announce=True)
    display.tick()
    if trouble := workers.trouble():
        raise Unavailable(trouble[0])
    if tally.waiting:
        workers.watch(lambda: (len(tally.waiting), _last_checkpoint(ports.log)))
        if shutil.disk_usage(folder.path).free < ROOM_BYTES:
            raise Unavailable(output_finding(folder.path, OSError(errno.ENOSPC, "")))


def _check(interruption: Interruption, tally: Tally, display: Display) -> None:
    """Raise Interrupted once a signal has come; before that say what the run still waits for."""
    try:
        interruption.check()
    except Interrupted:
        if tally.waiting:
            display.note(FINISHING)
        raise


def _judge(footage_id: str, catalog: Catalog, tally: Tally, display: Display, *, announce: bool) -> None:
    """What came of a finished footage: good, bad (the file cannot be read), or a bug."""
    name = tally.taken[footage_id]
    rejections = catalog.rejections(footage_id=footage_id)
    error = next((parked.error for parked in catalog.parked(footage_id)), "")
    if error:
        tally.parked += 1
        display.failed(name, f"{name}: could not be processed, by a fault of the program ({error}).")
    for rejection in rejections:
        if not rejection.HasField("range") and rejection_reason(rejection) in NEVER_READ:
            tally.bad += 1
            error = rejection.detail
            display.failed(name, error)
    if announce:
        clips = sum(level.items for level in catalog.funnel(footage_id).levels if level.level == "clips")
        display.finished(Finished(footage_id, name, clips, len(rejections), error))


def rebuild(out: Path) -> DatasetFolder:
    """Write a folder's tables, clips and report anew from its state. Raises Invalid where there is none."""
    from celstream.export import export

    folder = DatasetFolder(out)
    if not folder.exists():
        raise Invalid(f"{out}: no dataset. Give the folder of an earlier run.")
    with folder.locked():
        try:
            with open_ports(folder, {}) as ports:
                ports.catalog.catch_up()
                export(read_contents(ports.catalog, ports.store), folder, ports.store, anew=True)
        except OSError as error:
            raise Unavailable(output_finding(folder.path, error)) from error
    return folder
