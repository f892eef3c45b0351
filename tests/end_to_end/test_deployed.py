"""Catalog and segmenters as processes over Kafka, MinIO and PostgreSQL give what one command gives on a laptop."""

import hashlib
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from celstream.folder import DatasetFolder
from celstream.pipeline import open_ports
from celstream_platform import rpc
from celstream_protos.v1 import catalog_pb2, catalog_pb2_grpc
from celstream_protos.v1.clip_pb2 import Clip
from celstream_protos.v1.envelope_pb2 import REJECTION_REASON_UNREADABLE
from celstream_protos.v1.footage_pb2 import FOOTAGE_STYLE_RENDERED, Footage
from celstream_renderer import Film, render
from celstream_stack.stack import Stack
from google.protobuf.message import Message

from tests.contracts.inboxes import BucketDropping
from tests.end_to_end.command import COMMAND, SHOTS, celstream
from tests.end_to_end.services import Service

pytestmark = pytest.mark.slow
REPLICAS = 2
TEXT = b"not a film\n" * 100


@dataclass
class Deployment:
    """The services, and an inbox to drop films into."""

    catalog: Service
    segmenters: list[Service]
    inbox: BucketDropping
    ports: dict[str, str]


@pytest.fixture
def films(tmp_path: Path) -> list[Path]:
    """Two films of two shots each, which nobody has offered to these servers before."""
    (tmp_path / "films").mkdir()
    made = [tmp_path / "films" / "first.mp4", tmp_path / "films" / "second.mp4"]
    for path, shots in zip(made, (SHOTS[:2], (SHOTS[3], SHOTS[5])), strict=True):
        render(Film(shots=shots, size=(192, 108), name=path.stem), path)
        with path.open("ab") as file:
            file.write(b"\0\0\0\x18free" + secrets.token_bytes(16))  # a box that players pass over
    return made


@pytest.fixture
def deployment(stack: Stack, kafka_url: str, inbox_url: str, empty_postgres_url: str) -> Iterator[Deployment]:
    """On the servers of the whole run, with a database and a part of the inbox of its own."""
    token = secrets.token_hex(8)
    dropping = BucketDropping(inbox_url, token, stack.login("submitter"))
    ports = {"CELSTREAM_EVENTS": kafka_url, "CELSTREAM_ARTEFACTS": stack.up(["minio"])["CELSTREAM_ARTEFACTS"]}
    with ExitStack() as running:

        def start(service: str, name: str, **more: str) -> Service:
            variables = {**ports, **stack.login(service), "CELSTREAM_MEMBER": f"{name}-{token}", **more}
            return running.enter_context(Service(f"celstream_{service}", name, variables))

        catalog = start("catalog", "catalog", CELSTREAM_DATABASE=empty_postgres_url, CELSTREAM_INBOX=dropping.url)
        segmenters = [start("segmenter", f"segmenter-{number}") for number in range(REPLICAS)]
        yield Deployment(catalog, segmenters, dropping, ports)


def test_films_from_inbox_and_command_become_the_same_clips_as_on_one_machine(
    deployment: Deployment, films: list[Path], tmp_path: Path
) -> None:
    first, second = films
    dataset = tmp_path / "dataset"
    with subprocess.Popen([*COMMAND, "run", first.parent, "--out", dataset, "--jobs", "1"]) as embedded:
        services = [*deployment.segmenters, deployment.catalog]
        for service in services:
            service.wait_until_serving()
        tags = {"license": "CC-BY-4.0", "style": "rendered", "work": "Two films", "uploader": "ada"}
        name = deployment.inbox.put("more/first film.mp4", first.read_bytes(), tags)
        text = deployment.inbox.put("notes.mp4", TEXT)
        at = deployment.catalog.grpc
        sent = celstream("submit", second, "--to", at, "--watch", "--json", cwd=tmp_path)
        assert sent.code == 0, sent.err
        deployment.catalog.heard("taken", object=name)
        watched = celstream("watch", sha256(first.read_bytes())[:12], "--at", at, "--json", cwd=tmp_path)
        assert watched.code == 0, watched.err
        last = watched.events[-1]
        assert (last["footage"], last["finished"], last["levels"][1]["inputs_parked"]) == (name, True, 0)
        assert embedded.wait() == 0
    refused = deployment.catalog.heard("refused", object=text)
    assert "is not a video" in refused["reason"]
    with rpc.connect(at) as channel, open_ports(DatasetFolder(dataset), {}) as ports:
        catalog = catalog_pb2_grpc.CatalogStub(channel)
        for film in films:
            footage_id = sha256(film.read_bytes())
            mine, theirs = clips(catalog, footage_id), ports.catalog.items("clips", footage_id)
            assert len(mine) == 2
            assert [contents(clip) for clip in mine] == [contents(clip) for clip in theirs]
        footage = Footage()
        (packed,) = listed(catalog, "footage", sha256(first.read_bytes()))
        assert packed.Unpack(footage)
        assert (footage.rights.license, footage.item.work) == ("CC-BY-4.0", "Two films")
        assert footage.style == FOOTAGE_STYLE_RENDERED
        root = catalog.GetFunnel(catalog_pb2.GetFunnelRequest(footage_id=sha256(TEXT))).levels[0]
        assert [reason.reason for reason in root.rejections] == [REJECTION_REASON_UNREADABLE]
    collected = celstream("store", "gc", "--dry-run", "--json", cwd=tmp_path, **deployment.ports)
    assert collected.code == 0, collected.err
    assert collected.events[0]["used"] >= 2 + 4 * 3, "two films; four clips with two stills each"
    done = [one.metric("celstream_worker_events_total", outcome="completed") for one in deployment.segmenters]
    assert sum(done) >= len(films)
    assert deployment.catalog.metric("celstream_catalog_inbox_files_total", outcome="taken") == 1
    assert [service.stop() for service in services] == [0] * len(services)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def listed(catalog: catalog_pb2_grpc.CatalogStub, level: str, footage_id: str) -> list[Any]:
    return list(catalog.ListItems(catalog_pb2.ListItemsRequest(level=level, footage_id=footage_id)).items)


def clips(catalog: catalog_pb2_grpc.CatalogStub, footage_id: str) -> list[Clip]:
    found = []
    for packed in listed(catalog, "clips", footage_id):
        found.append(Clip())
        assert packed.Unpack(found[-1])
    return found


def contents(clip: Message) -> tuple[object, ...]:
    """What names a clip, and what it holds."""
    assert isinstance(clip, Clip)
    stills = (clip.first_frame.sha256, clip.last_frame.sha256)
    return clip.item.id, clip.range.start_frame, clip.range.end_frame, clip.video.sha256, *stills
