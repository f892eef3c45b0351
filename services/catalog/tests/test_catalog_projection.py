"""The projection of footage and clips: what is current, what is finished, what the funnel says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from celstream_catalog import Catalog, ReviewStatus
from celstream_catalog.levels import CHAIN
from celstream_platform import topics
from celstream_platform.artefacts.port import ArtefactStore
from celstream_platform.errors import Invalid, NotFound
from celstream_platform.eventlog.port import EventLog
from celstream_platform.events import Event
from celstream_protos.v1.clip_pb2 import Clip
from celstream_protos.v1.envelope_pb2 import (
    ORIGIN_KIND_HUMAN,
    OUTCOME_STATE_AWAITING_REVIEW,
    OUTCOME_STATE_PARKED,
    REJECTION_REASON_REFUSED_BY_REVIEWER,
    REJECTION_REASON_TOO_SHORT,
    REVIEW_VERDICT_ACCEPT,
    REVIEW_VERDICT_CORRECT,
    REVIEW_VERDICT_REJECT,
    Outcome,
)

if TYPE_CHECKING:
    from tests.catalog_hand import Hand

pytest_plugins = ["tests.catalog_hand"]


def ranges(catalog: Catalog, footage_id: str | None = None) -> list[tuple[int, int]]:
    return [(c.range.start_frame, c.range.end_frame) for c in catalog.items("clips", footage_id)]  # type: ignore[attr-defined]


def test_footage_is_finished_once_its_outcome_and_all_that_it_lists_are_in(catalog: Catalog, hand: Hand) -> None:
    film = hand.footage("film.mkv")
    catalog.catch_up()
    assert not catalog.completion(film.item.id).finished
    hand.cut(film, [(0, 24), (24, 48)], rejected=[(48, 50)])
    assert catalog.catch_up() == 4
    assert catalog.completion(film.item.id).finished
    assert catalog.finished()
    assert ranges(catalog) == [(0, 24), (24, 48)]
    assert catalog.check_balance() == []
    footage, clips = catalog.funnel().levels
    assert (footage.items, clips.stage, clips.inputs, clips.inputs_done, clips.items) == (1, "segmenter", 1, 1, 2)
    assert [(r.reason, r.count) for r in clips.rejections] == [(REJECTION_REASON_TOO_SHORT, 1)]
    assert [attached.name for attached in catalog.attachments()] == ["transitions"]


def test_a_newer_outcome_withdraws_what_it_no_longer_lists(catalog: Catalog, hand: Hand) -> None:
    film = hand.footage("film.mkv")
    hand.cut(film, [(0, 24), (24, 48)], rejected=[(48, 50)])
    catalog.catch_up()
    hand.cut(film, [(0, 48)], recipe="a moved threshold")
    catalog.catch_up()
    assert ranges(catalog) == [(0, 48)]
    assert catalog.rejections() == []
    assert catalog.check_balance() == []
    assert [outcome.recipe for outcome in catalog.outcomes(film.item.id)] == ["recipe", "a moved threshold"]


def test_what_was_withdrawn_comes_back_when_it_is_listed_again(catalog: Catalog, hand: Hand) -> None:
    film = hand.footage("film.mkv")
    for recipe, cuts in (("one", [(0, 24)]), ("two", [(0, 48)]), ("one", [(0, 24)])):
        hand.cut(film, cuts, recipe=recipe)
        catalog.catch_up()
    assert ranges(catalog) == [(0, 24)]
    assert catalog.check_balance() == []


def test_a_long_listing_is_read_from_the_store(catalog: Catalog, hand: Hand) -> None:
    film = hand.footage("film.mkv")
    hand.cut(film, [(n, n + 1) for n in range(1200)], long_listing=True)
    catalog.catch_up()
    assert len(ranges(catalog)) == 1200
    assert catalog.check_balance() == []


def test_a_listing_that_is_gone_shows_and_nothing_counts_as_finished(
    catalog: Catalog, hand: Hand, store: ArtefactStore
) -> None:
    film = hand.footage("film.mkv")
    hand.cut(film, [(0, 24)], long_listing=True)
    (outcome,) = outcomes_on_topic(hand.log)
    store.delete(outcome.listing)
    catalog.catch_up()
    assert not catalog.completion(film.item.id).finished
    assert any("lists what is not stored" in line for line in catalog.check_balance())


def outcomes_on_topic(log: EventLog) -> list[Outcome]:
    reader = log.reader([topics.OUTCOMES.name], {})
    found = [Outcome.FromString(delivery.event.value) for delivery in reader.poll(100, 0.0)]
    reader.close()
    return found


def test_a_new_version_of_footage_waits_for_a_new_outcome(catalog: Catalog, hand: Hand) -> None:
    film = hand.footage("film.mkv")
    hand.cut(film, [(0, 24)])
    catalog.catch_up()
    newer = hand.footage("film.mkv", version="other rights")
    catalog.catch_up()
    assert not catalog.finished()
    assert ranges(catalog) == [(0, 24)], "what was made of the older version stands until it is replaced"
    hand.cut(newer, [(0, 24)])
    catalog.catch_up()
    assert catalog.finished()
    assert [v.item.version for v in catalog.versions(film.item.id)] == [film.item.version, newer.item.version]  # type: ignore[attr-defined]


def test_another_recipe_than_the_chain_names_leaves_footage_pending_and_offered_again(
    catalog: Catalog, hand: Hand, database_url: str, event_log: EventLog, store: ArtefactStore
) -> None:
    film = hand.footage("film.mkv")
    hand.cut(film, [(0, 24)], recipe="old")
    with Catalog(database_url, event_log, store, CHAIN.with_recipes({"segmenter": "new"})) as newer:
        newer.catch_up()
        assert not newer.finished()
        assert newer.offer_again("segmenter") == 1
        hand.cut(film, [(0, 24)], recipe="new")
        newer.catch_up()
        assert newer.finished()
        assert newer.offer_again("segmenter") == 0


def test_parked_and_doubtful_inputs_are_counted_and_not_waited_for(catalog: Catalog, hand: Hand) -> None:
    parked, doubtful = hand.footage("parked.mkv"), hand.footage("doubtful.mkv")
    hand.cut(parked, [], state=OUTCOME_STATE_PARKED, error="ZeroDivisionError: the bug")
    hand.cut(doubtful, [(0, 24)], state=OUTCOME_STATE_AWAITING_REVIEW)
    catalog.catch_up()
    assert catalog.finished()
    assert catalog.completion(parked.item.id).parked == 1
    assert catalog.completion(doubtful.item.id).awaiting_review == 1
    clips = catalog.funnel().levels[1]
    assert (clips.inputs, clips.inputs_done, clips.inputs_parked, clips.inputs_awaiting_review) == (2, 2, 1, 1)
    assert [(p.input_id, p.error) for p in catalog.parked()] == [(parked.item.id, "ZeroDivisionError: the bug")]
    assert catalog.offer_again("segmenter", parked=True) == 1


def test_the_same_events_twice_change_nothing(catalog: Catalog, hand: Hand) -> None:
    film = hand.footage("film.mkv")
    hand.cut(film, [(0, 24)], rejected=[(24, 25)])
    catalog.catch_up()
    before = (catalog.funnel(), catalog.items("clips"), catalog.rejections())
    hand.footage("film.mkv")
    hand.cut(film, [(0, 24)], rejected=[(24, 25)])
    catalog.catch_up()
    assert (catalog.funnel(), catalog.items("clips"), catalog.rejections()) == before
    assert catalog.finished()
    assert len(catalog.versions(film.item.id)) == 1


def test_a_refused_clip_counts_as_a_rejection_and_comes_back_when_accepted(catalog: Catalog, hand: Hand) -> None:
    film = hand.footage("film.mkv")
    first, _ = hand.cut(film, [(0, 24), (24, 48)])
    hand.review(first, REVIEW_VERDICT_REJECT, "r1")
    catalog.catch_up()
    assert ranges(catalog) == [(24, 48)]
    (rejection,) = catalog.rejections("clips")
    assert rejection.reason == REJECTION_REASON_REFUSED_BY_REVIEWER
    assert (rejection.origin.kind, rejection.origin.reviewer) == (ORIGIN_KIND_HUMAN, "ada")
    assert (rejection.range.start_frame, rejection.range.end_frame) == (0, 24)
    assert catalog.check_balance() == []
    hand.cut(film, [(0, 24), (24, 48)], recipe="a machine's later answer")
    catalog.catch_up()
    assert ranges(catalog) == [(24, 48)]
    assert catalog.check_balance() == []
    hand.review(first, REVIEW_VERDICT_ACCEPT, "r2")
    catalog.catch_up()
    assert ranges(catalog) == [(0, 24), (24, 48)]
    assert catalog.rejections() == []
    assert [status for _, status in catalog.reviews()] == [ReviewStatus.SUPERSEDED, ReviewStatus.ACCEPTED]


def test_refused_footage_is_finished_and_named_by_its_rejection(catalog: Catalog, hand: Hand) -> None:
    film = hand.footage("film.mkv")
    hand.cut(film, [(0, 24)], rejected=[(24, 25)])
    hand.review(film, REVIEW_VERDICT_REJECT, "r1")
    catalog.catch_up()
    state = catalog.state(film.item.id)
    assert (state.finished, state.name) == (True, "film.mkv")
    assert [r.reason for r in catalog.rejections()] == [REJECTION_REASON_REFUSED_BY_REVIEWER]
    assert (catalog.footages(), catalog.items("clips")) == ([], [])
    root = catalog.funnel().levels[0]
    assert (root.inputs, root.items) == (1, 0)
    assert catalog.check_balance() == []


def test_a_correction_of_other_frames_is_impossible_and_says_so(catalog: Catalog, hand: Hand) -> None:
    film = hand.footage("film.mkv")
    (only,) = hand.cut(film, [(0, 24)])
    hand.review(only, REVIEW_VERDICT_CORRECT, "r1", correction=hand.clip(film, 0, 12, "by hand"))
    catalog.catch_up()
    assert [status for _, status in catalog.reviews()] == [ReviewStatus.IMPOSSIBLE]
    assert ranges(catalog) == [(0, 24)]
    assert catalog.finished()


def test_two_catalogs_over_one_database_publish_a_correction_once(
    catalog: Catalog, hand: Hand, database_url: str, event_log: EventLog, store: ArtefactStore
) -> None:
    film = hand.footage("film.mkv")
    (only,) = hand.cut(film, [(0, 24)])
    corrected = Clip()
    corrected.CopyFrom(only)
    corrected.width = 1280
    hand.review(only, REVIEW_VERDICT_CORRECT, "r1", correction=corrected)
    with Catalog(database_url, event_log, store) as other:
        other.catch_up()
        catalog.catch_up()
        other.catch_up()
        assert [c.width for c in other.items("clips")] == [1280]  # type: ignore[attr-defined]
    assert [c.width for c in catalog.items("clips")] == [1280]  # type: ignore[attr-defined]
    assert [v.width for v in catalog.versions(only.item.id)] == [1920, 1280]  # type: ignore[attr-defined]
    reader = event_log.reader([topics.CLIPS.name], {})
    assert len(reader.poll(100, 0.0)) == 2
    reader.close()


def test_an_event_that_cannot_be_read_is_noted_and_passed_over(catalog: Catalog, hand: Hand) -> None:
    headerless = hand.item_event(topics.CLIPS.name, Clip())
    hand.log.publish([headerless, Event(topics.CLIPS.name, "key", b"\xff\xff", headerless.headers)])
    hand.footage("film.mkv")
    catalog.catch_up()
    assert len(catalog.footages()) == 1
    assert [line for line in catalog.check_balance() if "could not be read" in line]
    assert len([line for line in catalog.check_balance() if topics.CLIPS.name in line]) == 2


def test_pages_give_every_item_once_in_order(catalog: Catalog, hand: Hand) -> None:
    for name in ("a", "b"):
        hand.cut(hand.footage(name), [(n, n + 2) for n in range(0, 20, 2)])
    catalog.catch_up()
    pages, token = [], ""
    while True:
        items, token = catalog.page("clips", None, 3, token)
        pages += items
        if not token:
            break
    assert pages == catalog.items("clips")
    assert len(pages) == 20
    with pytest.raises(Invalid, match="page token 'bad'"):
        catalog.page("clips", None, 3, "bad")
    with pytest.raises(Invalid, match="page of 0 items"):
        catalog.page("clips", None, 0, "")


def test_lineage_leads_from_the_footage_down_to_the_clip(catalog: Catalog, hand: Hand) -> None:
    film = hand.footage("film.mkv")
    (only,) = hand.cut(film, [(0, 24)])
    catalog.catch_up()
    assert [header.level for header in catalog.lineage(only.item.id)] == ["footage", "clips"]
    with pytest.raises(NotFound):
        catalog.lineage("0" * 64)
