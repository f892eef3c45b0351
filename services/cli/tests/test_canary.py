"""`celstream canary`: a film of its own for every name, through a whole run, scored, recorded, and in no dataset."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet
import pytest
from celstream.canary import canary_name, clear_away, rights_of
from celstream.canary_film import film_of, known
from celstream.commands import app
from celstream.folder import DatasetFolder
from celstream.pipeline import open_ports
from celstream.remote import Remote
from celstream_catalog import Catalog
from celstream_catalog.intake import Description
from celstream_catalog.servicer import CatalogServicer, catalog_service
from celstream_catalog.settings import CatalogSettings
from celstream_platform import rpc
from celstream_platform.errors import Invalid
from celstream_platform.footage.files import hash_file
from celstream_platform.rpc.identity import ROLE_URI
from celstream_platform.settings import load
from celstream_protos.v1.catalog_pb2 import RecordEvaluationRequest
from celstream_protos.v1.evaluation_pb2 import Evaluation, Score
from celstream_renderer import Film, Scene, render, truth_of
from google.protobuf.timestamp_pb2 import Timestamp
from typer.testing import CliRunner

from tests.certificates import Authority
from tests.end_to_end.command import SHOTS

pytest_plugins = ["tests.catalog_hand"]


def test_a_name_gives_its_film_again_and_another_name_another_one() -> None:
    (first, seed), (again, _), (other, other_seed) = (film_of(name, 10.0) for name in ("one", "one", "two"))
    assert first == again != other
    assert seed != other_seed


@pytest.mark.parametrize("name", ["one", "two", "three"])
def test_every_film_has_all_there_is_to_compare(name: str) -> None:
    film, _ = film_of(name, 10.0)
    truth = known(truth_of(film))
    assert len(truth.transitions.cuts) >= 3
    assert truth.kept
    assert truth.transitions.gradual
    assert sum(end - first for _, first, end in truth.holds) >= 3 * film.fps
    standing = [shot for shot in film.shots if isinstance(shot.content, Scene) and shot.content.camera.kind == "static"]
    assert len(truth.holds) <= len(standing)
    for holds, first, end in truth.holds:
        assert holds.start_frame <= first < end <= holds.end_frame


def test_a_name_is_of_this_minute_or_one_that_a_file_can_have() -> None:
    assert canary_name("").startswith("canary-20")
    assert canary_name("celstream-canary-29400480") == "celstream-canary-29400480"
    with pytest.raises(Invalid, match=r"'\.\./x': no name for a canary"):
        canary_name("../x")


@pytest.mark.parametrize("arguments", [[], ["--to", "localhost:1", "--out", "x"]])
def test_where_it_goes_is_said_once(arguments: list[str]) -> None:
    ended = CliRunner().invoke(app, ["canary", *arguments])
    assert ended.exit_code == 2
    assert ended.stderr == "canary: where? Give either --to HOST:PORT, or --out FOLDER.\n"


def test_a_film_too_short_to_have_it_all_is_one_line(tmp_path: Path) -> None:
    ended = CliRunner().invoke(app, ["canary", "--out", str(tmp_path), "--seconds", "2", "--name", "short"])
    assert ended.exit_code == 2
    assert ended.stderr.splitlines()[-1].startswith("a canary of 2 s: too short to have cuts")


@pytest.mark.slow
def test_a_canary_on_this_machine_is_scored_and_recorded_and_in_no_dataset(tmp_path: Path) -> None:
    out = tmp_path / "dataset"
    command = [sys.executable, "-m", "celstream", "canary", "--out", out, "--name", "here", "--seconds", "8", "--json"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    said = json.loads(ended.stdout)
    by_subject = {one["subject"]: one for one in said["scores"]}
    assert by_subject.keys() == {"cuts", "gradual", "holds", "kept"}
    assert by_subject["cuts"]["expected"] >= 3
    assert by_subject["cuts"]["f1"] >= 0.5
    assert by_subject["holds"]["f1"] >= 0.8
    assert by_subject["kept"]["right"] >= 1
    assert pyarrow.parquet.read_table(out / "clips.parquet").num_rows == 0
    assert "here" not in (out / "report.html").read_text()
    with open_ports(DatasetFolder(out), {}) as ports:
        (kept,) = ports.catalog.evaluations("canary")
        assert (kept.name, kept.footage_id) == ("here", said["footage_id"])
        (footage,) = ports.catalog.items("footage", said["footage_id"])
        assert footage.rights.canary  # type: ignore[attr-defined]
        assert not footage.rights.release_allowed  # type: ignore[attr-defined]
        assert ports.catalog.footages() == []
        assert ports.catalog.items("clips", said["footage_id"]) != []
    again = subprocess.run([*command, "--strict"], capture_output=True, text=True, check=False)
    below = any(one["f1"] < one["least_f1"] for one in said["scores"])
    assert again.returncode == (3 if below else 0), again.stderr
    assert json.loads(again.stdout)["footage_id"] == said["footage_id"], "the same name is the same film"


def test_in_a_folder_a_canary_goes_with_its_film_a_week_after_its_score(tmp_path: Path) -> None:
    folder = DatasetFolder(tmp_path)
    folder.create()
    films = folder.state / "canaries"
    films.mkdir()
    with open_ports(folder, {}) as ports:
        for number, days in enumerate((8, 6)):
            path = films / f"{days}.mp4"
            render(Film(shots=SHOTS[number : number + 1], size=(64, 36), name=path.stem), path)
            footage = ports.catalog.submit(path, description=Description(rights=rights_of(path.stem))).footage
            at = Timestamp(seconds=int(time.time()) - days * 24 * 3600)
            score = Score(level="clips", subject="cuts", expected=1, given=1, right=1)
            id_ = footage.item.id
            kept = Evaluation(id=id_, benchmark="canary", footage_id=id_, evaluated_at=at, scores=[score])
            ports.catalog.record_evaluation(kept)
        clear_away(ports, films)
        assert [path.name for path in films.glob("*.mp4")] == ["6.mp4"]
        assert [stored.name for stored in ports.store.listed()] == [hash_file(films / "6.mp4")[0]]
        assert len(ports.catalog.evaluations("canary")) == 2


def test_a_catalog_that_asks_for_certificates_is_shown_one(catalog: Catalog, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    server_file, server_key = authority.issue("server", server=True)
    own = authority.issue("canary", f"{ROLE_URI}service")
    nobody = authority.issue("nobody")
    servicer = CatalogServicer(catalog, upload_bytes=1 << 20, scratch=tmp_path, stopping=lambda: False)
    settings = load(
        CatalogSettings,
        events="",
        artefacts="",
        database="",
        grpc_address="localhost:0",
        grpc_certificate_file=server_file,
        grpc_key_file=server_key,
        grpc_client_ca_file=authority.ca_file,
    )
    server = rpc.serve([catalog_service(servicer)], settings, checks={})
    score = Score(level="clips", subject="cuts", expected=1, given=1, right=1)
    kept = Evaluation(id="e" * 64, benchmark="canary", footage_id="f" * 64, scores=[score])
    request = RecordEvaluationRequest(evaluation=kept)
    try:
        remote = Remote(server.address, authority.ca_file, None, *own)
        with remote.open() as stub, remote.calling():
            stub.RecordEvaluation(request)
        assert catalog.evaluations("canary") == [kept]
        other = Remote(server.address, authority.ca_file, None, *nobody)
        with (
            other.open() as stub,
            pytest.raises(Invalid, match=r"no role\. Show a client certificate"),
            other.calling(),
        ):
            stub.RecordEvaluation(request)
    finally:
        server.stop(1.0)
