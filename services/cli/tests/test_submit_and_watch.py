"""`celstream submit` and `celstream watch` against a real catalog server over the embedded ports."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from celstream.commands import app
from celstream.remote_terminal import RemoteTerminal
from celstream.watch import share_done
from celstream_catalog import Catalog
from celstream_catalog.servicer import CatalogServicer, catalog_service
from celstream_catalog.settings import CatalogSettings
from celstream_platform import rpc, topics
from celstream_platform.artefacts.port import ArtefactStore
from celstream_platform.eventlog.port import EventLog
from celstream_platform.events import encode
from celstream_platform.rpc.server import Server
from celstream_platform.settings import load
from celstream_protos.v1.catalog_pb2 import FootageState, Funnel, FunnelLevel
from celstream_protos.v1.envelope_pb2 import OUTCOME_STATE_PARKED, Progress
from celstream_protos.v1.footage_pb2 import FOOTAGE_STYLE_JAPANESE, Footage
from rich.console import Console
from typer.testing import CliRunner

from tests.tiny_film import write_film

if TYPE_CHECKING:
    from tests.catalog_hand import Hand

pytest_plugins = ["tests.catalog_hand"]
COMMAND = (sys.executable, "-m", "celstream")


class RemoteCatalog:
    """A catalog that listens, and that can be stopped and started again at the same address."""

    def __init__(self, catalog: Catalog, scratch: Path) -> None:
        self._catalog, self._scratch = catalog, scratch
        self._stopping = threading.Event()
        self._server: Server | None = None
        self.address = "127.0.0.1:0"

    def start(self) -> None:
        self._stopping.clear()
        servicer = CatalogServicer(
            self._catalog, upload_bytes=1 << 22, scratch=self._scratch, stopping=self._stopping.is_set
        )
        settings = load(CatalogSettings, events="", artefacts="", database="", grpc_address=self.address)
        self._server = rpc.serve([catalog_service(servicer)], settings, checks={"catalog": self._catalog.answers})
        self.address = self._server.address

    def stop(self) -> None:
        self._stopping.set()
        assert self._server is not None
        self._server.stop(5.0)


@pytest.fixture
def remote(catalog: Catalog, tmp_path: Path) -> Iterator[RemoteCatalog]:
    """A catalog at an address, which projects in the background."""
    ended = threading.Event()
    projection = threading.Thread(target=catalog.run, args=(ended.is_set,))
    server = RemoteCatalog(catalog, tmp_path)
    server.start()
    projection.start()
    yield server
    server.stop()
    ended.set()
    projection.join()


def celstream(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own: a catalog in this one writes its log to the standard output."""
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False)


