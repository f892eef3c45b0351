"""Transitions against labels: what counts as found, as false, and as neither."""

from dataclasses import dataclass

from celstream_evaluator.transition_score import Count, Labels, score


@dataclass(frozen=True)
class Given:
    kind: str
    frame: int
    start_frame: int
    end_frame: int


def cut(frame: int) -> Given:
    return Given("cut", frame, frame, frame)


def test_a_cut_counts_within_a_frame_and_once() -> None:
    cuts, _ = score([cut(101), cut(102), cut(200)], Labels((100, 300)))
    assert cuts == Count(1, [102, 200], [300])
    assert (cuts.expected, cuts.given, round(cuts.f1, 3)) == (2, 3, 0.4)


def test_a_gradual_transition_counts_by_half_of_its_frames_and_its_kind() -> None:
    labels = Labels((), (("dissolve", 10, 29), ("wipe", 50, 69), ("fade_in", 90, 99)))
    found = [Given("dissolve", 25, 15, 29), Given("wipe", 66, 63, 69), Given("dissolve", 95, 90, 99)]
    _, gradual = score(found, labels)
    assert gradual == Count(1, [], [50, 90]), (
        "what lies in a labelled one and does not fit is missed, not false as well"
    )
    _, gradual = score([Given("wipe", 130, 120, 130)], labels)
    assert gradual.false == [120]


def test_a_cut_beside_a_gradual_transition_or_where_nobody_is_sure_counts_neither_way() -> None:
    labels = Labels((), (("dissolve", 100, 110),), unsure=(300,))
    cuts, _ = score([cut(95), cut(120), cut(301), cut(400)], labels)
    assert cuts == Count(0, [400], [])


def test_nothing_to_find_and_nothing_found_is_all_right() -> None:
    assert [count.f1 for count in score([], Labels(()))] == [1.0, 1.0]
