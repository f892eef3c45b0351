"""The catalog as a service: its gRPC methods, and the process that serves them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from celstream_catalog import Catalog
from celstream_catalog.servicer import CatalogServicer, catalog_service
from celstream_catalog.settings import CatalogSettings
from celstream_platform import rpc, topics
from celstream_platform.artefacts.port import ArtefactStore
from celstream_platform.errors import Invalid, LimitExceeded, NotFound
from celstream_platform.eventlog.port import EventLog
from celstream_platform.events import encode
from celstream_platform.settings import load
from celstream_protos.v1 import catalog_pb2, catalog_pb2_grpc
from celstream_protos.v1.clip_pb2 import Clip
from celstream_protos.v1.envelope_pb2 import Progress, Rights
from celstream_protos.v1.evaluation_pb2 import Evaluation, Score

from tests.tiny_film import write_film

if TYPE_CHECKING:
    from tests.catalog_hand import Hand

pytest_plugins = ["tests.catalog_hand"]
UPLOAD_BYTES = 1 << 20


@pytest.fixture
def stub(catalog: Catalog, tmp_path: Path) -> Iterator[catalog_pb2_grpc.CatalogStub]:
    """A client of a server over the catalog, which projects in the background."""
    stopping = threading.Event()
    projection = threading.Thread(target=catalog.run, args=(stopping.is_set,))
    servicer = CatalogServicer(catalog, upload_bytes=UPLOAD_BYTES, scratch=tmp_path, stopping=stopping.is_set)
    settings = load(CatalogSettings, events="", artefacts="", database="", grpc_address="127.0.0.1:0")
    server = rpc.serve([catalog_service(servicer)], settings, checks={"catalog": catalog.answers})
    projection.start()
    with rpc.connect(server.address) as channel:
        yield catalog_pb2_grpc.CatalogStub(channel)
    stopping.set()
    server.stop(5.0)
    projection.join()


def upload(film: Path, name: str, **description: Any) -> Iterator[catalog_pb2.SubmitFootageRequest]:
    yield catalog_pb2.SubmitFootageRequest(description=catalog_pb2.FootageDescription(name=name, **description))
    content = film.read_bytes()
    for start in range(0, len(content), 1000):
        yield catalog_pb2.SubmitFootageRequest(chunk=content[start : start + 1000])


def test_uploaded_bytes_become_footage_and_stay_stored(
    stub: catalog_pb2_grpc.CatalogStub, tmp_path: Path, store: ArtefactStore
) -> None:
    film = write_film(tmp_path / "film.mkv")
    taken = stub.SubmitFootage(upload(film, "cartoons/film.mkv", rights=Rights(license="CC0-1.0")))
    assert not taken.already_known
    assert (taken.footage.name, taken.footage.item.work) == ("cartoons/film.mkv", "film")
    assert taken.footage.rights.license == "CC0-1.0"
    with store.open(taken.footage.content) as stored:
        assert stored.read() == film.read_bytes()
    reference = catalog_pb2.FootageDescription(name="again.mkv", content=taken.footage.content)
    again = stub.SubmitFootage(iter([catalog_pb2.SubmitFootageRequest(description=reference)]))
    assert again.already_known
    assert again.footage == taken.footage


def test_what_is_no_footage_is_refused_in_one_line(
    stub: catalog_pb2_grpc.CatalogStub, tmp_path: Path, catalog: Catalog
) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("no film\n" * 50)
    with pytest.raises(Invalid, match=r"text\.mp4.*is not a video"), rpc.errors():
        stub.SubmitFootage(upload(text, "text.mp4"))
    assert [rejection.footage_name for rejection in catalog.rejections("footage")] == ["text.mp4"]
    text.write_bytes(bytes(UPLOAD_BYTES + 1))
    with pytest.raises(LimitExceeded, match="more than 1048576 bytes"), rpc.errors():
        stub.SubmitFootage(upload(text, "long.mp4"))
    with pytest.raises(Invalid, match="no description with a name"), rpc.errors():
        stub.SubmitFootage(iter([catalog_pb2.SubmitFootageRequest(chunk=b"x")]))


def test_watching_shows_every_step_until_the_footage_is_finished(
    stub: catalog_pb2_grpc.CatalogStub, hand: Hand, event_log: EventLog
) -> None:
    film = hand.footage("film.mkv")
    hand.cut(hand.footage("another.mkv"), [(0, 24)])
    _wait_for(stub, film.item.id)
    states = iter(stub.WatchFootage(catalog_pb2.WatchFootageRequest(footage_id=film.item.id)))
    first = next(states)
    assert (first.name, first.finished, first.funnel.levels[1].inputs) == ("film.mkv", False, 1)
    progress = Progress(
        stage="segmenter", input_id=film.item.id, footage_id=film.item.id, done=240, total=480, unit="frames"
    )
    event_log.publish([encode(topics.PROGRESS.name, film.item.id, progress, event_id="p1", source="segmenter")])
    assert list(next(states).progress) == [progress]
    hand.cut(film, [(0, 24), (24, 48)])
    *_, last = states
    assert last.finished
    assert last.funnel.levels[1].items == 2
    assert not last.progress


def _wait_for(stub: catalog_pb2_grpc.CatalogStub, footage_id: str) -> None:
    """Until the projection, which runs beside, has seen the footage."""
    while not stub.GetFunnel(catalog_pb2.GetFunnelRequest(footage_id=footage_id)).levels[0].items:
        pass


def test_watching_unknown_footage_is_not_found(stub: catalog_pb2_grpc.CatalogStub) -> None:
    with pytest.raises(NotFound), rpc.errors():
        list(stub.WatchFootage(catalog_pb2.WatchFootageRequest(footage_id="0" * 64)))


def test_items_come_in_pages_as_the_levels_messages(stub: catalog_pb2_grpc.CatalogStub, hand: Hand) -> None:
    film = hand.footage("film.mkv")
    clips = hand.cut(film, [(n, n + 1) for n in range(5)])
    *_, last = stub.WatchFootage(catalog_pb2.WatchFootageRequest(footage_id=_seen(stub, film.item.id)))
    assert last.finished
    found, token, pages = [], "", 0
    while not pages or token:
        page = stub.ListItems(catalog_pb2.ListItemsRequest(level="clips", page_size=2, page_token=token))
        for item in page.items:
            clip = Clip()
            assert item.Unpack(clip)
            found.append(clip)
        token, pages = page.next_page_token, pages + 1
    assert pages == 3
    assert found == clips
    with pytest.raises(Invalid, match="level 'poses' does not exist"), rpc.errors():
        stub.ListItems(catalog_pb2.ListItemsRequest(level="poses"))


def test_what_is_attached_is_streamed_and_evaluations_are_kept(
    stub: catalog_pb2_grpc.CatalogStub, hand: Hand, catalog: Catalog
) -> None:
    film = hand.footage("film.mkv", canary=True)
    hand.cut(film, [(0, 24)], recipe="an analysis")
    asked = catalog_pb2.GetAttachmentRequest(footage_id=film.item.id, name="transitions")
    list(stub.WatchFootage(catalog_pb2.WatchFootageRequest(footage_id=_known(catalog, film.item.id))))
    assert b"".join(part.chunk for part in stub.GetAttachment(asked)) == b"an analysis"
    with pytest.raises(NotFound, match="nothing called 'masks'"), rpc.errors():
        list(stub.GetAttachment(catalog_pb2.GetAttachmentRequest(footage_id=film.item.id, name="masks")))
    assert stub.GetFunnel(catalog_pb2.GetFunnelRequest()).levels[0].items == 0
    assert stub.GetFunnel(catalog_pb2.GetFunnelRequest(include_canaries=True)).levels[0].items == 1
    assert not stub.ListItems(catalog_pb2.ListItemsRequest(level="clips")).items
    assert len(stub.ListItems(catalog_pb2.ListItemsRequest(level="clips", include_canaries=True)).items) == 1
    score = Score(level="clips", subject="cuts", expected=4, given=3, right=3, least_f1=0.9)
    kept = Evaluation(id="e" * 64, benchmark="canary", name="a", footage_id=film.item.id, scores=[score])
    stub.RecordEvaluation(catalog_pb2.RecordEvaluationRequest(evaluation=kept))
    assert catalog.evaluations("canary") == [kept]
    with pytest.raises(Invalid, match="expected an id"), rpc.errors():
        stub.RecordEvaluation(catalog_pb2.RecordEvaluationRequest())


def _known(catalog: Catalog, footage_id: str) -> str:
    catalog.catch_up()
    return footage_id


def _seen(stub: catalog_pb2_grpc.CatalogStub, footage_id: str) -> str:
    _wait_for(stub, footage_id)
    return footage_id


def test_the_service_takes_footage_in_and_ends_in_order(
    tmp_path: Path, database_url: str, store: ArtefactStore
) -> None:
    environment = {
        **os.environ,
        "CELSTREAM_EVENTS": f"sqlite:///{tmp_path / 'events.sqlite'}",
        "CELSTREAM_ARTEFACTS": f"file:///{tmp_path / 'artefacts'}",
        "CELSTREAM_DATABASE": database_url,
        "CELSTREAM_GRPC_ADDRESS": "127.0.0.1:0",
        "CELSTREAM_METRICS_ADDRESS": "127.0.0.1:0",
    }
    command = [sys.executable, "-m", "celstream_catalog"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            serving = next(line for line in map(json.loads, process.stderr) if line["event"] == "serving")
            with rpc.connect(serving["grpc"]) as channel:
                catalog = catalog_pb2_grpc.CatalogStub(channel)
                film = write_film(tmp_path / "film.mkv")
                taken = catalog.SubmitFootage(upload(film, "film.mkv"))
                watched = catalog.WatchFootage(catalog_pb2.WatchFootageRequest(footage_id=taken.footage.item.id))
                states = iter(watched)
                assert not next(states).finished
                process.send_signal(signal.SIGTERM)
                assert not [state for state in states if state.finished], "watching ends with the service"
            process.stderr.read()
            assert process.wait() == 0
        finally:
            process.kill()


def test_settings_that_are_missing_are_named_in_one_line(tmp_path: Path) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CELSTREAM_")}
    ended = subprocess.run([sys.executable, "-m", "celstream_catalog"], env=clean, capture_output=True, text=True)
    assert ended.returncode == 2
    assert "CELSTREAM_DATABASE is not set" in ended.stderr
    assert ended.stderr.count("\n") == 1
