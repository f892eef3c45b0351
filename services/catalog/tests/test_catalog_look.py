"""What somebody who was woken asks the catalog's database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from celstream_catalog import Catalog
from celstream_catalog.look import main
from celstream_platform.events import Event, encode
from celstream_platform.identity import reference
from celstream_platform.outcomes import outcome_event
from celstream_platform.topics import CLIPS, REJECTIONS
from celstream_protos.v1.envelope_pb2 import (
    OUTCOME_STATE_COMPLETED,
    REJECTION_REASON_UNREADABLE,
    ItemHeader,
    Outcome,
    Rejection,
)

if TYPE_CHECKING:
    from tests.catalog_hand import Hand

pytest_plugins = ["tests.catalog_hand"]
WHY = "hostile.mkv: the process that reads it crashed (SIGSEGV)."


@pytest.fixture
def asking(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELSTREAM_DATABASE", database_url)


@pytest.mark.usefixtures("asking")
def test_what_does_not_add_up_is_said_line_by_line(
    catalog: Catalog, hand: Hand, capsys: pytest.CaptureFixture[str]
) -> None:
    hand.cut(hand.footage("film"), [(0, 40)])
    catalog.catch_up()
    assert main(["balance"]) == 0
    assert capsys.readouterr().out == ""
    hand.log.publish([Event(CLIPS.name, "stranger", b"what no clip begins with")])
    catalog.catch_up()
    assert main(["balance"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert "celstream.clips" in line


@pytest.mark.usefixtures("asking")
def test_what_was_refused_as_a_whole_is_said_and_shots_that_were_refused_are_not(
    catalog: Catalog, hand: Hand, capsys: pytest.CaptureFixture[str]
) -> None:
    hand.cut(hand.footage("film"), [(0, 40)], [(40, 50)])
    film = hand.footage("hostile.mkv")
    refused = Rejection(
        id="1" * 64,
        version="2" * 64,
        level="clips",
        parent_id=film.item.id,
        footage_id=film.item.id,
        footage_name="hostile.mkv",
        reason=REJECTION_REASON_UNREADABLE,
        detail=WHY,
    )
    outcome = Outcome(
        stage="segmenter",
        input_id=film.item.id,
        input_version=film.item.version,
        input_level="footage",
        footage_id=film.item.id,
        recipe="recipe",
        state=OUTCOME_STATE_COMPLETED,
        rejections=[reference(ItemHeader(level="clips", id=refused.id, version=refused.version))],
    )
    event = encode(REJECTIONS.name, refused.id, refused, event_id=refused.id, source="segmenter")
    hand.log.publish([event, outcome_event("segmenter", outcome)])
    catalog.catch_up()
    assert main(["unreadable"]) == 0
    assert capsys.readouterr().out == f"hostile.mkv ({film.item.id}), clips: {WHY}\n"


@pytest.mark.parametrize("arguments", [[], ["everything"], ["balance", "unreadable"]])
def test_what_cannot_be_asked_is_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err.count("\n") == 1
