"""Canary footage: worked on as all footage is, and no part of the collection; its evaluations are kept and exported."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from celstream_catalog import Catalog
from celstream_catalog.canary_metrics import RECENT, CanaryMetrics
from celstream_catalog.funnel_metrics import count
from celstream_platform.artefacts import ArtefactStore
from celstream_platform.errors import Invalid, NotFound
from celstream_platform.eventlog import EventLog
from celstream_platform.metrics import REGISTRY
from celstream_protos.v1.catalog_pb2 import Funnel
from celstream_protos.v1.envelope_pb2 import OUTCOME_STATE_PARKED
from celstream_protos.v1.evaluation_pb2 import Evaluation, Score
from google.protobuf.timestamp_pb2 import Timestamp

if TYPE_CHECKING:
    from tests.catalog_hand import Hand

pytest_plugins = ["tests.catalog_hand"]
BEGAN = 1_800_000_000


def evaluation(number: int, right: int, *, expected: int = 10, given: int = 10) -> Evaluation:
    return Evaluation(
        id=f"{number:064x}",
        benchmark="canary",
        name=f"canary-{number}",
        footage_id=f"{number:064x}",
        evaluated_at=Timestamp(seconds=BEGAN + 3600 * number),
        finish_seconds=20.0 + number,
        scores=[Score(level="clips", subject="cuts", expected=expected, given=given, right=right, least_f1=0.9)],
    )


def value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"celstream_canary_{name}", labels)


def score(measure: str, over: str) -> float | None:
    return value("score_ratio", level="clips", subject="cuts", measure=measure, over=over)


def items_of(funnel: Funnel) -> list[int]:
    return [level.items for level in funnel.levels]


def test_canaries_are_no_part_of_what_is_asked_of_all_footage(catalog: Catalog, hand: Hand) -> None:
    film, canary = hand.footage("film"), hand.footage("canary", canary=True)
    clips = hand.cut(film, [(0, 40)], [(40, 50)])
    of_canary = hand.cut(canary, [(0, 30), (30, 60)], [(60, 70)])
    catalog.catch_up()
    assert catalog.items("clips") == clips
    assert [entry.footage for entry in catalog.footages()] == [film]
    assert [rejection.footage_id for rejection in catalog.rejections()] == [film.item.id]
    assert [attached.footage_id for attached in catalog.attachments()] == [film.item.id]
    assert catalog.page("clips", None, 1, "")[1] == ""
    assert items_of(catalog.funnel()) == [1, 1]
    assert sum(catalog.items_by_style().values()) == 2
    # Whoever asks for it by name gets it.
    assert catalog.items("clips", canary.item.id) == of_canary
    assert items_of(catalog.funnel(canary.item.id)) == [1, 2]
    assert len(catalog.attachments(footage_id=canary.item.id)) == 1
    assert len(catalog.items("clips", canaries=True)) == 3
    assert items_of(catalog.funnel(canaries=True)) == [2, 3]
    assert catalog.check_balance() == []


def test_what_was_a_canary_by_mistake_comes_back_with_its_rights(catalog: Catalog, hand: Hand) -> None:
    hand.cut(hand.footage("film", canary=True), [(0, 40)])
    hand.footage("film", version="2")
    catalog.catch_up()
    assert len(catalog.items("clips")) == 1
    hand.footage("film", version="3", canary=True)
    catalog.catch_up()
    assert catalog.items("clips") == []


def test_a_canary_on_its_way_is_work_and_no_imbalance_and_one_that_is_parked_is_seen(
    catalog: Catalog, hand: Hand
) -> None:
    canary = hand.footage("canary", canary=True)
    catalog.catch_up()
    count(catalog)
    labels = {"level": "clips", "stage": "segmenter"}
    assert REGISTRY.get_sample_value("celstream_catalog_inputs", {**labels, "state": "pending"}) == 1
    assert REGISTRY.get_sample_value("celstream_catalog_imbalances") == 0
    assert REGISTRY.get_sample_value("celstream_catalog_items", {"level": "footage", "style": "unspecified"}) == 0
    hand.cut(canary, [], state=OUTCOME_STATE_PARKED, error="a bug")
    catalog.catch_up()
    count(catalog)
    assert REGISTRY.get_sample_value("celstream_catalog_inputs", {**labels, "state": "parked"}) == 1
    assert [parked.footage_id for parked in catalog.parked()] == [canary.item.id]


def test_what_is_attached_to_footage_can_be_read(catalog: Catalog, hand: Hand) -> None:
    film = hand.footage("film")
    hand.cut(film, [(0, 40)], recipe="the analysis")
    catalog.catch_up()
    assert b"".join(catalog.attached_bytes(film.item.id, "transitions")) == b"the analysis"
    with pytest.raises(NotFound, match="nothing called 'holds' is attached"):
        list(catalog.attached_bytes(film.item.id, "holds"))


def test_evaluations_are_kept_through_a_rebuild_and_exported_the_same(
    catalog: Catalog, event_log: EventLog, store: ArtefactStore, tmp_path: Path
) -> None:
    metrics = CanaryMetrics(catalog, 3600.0)
    metrics.count()
    began = value("result_timestamp_seconds")
    assert began is not None
    assert began > BEGAN - 10**9
    assert (score("f1", "last"), value("period_seconds")) == (None, 3600.0)
    for number in range(RECENT + 3):
        catalog.record_evaluation(evaluation(number, right=0 if number < 3 else 10))
    catalog.record_evaluation(evaluation(RECENT + 2, right=6, given=8))  # the last one, compared once more
    metrics.count()
    after = {name: score(*name) for name in (("recall", "last"), ("precision", "last"), ("f1", "last"))}
    assert list(after.values()) == [0.6, 0.75, pytest.approx(2 * 6 / 18)]
    assert score("recall", "recent") == (10 * (RECENT - 1) + 6) / (10 * RECENT)
    assert value("least_ratio", level="clips", subject="cuts") == 0.9
    assert value("result_timestamp_seconds") == BEGAN + 3600 * (RECENT + 2)
    assert value("finish_seconds") == 20.0 + RECENT + 2
    with Catalog(f"sqlite:///{tmp_path / 'anew.sqlite'}", event_log, store) as anew:
        anew.catch_up()
        assert anew.evaluations("canary") == catalog.evaluations("canary")
        assert len(anew.evaluations("canary")) == RECENT + 3
        CanaryMetrics(anew, 3600.0).count()
        assert score("recall", "recent") == (10 * (RECENT - 1) + 6) / (10 * RECENT)


def test_one_error_alone_is_forgiven_and_two_are_not(catalog: Catalog) -> None:
    """Of the first canary after an installation, a cut missed out of four is far below what is asked."""
    for number, right, forgiven in ((0, 3, 1.0), (0, 2, pytest.approx(2 * 3 / 7))):
        catalog.record_evaluation(evaluation(number, right=right, expected=4, given=right))
        CanaryMetrics(catalog, 0.0).count()
        assert score("f1", "recent") == pytest.approx(2 * right / (4 + right))
        assert score("f1_but_one", "recent") == forgiven


def test_a_subject_that_a_canary_did_not_have_says_nothing(catalog: Catalog) -> None:
    catalog.record_evaluation(evaluation(0, right=0, expected=0, given=0))
    CanaryMetrics(catalog, 0.0).count()
    assert [score(measure, "last") for measure in ("recall", "precision", "f1")] == [None, None, None]


def test_an_evaluation_that_cannot_be_is_refused(catalog: Catalog) -> None:
    with pytest.raises(Invalid, match="11 right of 10 expected and 10 given cuts"):
        catalog.record_evaluation(evaluation(0, right=11))
    with pytest.raises(Invalid, match="expected an id, a benchmark, a footage and scores"):
        catalog.record_evaluation(Evaluation(id="0" * 64, benchmark="canary"))
    assert catalog.evaluations("canary") == []
