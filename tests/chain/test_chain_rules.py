"""The rules of every stage, on a toy chain of two: texts → words → letters."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celstream_catalog import ReviewStatus
from celstream_platform import dead_letters, topics
from celstream_platform.dead_letter_replay import replay
from celstream_platform.events import decode
from celstream_platform.identity import item_id, item_version
from celstream_protos.v1.envelope_pb2 import (
    ORIGIN_KIND_HUMAN,
    ORIGIN_KIND_MACHINE,
    OUTCOME_STATE_COMPLETED,
    OUTCOME_STATE_PARKED,
    REJECTION_REASON_BLACK,
    REJECTION_REASON_REFUSED_BY_REVIEWER,
    REJECTION_REASON_TOO_SHORT,
    REJECTION_REASON_UNREADABLE,
    REVIEW_VERDICT_ACCEPT,
    REVIEW_VERDICT_CORRECT,
    REVIEW_VERDICT_REJECT,
    Outcome,
)

from tests.chain import toy
from tests.chain.bench import Bench, contents, dump, open_bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with open_bench(tmp_path) as opened:
        yield opened


def counts(bench: Bench) -> dict[str, tuple[int, int, int, int]]:
    """Level -> inputs, inputs done, items, rejections."""
    return {
        level.level: (level.inputs, level.inputs_done, level.items, sum(r.count for r in level.rejections))
        for level in bench.catalog.funnel().levels
    }


def corrected(word: Any, says: str) -> Any:
    """The word as a person wants it."""
    correction = toy.Word()
    correction.CopyFrom(word)
    correction.name = says  # type: ignore[attr-defined]
    return correction


# One outcome per input; the funnel balances.


def test_every_input_has_exactly_one_outcome_and_the_funnel_balances(bench: Bench) -> None:
    bench.replace(toy.Splitter(bench.store, shortest=2))
    bench.offer("a", "hello w0rld x")
    bench.offer("b", "more words")
    bench.settle()
    assert counts(bench) == {"texts": (2, 2, 2, 0), "words": (2, 2, 4, 1), "letters": (4, 4, 18, 1)}
    assert {r.reason for r in bench.catalog.rejections()} == {REJECTION_REASON_TOO_SHORT, REJECTION_REASON_BLACK}
    assert bench.catalog.check_balance() == []
    assert bench.catalog.finished()
    outcomes = [decode(event, Outcome) for event in bench.on_topic(topics.OUTCOMES.name)]
    assert len(outcomes) == len({(o.stage, o.input_id) for o in outcomes}) == 2 + 4


def test_a_footage_is_finished_only_when_its_last_item_has_its_outcome(bench: Bench) -> None:
    splitter, speller = bench.stages
    id_ = bench.offer("a", "two words")
    bench.stages = [splitter]
    bench.settle()
    assert bench.catalog.completion(id_).pending == 2
    assert not bench.catalog.finished()
    assert bench.catalog.check_balance() == ["speller: 2 inputs have no current outcome, expected one each."]
    bench.stages = [speller]
    bench.settle()
    assert bench.catalog.finished()


def test_stages_past_the_level_that_is_wanted_are_not_waited_for(tmp_path: Path) -> None:
    with open_bench(tmp_path, toy.CHAIN.until("words")) as bench:
        bench.stages = [toy.Splitter(bench.store)]
        bench.offer("a", "two words")
        bench.settle()
        assert bench.catalog.finished()
        assert [level.level for level in bench.catalog.funnel().levels] == ["texts", "words"]


def test_an_input_that_can_never_succeed_is_one_rejection(bench: Bench) -> None:
    id_ = bench.offer("a", "invalid text")
    bench.settle()
    (rejection,) = bench.catalog.rejections()
    assert (rejection.reason, rejection.parent_id) == (REJECTION_REASON_UNREADABLE, id_)
    assert counts(bench) == {"texts": (1, 1, 1, 0), "words": (1, 1, 0, 1), "letters": (0, 0, 0, 0)}
    assert bench.catalog.finished()


def test_an_input_that_waits_for_a_person_has_its_outcome(bench: Bench) -> None:
    id_ = bench.offer("a", "doubtful text")
    bench.settle()
    assert bench.catalog.completion(id_).awaiting_review == 1
    assert bench.catalog.funnel().levels[1].inputs_awaiting_review == 1
    assert bench.catalog.finished()


def test_a_long_list_travels_as_an_artefact(bench: Bench) -> None:
    words = [f"word{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(400)]
    bench.stages = [toy.Splitter(bench.store)]
    bench.offer("a", " ".join(words))
    bench.settle()
    (outcome,) = [decode(event, Outcome) for event in bench.on_topic(topics.OUTCOMES.name)]
    assert outcome.HasField("listing")
    assert not outcome.items
    assert bench.says("words") == words


# Ids and versions.


def test_ids_name_the_thing_and_versions_how_it_came_about(bench: Bench) -> None:
    id_ = bench.offer("a", "two words")
    bench.settle()
    text, word = bench.catalog.item(id_), bench.word("words")
    assert word.item.id == item_id(id_, "words", 4, 9)
    assert word.item.version == item_version(text.item.version, bench.stages[0].recipe)  # type: ignore[attr-defined]
    bench.replace(toy.Splitter(bench.store, shortest=2))
    bench.offer("a", "two words")
    bench.settle()
    again = bench.word("words")
    assert again.item.id == word.item.id
    assert again.item.version == item_version(text.item.version, bench.stages[-1].recipe) != word.item.version  # type: ignore[attr-defined]
    assert [v.item.version for v in bench.catalog.versions(word.item.id)] == [word.item.version, again.item.version]  # type: ignore[attr-defined]
    letters: list[Any] = [x for x in bench.catalog.items("letters") if x.item.parent_id == word.item.id]  # type: ignore[attr-defined]
    assert {letter.item.parent_version for letter in letters} == {again.item.version}


def test_the_same_input_under_the_same_recipe_changes_nothing(bench: Bench) -> None:
    bench.offer("a", "two words")
    bench.settle()
    before = contents(bench.catalog)
    bench.offer("a", "two words")
    bench.settle()
    assert contents(bench.catalog) == before
    assert len(bench.on_topic(toy.TEXTS.name)) == 2
    assert len(bench.catalog.versions(toy.text_id("a"))) == 1


# A newer outcome replaces the older.


def test_what_a_newer_outcome_no_longer_lists_is_withdrawn_with_everything_below(bench: Bench) -> None:
    bench.offer("a", "one of three")
    bench.settle()
    assert counts(bench)["letters"] == (3, 3, 10, 0)
    bench.replace(toy.Splitter(bench.store, shortest=3))
    bench.offer("a", "one of three")
    bench.settle()
    assert bench.says("words") == ["one", "three"]
    assert counts(bench) == {"texts": (1, 1, 1, 0), "words": (1, 1, 2, 1), "letters": (2, 2, 8, 0)}
    assert bench.catalog.check_balance() == []
    bench.replace(toy.Splitter(bench.store))
    bench.offer("a", "one of three")
    bench.settle()
    assert counts(bench) == {"texts": (1, 1, 1, 0), "words": (1, 1, 3, 0), "letters": (3, 3, 10, 0)}


def test_a_new_recipe_is_waited_for_and_offered_to_its_stage(tmp_path: Path) -> None:
    with open_bench(tmp_path) as bench:
        bench.offer("a", "one of three")
        bench.settle()
    newer = toy.Splitter(bench.store, shortest=3)
    with open_bench(tmp_path, toy.CHAIN.with_recipes({"splitter": newer.recipe})) as bench:
        bench.replace(newer)
        assert not bench.catalog.finished()
        assert bench.catalog.offer_again("splitter") == 1
        bench.settle()
        assert bench.catalog.finished()
        assert bench.says("words") == ["one", "three"]
        assert bench.catalog.offer_again("splitter") == 0


def test_a_new_version_of_the_root_runs_through_the_chain(bench: Bench) -> None:
    bench.offer("a", "one two")
    bench.settle()
    bench.offer("a", "one three")
    bench.settle()
    assert bench.says("words") == ["one", "three"]
    assert toy.says(bench.catalog.items("letters")) == sorted("onethree")
    assert bench.catalog.check_balance() == []
    assert bench.catalog.finished()


# A person's word.


def test_a_correction_is_a_new_version_that_the_stage_below_just_sees(bench: Bench) -> None:
    bench.offer("a", "one tow")
    bench.settle()
    machine = bench.word("tow")
    bench.review(machine, REVIEW_VERDICT_CORRECT, "r1", corrected(machine, "two"))
    bench.settle()
    human = bench.word("two")
    assert human.item.id == machine.item.id
    assert human.item.version not in ("", machine.item.version)
    assert (human.item.parent_version, human.item.work) == (machine.item.parent_version, "a")
    assert (human.item.origin.kind, human.item.origin.reviewer) == (ORIGIN_KIND_HUMAN, "ada")
    letters: list[Any] = [x for x in bench.catalog.items("letters") if x.item.parent_id == human.item.id]  # type: ignore[attr-defined]
    assert [letter.name for letter in letters] == ["t", "w", "o"]
    assert {letter.item.parent_version for letter in letters} == {human.item.version}
    assert bench.catalog.check_balance() == []
    assert bench.catalog.finished()
    assert len(bench.on_topic(toy.WORDS.name)) == 3, "published once"
    assert [status for _, status in bench.catalog.reviews()] == [ReviewStatus.CORRECTED]


def test_a_machines_later_answer_does_not_undo_a_correction(bench: Bench) -> None:
    bench.offer("a", "one tow")
    bench.settle()
    machine = bench.word("tow")
    bench.review(machine, REVIEW_VERDICT_CORRECT, "r1", corrected(machine, "two"))
    bench.settle()
    first = bench.word("two")
    for shortest in (2, 2, 1):  # a new recipe, the same again, the first one
        bench.replace(toy.Splitter(bench.store, shortest=shortest))
        bench.offer("a", "one tow")
        bench.settle()
        assert bench.says("words") == ["one", "two"]
        assert bench.catalog.finished()
        assert bench.catalog.check_balance() == []
    assert bench.word("two").item.version == first.item.version
    kinds = [v.item.origin.kind for v in bench.catalog.versions(machine.item.id)]  # type: ignore[attr-defined]
    assert sorted(kinds) == [ORIGIN_KIND_MACHINE] * 2 + [ORIGIN_KIND_HUMAN] * 2


def test_a_footage_waits_for_a_correction_to_be_published(bench: Bench) -> None:
    id_ = bench.offer("a", "tow")
    bench.settle()
    machine = bench.word("tow")
    bench.review(machine, REVIEW_VERDICT_CORRECT, "r1", corrected(machine, "two"))
    bench.catalog._projection.step(1.0)
    assert bench.catalog.completion(id_).corrections == 1
    assert not bench.catalog.finished()


def test_a_correction_is_stale_while_its_item_is_gone_and_holds_when_it_comes_back(bench: Bench) -> None:
    bench.offer("a", "one of")
    bench.settle()
    machine = bench.word("of")
    bench.review(machine, REVIEW_VERDICT_CORRECT, "r1", corrected(machine, "or"))
    bench.settle()
    bench.replace(toy.Splitter(bench.store, shortest=3))
    bench.offer("a", "one of")
    bench.settle()
    assert bench.says("words") == ["one"]
    assert [status for _, status in bench.catalog.reviews()] == [ReviewStatus.STALE]
    assert bench.catalog.finished()
    bench.replace(toy.Splitter(bench.store))
    bench.offer("a", "one of")
    bench.settle()
    assert bench.says("words") == ["one", "or"]
    assert [status for _, status in bench.catalog.reviews()] == [ReviewStatus.CORRECTED]


def test_a_later_correction_replaces_the_earlier_and_an_accept_confirms_it(bench: Bench) -> None:
    bench.offer("a", "tow")
    bench.settle()
    machine = bench.word("tow")
    for number, says in enumerate(("two", "too")):
        bench.review(machine, REVIEW_VERDICT_CORRECT, f"r{number}", corrected(machine, says))
        bench.settle()
    bench.review(bench.word("too"), REVIEW_VERDICT_ACCEPT, "r2")
    bench.offer("a", "tow")
    bench.settle()
    assert bench.says("words") == ["too"]
    statuses = [status for _, status in bench.catalog.reviews()]
    assert statuses == [ReviewStatus.SUPERSEDED, ReviewStatus.CORRECTED, ReviewStatus.ACCEPTED]


def test_a_refused_item_is_a_rejection_and_everything_below_goes(bench: Bench) -> None:
    bench.offer("a", "one two")
    bench.settle()
    bench.review(bench.word("two"), REVIEW_VERDICT_REJECT, "r1")
    bench.settle()
    assert counts(bench) == {"texts": (1, 1, 1, 0), "words": (1, 1, 1, 1), "letters": (1, 1, 3, 0)}
    (rejection,) = bench.catalog.rejections()
    assert rejection.reason == REJECTION_REASON_REFUSED_BY_REVIEWER
    assert rejection.origin.kind == ORIGIN_KIND_HUMAN
    bench.offer("a", "one two")
    bench.settle()
    assert bench.says("words") == ["one"]
    assert bench.catalog.check_balance() == []
    assert bench.catalog.finished()


# Takedown.


def test_a_takedown_removes_an_item_and_everything_derived_also_what_comes_later(bench: Bench) -> None:
    bench.offer("a", "one two")
    bench.settle()
    bench.catalog.take_down(bench.word("two").item.id, reason="claim 7", requested_by="owner")
    assert bench.says("words") == ["one"]
    assert bench.says("letters") == sorted("one")
    bench.offer("a", "one two")
    bench.settle()
    assert bench.says("letters") == sorted("one")
    assert bench.catalog.check_balance() == []
    assert bench.catalog.finished()


# Failures.


def test_a_bug_ends_in_a_dead_letter_byte_for_byte_and_the_others_go_on(bench: Bench) -> None:
    id_ = bench.offer("a", "bug in it")
    bench.offer("b", "fine")
    bench.settle()
    (letter,) = dead_letters.pending(bench.log, "splitter")
    (offered, _) = bench.on_topic(toy.TEXTS.name)
    assert letter.event == offered
    assert (letter.attempts, letter.error) == (3, "ZeroDivisionError: the bug")
    assert [(p.input_id, p.error) for p in bench.catalog.parked()] == [(id_, "ZeroDivisionError: the bug")]
    words = bench.catalog.funnel().levels[1]
    assert (words.inputs, words.inputs_done, words.inputs_parked, words.items) == (2, 2, 1, 1)
    assert bench.catalog.check_balance() == []
    assert bench.catalog.finished()


def test_a_replayed_event_that_now_works_leaves_no_trace_in_the_funnel(bench: Bench, tmp_path: Path) -> None:
    for name, says in (("a", "bug in it"), ("b", "fine")):
        bench.offer(name, says)
    bench.settle()
    bench.replace(toy.Splitter(bench.store, broken=False))
    assert replay(bench.log, "splitter", lambda _: True) == 1
    bench.settle()
    assert list(dead_letters.pending(bench.log, "splitter")) == []
    assert bench.catalog.parked() == []
    (tmp_path / "undisturbed").mkdir()
    with open_bench(tmp_path / "undisturbed") as undisturbed:
        undisturbed.replace(toy.Splitter(undisturbed.store, broken=False))
        for name, says in (("a", "bug in it"), ("b", "fine")):
            undisturbed.offer(name, says)
        undisturbed.settle()
        assert contents(bench.catalog) == contents(undisturbed.catalog)
    states = [outcome.state for outcome in bench.catalog.outcomes(toy.text_id("a"))]
    assert states == [OUTCOME_STATE_PARKED, OUTCOME_STATE_COMPLETED], "history keeps what happened"


# Traces, rebuilding.


def test_one_trace_runs_from_the_footage_to_the_last_level(bench: Bench) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    bench.offer("a", "tow", traceparent=f"00-{trace}-b7ad6b7169203331-01")
    bench.settle()
    bench.review(bench.word("tow"), REVIEW_VERDICT_CORRECT, "r1", corrected(bench.word("tow"), "two"))
    bench.settle()
    published = [*bench.on_topic(toy.WORDS.name), *bench.on_topic(toy.LETTERS.name)]
    published += bench.on_topic(topics.OUTCOMES.name)
    assert len(published) == 2 + 6 + 3
    assert {event.headers["traceparent"].split("-")[1] for event in published} == {trace}


def test_a_catalog_rebuilt_from_the_topics_is_the_same_row_for_row(bench: Bench, tmp_path: Path) -> None:
    bench.replace(toy.Splitter(bench.store, shortest=2))
    for name, says in (("a", "one tow x"), ("b", "bug"), ("c", "invalid"), ("d", "w0rd gone")):
        bench.offer(name, says)
    bench.settle()
    bench.review(bench.word("tow"), REVIEW_VERDICT_CORRECT, "r1", corrected(bench.word("tow"), "two"))
    bench.review(bench.word("one"), REVIEW_VERDICT_REJECT, "r2")
    bench.catalog.take_down(bench.word("gone").item.id, reason="claim", requested_by="owner")
    bench.settle()
    with bench.rebuilt() as rebuilt:
        assert contents(rebuilt) == contents(bench.catalog)
    assert dump(f"sqlite:///{tmp_path / 'rebuilt.sqlite'}") == dump(f"sqlite:///{tmp_path / 'catalog.sqlite'}")


def test_a_catalog_rebuilt_from_compacted_topics_shows_the_same(bench: Bench) -> None:
    bench.offer("a", "one tow x")
    bench.settle()
    bench.review(bench.word("tow"), REVIEW_VERDICT_CORRECT, "r1", corrected(bench.word("tow"), "two"))
    bench.settle()
    bench.review(bench.word("two"), REVIEW_VERDICT_ACCEPT, "r2")
    bench.review(bench.word("one"), REVIEW_VERDICT_REJECT, "r3")
    bench.settle()
    bench.replace(toy.Splitter(bench.store, shortest=2))
    bench.offer("a", "one tow x")
    bench.settle()
    assert bench.log.compact() > 0  # type: ignore[attr-defined]
    with bench.rebuilt() as rebuilt:
        assert contents(rebuilt) == contents(bench.catalog)
        assert rebuilt.reviews() == bench.catalog.reviews()
