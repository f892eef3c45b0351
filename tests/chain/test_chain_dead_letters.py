"""Dead letters by the command, in an embedded log and on Kafka: found, filtered, put back with no trace, forgotten."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from celstream.commands import app
from celstream_catalog import Catalog
from celstream_platform.artefacts import directory_url, open_artefact_store
from celstream_platform.eventlog import open_event_log, sqlite_url
from structlog.testing import capture_logs
from typer.testing import CliRunner

from tests.chain import toy
from tests.chain.bench import Bench, database_url


@pytest.fixture(params=["sqlite", pytest.param("kafka", marks=pytest.mark.slow)])
def events_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an event log."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "events.sqlite")
    url: str = request.getfixturevalue("kafka_url")
    return url


@pytest.fixture
def bench(events_url: str, tmp_path: Path) -> Iterator[Bench]:
    """The toy chain's first stage over either log; it has a bug."""
    chain = toy.CHAIN.until("words")
    log, store = open_event_log(events_url), open_artefact_store(directory_url(tmp_path / "artefacts"))
    with capture_logs(), Catalog(database_url(tmp_path, "catalog"), log, store, chain) as catalog:
        yield Bench(tmp_path, log, store, catalog, [toy.Splitter(store)])
    log.close()


def dlq(*arguments: str, at: str) -> str:
    """What the command says."""
    with capture_logs():
        ended = CliRunner().invoke(app, ["dlq", *arguments, "--at", at], catch_exceptions=False)
    assert ended.exit_code == 0, ended.output
    return ended.stdout


def listed(at: str, *filters: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in dlq("list", "--json", *filters, at=at).splitlines()]


def test_a_letter_that_is_put_back_and_now_works_leaves_no_trace(bench: Bench, events_url: str) -> None:
    ids = {name: bench.offer(name, f"bug {name}") for name in ("one", "two", "three")}
    bench.offer("four", "all is well")
    bench.settle()
    root = bench.catalog.funnel().levels[1]
    assert (root.inputs, root.inputs_done, root.inputs_parked) == (4, 4, 3)
    found = {letter["key"]: letter for letter in listed(events_url, "--stage", "splitter")}
    assert set(found) == set(ids.values())
    letter = found[ids["one"]]
    assert (letter["error"], letter["attempts"]) == ("ZeroDivisionError: the bug", 3)
    assert len({one["traceback_digest"] for one in found.values()}) == 1, "one bug"
    shown = dlq("show", letter["id"][:12], at=events_url)
    assert "Traceback (most recent call last)" in shown
    assert letter["traceback_digest"] in shown

    assert len(listed(events_url, "--error", "zerodivision", "--since", "2h")) == 3
    assert listed(events_url, "--error", "KeyError") == []
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
    assert listed(events_url, "--since", tomorrow) == []
    assert len(listed(events_url, "--until", tomorrow, "--stage", "splitter")) == 3

    assert len(dlq("replay", "--dry-run", at=events_url).splitlines()) == 3
    assert len(listed(events_url)) == 3, "a dry run moves nothing"
    assert dlq("discard", found[ids["three"]]["id"], at=events_url).startswith("1 forgotten")
    bench.replace(toy.Splitter(bench.store, broken=False))
    assert dlq("replay", found[ids["one"]]["id"][:16], at=events_url).startswith("1 put back")
    assert {letter["key"] for letter in listed(events_url)} == {ids["two"]}
    assert dlq("replay", "--stage", "splitter", "--error", "the bug", at=events_url).startswith("1 put back")
    assert dlq("replay", at=events_url).startswith("0 put back")
    bench.settle()
    root = bench.catalog.funnel().levels[1]
    assert (root.inputs, root.inputs_done, root.inputs_parked) == (4, 4, 1), "the one that was forgotten stays parked"
    assert bench.says("words") == ["all", "bug", "bug", "is", "one", "two", "well"]
    assert bench.catalog.check_balance() == []
    assert [parked.input_id for parked in bench.catalog.parked()] == [ids["three"]]


def test_what_is_wrong_with_the_question_is_said_in_one_line(tmp_path: Path) -> None:
    for arguments, complaint in (
        (["list", "--at", str(tmp_path / "nothing")], "no dataset. Give the folder of an earlier run, or kafka://"),
        (["list", "--at", "redis://x"], "not an event log"),
        (["list", "--since", "yesterday", "--at", str(tmp_path)], "'yesterday': not a moment"),
    ):
        ended = CliRunner().invoke(app, ["dlq", *arguments])
        assert ended.exit_code == 2
        assert complaint in ended.stderr
        assert ended.stderr.count("\n") == 1
