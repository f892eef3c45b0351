"""`celstream store gc`: what aborted attempts left in a folder goes, what is in use stays, and both are counted."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from celstream.commands import app
from celstream.folder import DatasetFolder
from celstream.pipeline import open_ports
from celstream.store import sized
from typer.testing import CliRunner, Result

from tests.catalog_hand import Hand

TOO_SHORT = "at least 2 h are needed"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A dataset folder whose film was cut twice; of the first time a later outcome lists nothing."""
    folder = DatasetFolder(tmp_path / "out")
    folder.create()
    with open_ports(folder, {}) as ports:
        hand = Hand(ports.log, ports.store)
        film = hand.footage("film")
        hand.cut(film, [(0, 10)], recipe="first")
        hand.cut(film, [(0, 20)], recipe="second")
        ports.catalog.catch_up()
        ports.store.put(b"left over", "text/plain")
    half = folder.artefacts / "incoming" / "half"
    half.write_bytes(b"half a film")
    os.utime(half, (1, 1))
    return folder.path


def gc(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["store", "gc", *map(str, arguments)], env={"CELSTREAM_EVENTS": ""})


def stored(out: Path) -> list[bytes]:
    """The bytes of all artefacts."""
    return sorted(path.read_bytes() for path in DatasetFolder(out).artefacts.rglob("*") if path.is_file())


def test_a_dry_run_counts_and_removes_nothing(out: Path) -> None:
    before = stored(out)
    ended = gc(out, "--dry-run")
    assert ended.exit_code == 0
    assert "1 artefacts (6 bytes) are in use" in ended.stdout
    assert "3 left over (25 bytes) would be removed (1 of them half stored)." in ended.stdout
    assert stored(out) == before


def test_what_is_left_over_or_replaced_goes_and_the_second_time_finds_nothing(out: Path) -> None:
    ended = gc(out, "--json")
    assert ended.exit_code == 0
    found = json.loads(ended.stdout)
    assert (found["used"], found["left_over"], found["halves"], found["young"]) == (1, 3, 1, 0)
    assert stored(out) == [b"second"]
    again = json.loads(gc(out, "--json").stdout)
    assert (again["used"], again["left_over"]) == (1, 0)
    with open_ports(DatasetFolder(out), {}) as ports:
        ports.catalog.catch_up()
        assert [attached.artefact.size for attached in ports.catalog.attachments()] == [len("second")]
        assert len(ports.catalog.items("clips")) == 1
        assert ports.catalog.check_balance() == []


def test_a_store_that_services_work_with_needs_a_grace(out: Path) -> None:
    folder = DatasetFolder(out)
    urls = ("--events", folder.events_url, "--artefacts", folder.artefacts_url)
    ended = gc(*urls, "--grace-hours", "1")
    assert (ended.exit_code, TOO_SHORT in ended.stderr) == (2, True)
    said = gc(*urls).stdout
    assert "1 left over (11 bytes) removed (1 of them half stored); 2 (14 bytes) too young to tell." in said
    assert stored(out) == [b"first", b"left over", b"second"]
    for path in folder.artefacts.rglob("??/*"):
        os.utime(path, (1, 1))
    assert "1 artefacts (6 bytes) are in use by 4 events; 2 left over (14 bytes) removed." in gc(*urls).stdout
    assert stored(out) == [b"second"]


def test_what_is_wrong_with_the_question_is_said_in_one_line(tmp_path: Path) -> None:
    for arguments, complaint in (
        ([tmp_path / "nothing"], "no dataset. Give the folder of an earlier run"),
        ([], "Give a dataset folder, or --events URL and --artefacts URL"),
        (["--events", "redis://x", "--artefacts", "file:///x"], "not an event log"),
    ):
        ended = gc(*arguments)
        assert ended.exit_code == 2
        assert complaint in ended.stderr
        assert ended.stderr.count("\n") == 1


def test_bytes_are_told_as_a_person_reads_them() -> None:
    assert [sized(n) for n in (0, 1023, 1024, 3_565_158, 5 << 30)] == [
        "0 bytes",
        "1,023 bytes",
        "1.0 KiB",
        "3.4 MiB",
        "5.0 GiB",
    ]
