"""Holds against drawn ones: exact at both ends, and only where both sides know something."""

from celstream_evaluator.hold_score import HoldCount, Holds, score_holds


def test_a_hold_is_right_where_both_its_ends_are() -> None:
    drawn = [(Holds(100, [2, 2, 3, 1]), 100, 108)]
    assert score_holds(drawn, [Holds(100, [2, 2, 3, 1])]) == HoldCount(4, 4, 4)
    assert score_holds(drawn, [Holds(100, [2, 5, 1])]) == HoldCount(4, 3, 2)
    assert score_holds(drawn, [Holds(100, [2, 1, 4, 1])]) == HoldCount(4, 4, 2)


def test_what_a_clip_does_not_show_is_not_asked_of_it() -> None:
    drawn = [(Holds(0, [4] * 10), 0, 40)]
    assert score_holds(drawn, [Holds(10, [2, 4, 4])]) == HoldCount(3, 3, 3), "a hold that the clip cuts is cut for both"
    assert score_holds(drawn, [Holds(0, [4] * 5), Holds(20, [4] * 5)]) == HoldCount(10, 10, 10)
    assert score_holds(drawn, []) == HoldCount()


def test_frames_in_which_drawings_cannot_be_told_are_left_out() -> None:
    drawn = [(Holds(0, [4] * 10), 8, 32)]
    assert score_holds(drawn, [Holds(0, [1] * 8 + [4] * 6 + [1] * 8)]) == HoldCount(6, 6, 6)


def test_a_clip_over_two_shots_is_compared_with_each() -> None:
    drawn = [(Holds(0, [2, 2]), 0, 4), (Holds(4, [3, 3]), 4, 10)]
    clip = Holds(0, [2, 2, 3, 3])
    assert score_holds(drawn, [clip]) == HoldCount(4, 4, 4)
    assert clip.end_frame == 10