def objects(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def footage_of(catalog: Catalog, footage_id: str) -> Footage:
    found = catalog.item(footage_id)
    assert isinstance(found, Footage)
    return found


def test_a_film_is_taken_in_and_known_the_second_time(
    remote: RemoteCatalog, tmp_path: Path, catalog: Catalog, store: ArtefactStore
) -> None:
    film = write_film(tmp_path / "film.mkv")
    said = ["--style", "japanese", "--work", "A series", "--license", "CC0-1.0", "--json"]
    ended = celstream("submit", film, "--to", remote.address, *said)
    assert ended.returncode == 0, ended.stderr
    *_, sent, taken = objects(ended.stdout)
    assert (sent["event"], sent["done"], sent["total"]) == ("sent", film.stat().st_size, film.stat().st_size)
    assert (taken["event"], taken["footage"], taken["already_known"]) == ("footage", film.as_posix(), False)
    footage = footage_of(catalog, taken["footage_id"])
    assert (footage.style, footage.item.work) == (FOOTAGE_STYLE_JAPANESE, "A series")
    assert footage.rights.license == "CC0-1.0"
    with store.open(footage.content) as stored:
        assert stored.read() == film.read_bytes()
    again = celstream("submit", film, "--to", remote.address, "--json")
    assert [line["event"] for line in objects(again.stdout)] == ["footage"], "known bytes are not sent again"
    assert objects(again.stdout)[0]["already_known"]
    assert footage_of(catalog, taken["footage_id"]).rights.license == "CC0-1.0"


def test_what_is_refused_is_named_and_the_rest_is_taken_in(
    remote: RemoteCatalog, tmp_path: Path, catalog: Catalog
) -> None:
    films = tmp_path / "films"
    films.mkdir()
    write_film(films / "good.mkv")
    (films / "text.mp4").write_text("no film\n" * 50)
    (films / "long.mp4").write_bytes(bytes((1 << 22) + 1))
    (films / "empty.mp4").touch()
    ended = celstream("submit", films, films / "missing.mp4", "--to", remote.address)
    assert ended.returncode == 2
    assert re.search(r"good\.mkv: taken in as [0-9a-f]{64}\n", ended.stdout)
    complaints = "\n".join(sorted(ended.stderr.splitlines()))
    assert re.search(r"missing\.mp4: no such file", complaints)
    assert re.search(r"text\.mp4.*is not a video", complaints)
    assert "more than 4194304 bytes" in complaints
    assert re.search(r"empty\.mp4: is empty", complaints)
    assert complaints.count("\n") == 3
    assert len(catalog.footages()) == 1


def test_footage_is_followed_through_the_levels_until_it_is_finished(
    remote: RemoteCatalog, hand: Hand, event_log: EventLog
) -> None:
    film = hand.footage("film.mkv")
    wait_for(remote, film)
    command = [*COMMAND, "watch", film.item.id[:12], "--at", remote.address, "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        states = map(json.loads, process.stdout)
        first = next(states)
        assert (first["footage"], first["finished"], first["levels"][1]["inputs"]) == ("film.mkv", False, 1)
        progress = Progress(
            stage="segmenter", input_id=film.item.id, footage_id=film.item.id, done=240, total=480, unit="frames"
        )
        event_log.publish([encode(topics.PROGRESS.name, film.item.id, progress, event_id="p1", source="segmenter")])
        assert next(states)["progress"] == [
            {"stage": "segmenter", "input_id": film.item.id, "done": 240, "total": 480, "unit": "frames"}
        ]
        hand.cut(film, [(0, 24), (24, 48)], rejected=[(48, 50)])
        *_, last = states
        assert process.wait() == 0
    assert last["finished"]
    assert last["levels"][1]["items"] == 2
    assert last["levels"][1]["rejections"] == {"too_short": 1}


def test_all_footage_is_followed_where_none_is_named(remote: RemoteCatalog, hand: Hand) -> None:
    for name in ("one.mkv", "two.mkv"):
        hand.cut(hand.footage(name), [(0, 24)])
        wait_for(remote, hand.footage(name))
    ended = celstream("watch", "--at", remote.address)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[-1] == "all footage: finished; 2 clips"


def test_submitting_and_following_is_one_command(remote: RemoteCatalog, tmp_path: Path, hand: Hand) -> None:
    film = write_film(tmp_path / "film.mkv")
    command = [*COMMAND, "submit", film, "--to", remote.address, "--watch"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        footage_id = next(process.stdout).split()[-1]
        assert next(process.stdout).endswith("film.mkv: at work; 0 clips, 1 input to do\n")
        hand.cut(footage_of(hand_catalog(remote), footage_id), [(0, 8)])
        assert process.stdout.read().endswith("film.mkv: finished; 1 clips\n")
        assert process.wait() == 0


def test_a_catalog_that_restarts_is_waited_for(remote: RemoteCatalog, hand: Hand) -> None:
    film = hand.footage("film.mkv")
    wait_for(remote, film)
    command = [*COMMAND, "watch", film.item.id, "--at", remote.address, "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert not json.loads(next(iter(process.stdout.readline, "")))["finished"]
        remote.stop()
        assert "the catalog does not answer" in process.stderr.readline()
        hand.cut(film, [(0, 24)])
        remote.start()
        assert objects(process.stdout.read())[-1]["finished"]
        assert process.wait() == 0


def test_footage_that_met_a_fault_or_was_refused_shows_in_the_exit_code(
    remote: RemoteCatalog, tmp_path: Path, hand: Hand, catalog: Catalog
) -> None:
    film = hand.footage("film.mkv")
    hand.cut(film, [], state=OUTCOME_STATE_PARKED, error="ZeroDivisionError")
    wait_for(remote, film)
    ended = celstream("watch", film.item.id, "--at", remote.address)
    assert ended.returncode == 1
    assert "1 input parked by a fault" in ended.stdout
    (tmp_path / "text.mp4").write_text("no film\n" * 50)
    assert celstream("submit", tmp_path / "text.mp4", "--to", remote.address).returncode == 2
    (rejection,) = catalog.rejections("footage")
    ended = celstream("watch", rejection.footage_id, "--at", remote.address)
    assert ended.returncode == 2
    assert ended.stdout.endswith("text.mp4: finished; refused as footage (unreadable)\n")


def test_unknown_footage_is_named(remote: RemoteCatalog, hand: Hand) -> None:
    ended = celstream("watch", "0" * 64, "--at", remote.address)
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    wait_for(remote, hand.footage("film.mkv"))
    ended = celstream("watch", "zzz", "--at", remote.address)
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"zzz: no footage with such an id at {remote.address}.")


@pytest.mark.parametrize("command", [["watch", "--at"], ["submit", "film.mkv", "--to"]])
def test_a_server_that_is_away_is_told_in_one_line(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_film(tmp_path / "film.mkv")
    ended = celstream(*command, "127.0.0.1:1")
    assert ended.returncode == 2
    assert re.fullmatch(r"127\.0\.0\.1:1: the catalog does not answer \(.*refused.*\)\. Look whether.*\n", ended.stderr)
    ended = celstream(*command, "nowhere")
    assert (ended.returncode, ended.stderr) == (2, "'nowhere': no address of a catalog. Give HOST:PORT.\n")


def test_an_interruption_ends_watching_with_its_own_returncode(remote: RemoteCatalog, hand: Hand) -> None:
    film = hand.footage("film.mkv")
    wait_for(remote, film)
    # A job in the background ignores SIGINT, hence env. (By preexec_fn it would be a fork, in which gRPC may complain.)
    command = ["env", "--default-signal=INT", *COMMAND, "watch", film.item.id, "--at", remote.address]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == "Interrupted. The same command goes on.\n"
        assert process.wait() == 130


def test_what_is_worked_on_counts_for_the_part_that_is_done() -> None:
    clips = FunnelLevel(level="clips", stage="segmenter", inputs=2, inputs_done=1)
    state = FootageState(
        funnel=Funnel(levels=[FunnelLevel(level="footage"), clips]),
        progress=[Progress(stage="segmenter", done=1, total=4), Progress(stage="pose", done=1, total=1)],
    )
    assert share_done(state, clips) == 0.625


def test_a_terminal_shows_each_level_and_ends_with_a_line() -> None:
    screen = io.StringIO()
    display = RemoteTerminal(Console(file=screen, force_terminal=True, width=100, color_system=None))
    clips = FunnelLevel(level="clips", stage="segmenter", inputs=1)
    state = FootageState(footage_id="f", name="[film].mkv", funnel=Funnel(levels=[FunnelLevel(level="footage"), clips]))
    state.progress.append(Progress(stage="segmenter", done=240, total=480, unit="frames"))
    display.sent("[film].mkv", 1 << 20, 1 << 21)
    display.taken("[film].mkv", "f", already_known=False)
    display.state(state)
    state.finished, clips.items = True, 12
    display.state(state)
    display.close()
    shown = screen.getvalue()
    assert "✓ [film].mkv  taken in as f" in shown
    assert "✓ [film].mkv  0 clips" in shown


def wait_for(remote: RemoteCatalog, footage: Footage) -> None:
    """Until the projection, which runs beside, has seen the footage."""
    catalog = hand_catalog(remote)
    while not catalog.funnel(footage.item.id).levels[0].items:
        pass


def hand_catalog(remote: RemoteCatalog) -> Catalog:
    return remote._catalog


def test_the_help_shows_examples() -> None:
    environment = {**os.environ, "COLUMNS": "120"}
    for command, example in (("submit", "celstream submit film.mp4 --to"), ("watch", "celstream watch 3f9a2c --at")):
        assert example in CliRunner().invoke(app, [command, "--help"], env=environment).output
