"""Canaries: footage with known truth goes the way of all footage, and what comes out is compared with the truth.

Order: render → offer, marked as a canary → follow until finished → fetch what came of it → score → record. The same
name gives the same film, so that what was interrupted can be done again, and what was found looked into.
"""

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from celstream_evaluator.canary import Made, evaluation, scores
from celstream_platform.errors import Invalid
from celstream_platform.footage.files import hash_file
from celstream_protos.v1.catalog_pb2 import (
    FootageDescription,
    FootageState,
    GetAttachmentRequest,
    ListItemsRequest,
    RecordEvaluationRequest,
)
from celstream_protos.v1.catalog_pb2_grpc import CatalogStub
from celstream_protos.v1.clip_pb2 import Clip, FootageAnalysis
from celstream_protos.v1.envelope_pb2 import Rights
from celstream_protos.v1.evaluation_pb2 import Evaluation
from celstream_protos.v1.footage_pb2 import FOOTAGE_STYLE_RENDERED
from celstream_segmenter.recipe import ANALYSIS

from celstream.canary_film import CanaryFilm
from celstream.footage_files import NamedFootage
from celstream.remote import Remote
from celstream.submit import submit
from celstream.watch import PAGE_ITEMS, is_refused, parked, watch

if TYPE_CHECKING:
    from celstream.pipeline import Ports

WORK = "celstream-canary"
LICENSE = "Apache-2.0"
KEEP_SECONDS = 7 * 24 * 3600.0  # in a folder, after the score; a catalog elsewhere has its own setting
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
Note = Callable[[str], None]


def canary_name(given: str) -> str:
    """The name of a canary; of this minute where none is given. Raises Invalid for one that makes no file's name."""
    name = given or datetime.now(UTC).strftime("canary-%Y%m%dT%H%MZ")
    if not NAME.fullmatch(name):
        raise Invalid(f"{name!r}: no name for a canary. Give letters, digits, '.', '_' and '-'.")
    return name


def rights_of(name: str) -> Rights:
    """What may be done with a canary: nothing but this."""
    return Rights(license=LICENSE, source=f"celstream canary --name {name}", canary=True)


def try_elsewhere(film: CanaryFilm, remote: Remote, note: Note) -> Evaluation:
    """Send a canary through a catalog that runs somewhere else, and record there what came of it.

    note: told in one line how it goes. Raises Unavailable where the catalog is away, Invalid where it is refused, or
    became a dead letter.
    """
    description = FootageDescription(rights=rights_of(film.name), style=FOOTAGE_STYLE_RENDERED, work=WORK)
    began = time.monotonic()
    with remote.open() as stub:
        file = NamedFootage(film.path.name, film.path)
        footage_id = submit(stub, remote, file, description, lambda done, total: None).footage.item.id
        note(f"{film.name}: offered as {footage_id}")
        for state in watch(stub, remote, footage_id, note):
            _expect_well(film.name, state)
        seconds = time.monotonic() - began
        found = evaluation(film.name, footage_id, seconds, scores(film.truth, _made(stub, remote, footage_id)))
        with remote.calling():
            stub.RecordEvaluation(RecordEvaluationRequest(evaluation=found))
    return found


def _expect_well(name: str, state: FootageState) -> None:
    if is_refused(state):
        raise Invalid(f"{name}: was refused as footage. Look at the catalog's log.")
    if parked(state):
        raise Invalid(f"{name}: became a dead letter, by a fault of the program. `celstream dlq list` shows it.")


def _made(stub: CatalogStub, remote: Remote, footage_id: str) -> Made:
    clips: list[Clip] = []
    token, more = "", True
    with remote.calling():
        parts = stub.GetAttachment(GetAttachmentRequest(footage_id=footage_id, name=ANALYSIS))
        analysis = FootageAnalysis.FromString(b"".join(part.chunk for part in parts))
        while more:
            asked = ListItemsRequest(level="clips", footage_id=footage_id, page_size=PAGE_ITEMS, page_token=token)
            page = stub.ListItems(asked)
            for item in page.items:
                clip = Clip()
                item.Unpack(clip)
                clips.append(clip)
            token = page.next_page_token
            more = bool(token)
    return Made(analysis, clips)


def try_here(film: CanaryFilm, out: Path) -> Evaluation:
    """Take a canary through the levels in a dataset folder, whose dataset stays without it, and record it there.

    Of canaries whose score is a week old the film and all that came of it go. Raises Invalid, Unavailable, Interrupted,
    WorkersFailed as a run does.
    """
    from celstream.display import Recording
    from celstream.folder import DatasetFolder
    from celstream.launch import run_footage
    from celstream.options import RunOptions
    from celstream.pipeline import open_ports

    recording = Recording()
    began = time.monotonic()
    options = RunOptions(footage=[film.path], out=out, style="rendered", work=WORK, license=LICENSE, canary=True)
    run_footage(options, recording)
    if recording.failures:
        raise Invalid(recording.failures[0])
    seconds = time.monotonic() - began
    folder = DatasetFolder(out)
    with folder.locked(), open_ports(folder, {}) as ports:
        catalog = ports.catalog
        footage_id = hash_file(film.path)[0]
        analysis = FootageAnalysis.FromString(b"".join(catalog.attached_bytes(footage_id, ANALYSIS)))
        clips = [clip for clip in catalog.items("clips", footage_id) if isinstance(clip, Clip)]
        found = evaluation(film.name, footage_id, seconds, scores(film.truth, Made(analysis, clips)))
        catalog.record_evaluation(found)
        clear_away(ports, film.path.parent)
    return found


def clear_away(ports: "Ports", films: Path) -> None:
    """Take down the canaries of a dataset folder that have served, and remove their artefacts and films."""
    from celstream.store import tidy_up

    served = ports.catalog.take_down_served_canaries(time.time() - KEEP_SECONDS)
    if served:
        tidy_up(ports.log, ports.store, taken_down=True)
        for path in films.glob("*.mp4"):
            if hash_file(path)[0] in served:
                path.unlink()
