"""`celstream take-down`: what is meant leaves folder and store with all that was made of it; the rest stays."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet
import pytest
from celstream.commands import app
from celstream.contents import FootageContents
from celstream.folder import DatasetFolder
from celstream.pipeline import open_ports, rebuild
from celstream.store import collect_folder
from celstream_catalog import Catalog
from celstream_catalog.servicer import CatalogServicer, catalog_service
from celstream_catalog.settings import CatalogSettings
from celstream_platform import rpc, topics
from celstream_platform.artefacts import ArtefactStore, open_artefact_store
from celstream_platform.eventlog import EventLog
from celstream_platform.events import encode
from celstream_platform.identity import reference
from celstream_platform.outcomes import outcome_event
from celstream_platform.settings import load
from celstream_protos.v1.envelope_pb2 import OUTCOME_STATE_COMPLETED, Attachment, ItemHeader, Outcome
from celstream_segmenter.recipe import ANALYSIS
from typer.testing import CliRunner, Result

from tests.tiny_film import write_film

if TYPE_CHECKING:
    from celstream_protos.v1.footage_pb2 import Footage

    from tests.catalog_hand import Hand

pytest_plugins = ["tests.catalog_hand"]
WHY = ("--reason", "claim 7")


@pytest.fixture
def folder(tmp_path: Path) -> DatasetFolder:
    made = DatasetFolder(tmp_path / "dataset")
    made.create()
    return made


@pytest.fixture
def store(folder: DatasetFolder) -> ArtefactStore:
    return open_artefact_store(folder.artefacts_url)


@pytest.fixture
def dataset(
    folder: DatasetFolder, film: FootageContents, other_film: FootageContents, store: ArtefactStore
) -> DatasetFolder:
    """A dataset of two films of three clips each."""
    with open_ports(folder, {}) as ports:
        for contents in (film, other_film):
            publish(ports.log, store, contents)
    return rebuild(folder.path)


def publish(log: EventLog, store: ArtefactStore, contents: FootageContents) -> None:
    """As intake and segmenter would."""
    from tests.catalog_hand import Hand  # here: pytest loads it as a plugin first

    assert contents.analysis is not None
    analysis = store.put(contents.analysis.SerializeToString(), "application/protobuf")
    refused = [reference(ItemHeader(level="clips", id=one.id, version=one.version)) for one in contents.rejections]
    outcome = Outcome(
        stage="segmenter",
        input_id=contents.id,
        input_version=contents.footage.item.version,
        input_level="footage",
        footage_id=contents.id,
        state=OUTCOME_STATE_COMPLETED,
        attachments=[Attachment(name=ANALYSIS, artefact=analysis)],
        items=[reference(clip.item) for clip in contents.clips],
        rejections=refused,
    )
    log.publish(
        [
            Hand.item_event(topics.FOOTAGE.name, contents.footage),
            *(Hand.item_event(topics.CLIPS.name, clip) for clip in contents.clips),
            *(
                encode(topics.REJECTIONS.name, one.id, one, event_id=one.id, source="test")
                for one in contents.rejections
            ),
            outcome_event("segmenter", outcome),
        ]
    )


def take_down(*arguments: object, says: str = "") -> Result:
    return CliRunner().invoke(app, ["take-down", *map(str, arguments)], input=says)


def clip_ids(dataset: DatasetFolder) -> set[str]:
    return set(pyarrow.parquet.read_table(dataset.path / "clips.parquet")["clip_id"].to_pylist())


def ids(films: Sequence[FootageContents]) -> set[str]:
    return {clip.item.id for film in films for clip in film.clips}


def test_footage_leaves_files_tables_report_and_store_and_the_rest_stays(
    dataset: DatasetFolder, film: FootageContents, other_film: FootageContents, store: ArtefactStore
) -> None:
    assert clip_ids(dataset) == ids([film, other_film])
    ended = take_down("films/a film.mp4", "--at", dataset.path, *WHY, "--yes")
    assert ended.exit_code == 0, ended.output
    said, what_happens, done = ended.stdout.splitlines()
    assert said == f"films/a film.mp4 (footage {film.id[:12]}): 1 footage and 3 clips will leave, for good."
    assert "your own file stays where it is, and is not taken in again" in what_happens
    assert done == "Taken down."
    assert clip_ids(dataset) == ids([other_film])
    assert len(list((dataset.path / "clips").iterdir())) == 3
    assert "films/a film.mp4" not in dataset.report_page.read_text()
    assert not any(store.stat(clip.video) for clip in film.clips)
    assert all(store.stat(clip.video) for clip in other_film.clips)
    assert collect_folder(dataset.path, dry_run=True, told=lambda _: None).left_over == 0


def test_the_second_time_tells_of_the_first_and_brings_it_to_its_end(
    dataset: DatasetFolder, film: FootageContents, store: ArtefactStore
) -> None:
    with open_ports(dataset, {}) as ports:  # as one that was killed before it wrote the files anew
        ports.catalog.take_down(film.id, reason="claim 7", requested_by="ada")
    ended = take_down(film.id[:8], "--at", dataset.path, "--reason", "again")
    assert ended.exit_code == 0
    assert "by ada (claim 7)." in ended.stdout
    assert len(clip_ids(dataset)) == 3
    assert not any(store.stat(clip.video) for clip in film.clips)


def test_a_clip_leaves_alone(dataset: DatasetFolder, film: FootageContents, other_film: FootageContents) -> None:
    gone, *_ = film.clips
    ended = take_down(gone.item.id[:8], "--at", dataset.path, *WHY, "--yes", "--json")
    found = json.loads(ended.stdout)
    assert (found["item_id"], found["footage"], found["leaving"]) == (gone.item.id, film.footage.name, {"clips": 1})
    assert (found["done"], found["already_taken_down"], found["reason"]) == (True, False, "claim 7")
    assert clip_ids(dataset) == ids([film, other_film]) - {gone.item.id}


@pytest.mark.parametrize("says", ["n\n", "\n", ""])
def test_without_a_yes_everything_stays(dataset: DatasetFolder, says: str) -> None:
    ended = take_down("films/a film.mp4", "--at", dataset.path, *WHY, says=says)
    assert ended.exit_code == 2
    assert ended.stdout.endswith("Nothing was taken down.\n")
    assert ("give --yes where nobody can be asked" in ended.stderr) == (says == "")
    assert len(clip_ids(dataset)) == 6


def test_who_says_yes_is_believed(dataset: DatasetFolder) -> None:
    assert take_down("films/a film.mp4", "--at", dataset.path, *WHY, says="y\n").exit_code == 0
    assert len(clip_ids(dataset)) == 3


def test_a_dry_run_only_says_what_would_leave(dataset: DatasetFolder) -> None:
    ended = take_down("films/a film.mp4", "--at", dataset.path, *WHY, "--dry-run", "--json")
    found = json.loads(ended.stdout)
    assert (ended.exit_code, found["done"], found["leaving"]) == (0, False, {"footage": 1, "clips": 3})
    with open_ports(dataset, {}) as ports:
        ports.catalog.catch_up()
        assert len(ports.catalog.footages()) == 2


def test_what_is_wrong_with_the_question_is_said_in_one_line(dataset: DatasetFolder) -> None:
    for arguments, complaint in (
        (["a film.mp4", "--at", dataset.path, *WHY], "a film.mp4: may mean 2: "),
        (["abcde", "--at", dataset.path, *WHY], "abcde: no such footage or item. Give its id, 4 or more digits of it"),
        (["x", "--at", dataset.path, "--reason", " "], "no reason given. Say why with --reason"),
        (["x", "--at", dataset.path / "clips", *WHY], "no dataset. Give the folder of an earlier run, or the catalog"),
    ):
        ended = take_down(*arguments, "--yes")
        assert ended.exit_code == 2
        assert complaint in ended.stderr
        assert ended.stderr.count("\n") == 1


@pytest.mark.slow
def test_what_was_taken_down_is_not_taken_in_again(tmp_path: Path) -> None:
    film, out = write_film(tmp_path / "film.mkv"), tmp_path / "out"
    other = write_film(tmp_path / "other.mkv", seed=1)
    run = [sys.executable, "-m", "celstream", "run", "--out", str(out), "--jobs", "1"]
    subprocess.run([*run, str(film)], check=True, capture_output=True)
    assert take_down("film.mkv", "--at", out, *WHY, "--yes").exit_code == 0
    assert film.exists()
    again = subprocess.run([*run, str(film), str(other)], capture_output=True, text=True)
    assert again.returncode == 2
    assert "was taken down (claim 7) and may not come back. Leave it out." in again.stderr
    rows = pyarrow.parquet.read_table(out / "rejections.parquet")["footage"].to_pylist()
    assert rows
    assert all("other.mkv" in row for row in rows)


@pytest.fixture
def address(catalog: Catalog, tmp_path: Path) -> Iterator[str]:
    """A catalog elsewhere."""
    ended = threading.Event()
    projection = threading.Thread(target=catalog.run, args=(ended.is_set,))
    servicer = CatalogServicer(catalog, upload_bytes=1 << 20, scratch=tmp_path, stopping=ended.is_set)
    settings = load(CatalogSettings, events="", artefacts="", database="", grpc_address="127.0.0.1:0")
    server = rpc.serve([catalog_service(servicer)], settings, checks={"catalog": catalog.answers})
    projection.start()
    yield server.address
    ended.set()
    server.stop(5.0)
    projection.join()


def test_a_catalog_elsewhere_takes_down_and_names_who_asked(address: str, catalog: Catalog, hand: Hand) -> None:
    film: Footage = hand.footage("film.mkv")
    hand.cut(film, [(0, 24), (24, 48)])
    command = [sys.executable, "-m", "celstream", "take-down", "film.mkv", "--at", address, *WHY]
    asked = subprocess.run(command, input="n\n", capture_output=True, text=True)
    assert asked.returncode == 2
    assert "film.mkv" in asked.stdout
    assert "1 footage and 2 clips will leave, for good." in asked.stdout
    assert "with the next `celstream store gc`" in asked.stdout
    assert len(catalog.items("clips")) == 2
    done = subprocess.run([*command, "--yes", "--json"], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert (found["item_id"], found["requested_by"], found["done"]) == (film.item.id, "local", True)
    assert catalog.items("clips") == catalog.footages() == []
    again = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True)
    assert json.loads(again.stdout)["already_taken_down"]
    lost = subprocess.run([*command[:4], "another", *command[5:]], capture_output=True, text=True)
    assert lost.returncode == 2
    assert "another: no such footage or item." in lost.stderr


def test_a_folder_that_is_in_use_is_left_alone(dataset: DatasetFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("celstream.folder.LOCK_PATIENCE_SECONDS", 0.0)
    with dataset.locked():
        ended = take_down("films/a film.mp4", "--at", dataset.path, *WHY, "--yes")
    assert ended.exit_code == 2
    assert "another run works in this folder" in ended.stderr
