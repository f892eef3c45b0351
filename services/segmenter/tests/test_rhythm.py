"""The plain holds of a clip tell what its faint changes are; without a rhythm each change speaks for itself."""

from itertools import accumulate

import numpy as np
from celstream_segmenter.rhythm import drawing_starts
from numpy.typing import NDArray


def odds(lengths: list[int], **faint: float) -> NDArray[np.float64]:
    """Plain where a drawing begins and where none does; faint: f12=0.5 sets frame 12."""
    found = np.full(sum(lengths), -5.0)
    found[list(accumulate(lengths))[:-1]] = 6.0
    for name, value in faint.items():
        found[int(name[1:])] = value
    return found[1:]


def starts_of(lengths: list[int]) -> list[int]:
    return [0, *list(accumulate(lengths))[:-1]]


def test_a_clip_on_twos_shows_a_change_in_two_halves_once() -> None:
    lengths = [2] * 12
    assert drawing_starts(odds(lengths, f13=0.8)) == starts_of(lengths)


def test_a_faint_change_where_a_drawing_is_due_is_one() -> None:
    lengths = [2] * 12
    assert drawing_starts(odds(lengths, f12=-0.4)) == starts_of(lengths)


def test_a_plain_change_breaks_any_rhythm() -> None:
    lengths = [*[2] * 6, 1, 3, *[2] * 6]
    assert drawing_starts(odds(lengths)) == starts_of(lengths)


def test_a_few_holds_make_no_rhythm() -> None:
    lengths = [2, 2, 1, 3]
    assert drawing_starts(odds(lengths, f5=1.2)) == starts_of(lengths)


def test_a_drawing_held_for_long_stays_one() -> None:
    assert drawing_starts(np.full(400, -0.4)) == [0]
    assert drawing_starts(np.zeros(0)) == [0]
