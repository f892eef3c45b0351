"""Shots lie between transitions."""

from celstream_segmenter.shots import ShotAssembler, without
from celstream_segmenter.transitions import Transition
from hypothesis import given
from hypothesis import strategies as st


def cut(frame: int) -> Transition:
    return Transition("cut", frame, frame, frame, 1.0)


def test_a_cut_divides_without_losing_a_frame() -> None:
    assembler = ShotAssembler()
    shots = [*assembler.add(cut(10)), *assembler.add(cut(25)), *assembler.finish(40)]
    assert [(s.start_frame, s.end_frame) for s in shots] == [(0, 10), (10, 25), (25, 40)]
    assert [s.ordinal for s in shots] == [0, 1, 2]
    assert shots[0].opening is None
    assert shots[0].closing == shots[1].opening == cut(10)


def test_frames_inside_a_gradual_transition_belong_to_no_shot() -> None:
    assembler = ShotAssembler()
    dissolve = Transition("dissolve", 10, 19, 15, 0.9)
    shots = [*assembler.add(dissolve), *assembler.finish(40)]
    assert [(s.start_frame, s.end_frame) for s in shots] == [(0, 10), (20, 40)]


def test_transitions_that_touch_leave_no_empty_shot() -> None:
    assembler = ShotAssembler()
    shots = [
        *assembler.add(Transition("fade_in", 0, 9, 0, 0.9)),
        *assembler.add(Transition("fade_out", 10, 19, 20, 0.9)),
        *assembler.finish(20),
    ]
    assert shots == []


@given(
    st.integers(0, 50),
    st.integers(1, 100),
    st.lists(st.tuples(st.integers(0, 150), st.integers(1, 20)), max_size=6),
)
def test_holes_are_taken_out_exactly(start: int, length: int, raw: list[tuple[int, int]]) -> None:
    holes = sorted((a, a + n) for a, n in raw)
    left = without(start, start + length, holes)
    kept = {frame for a, b in left for frame in range(a, b)}
    assert kept == {f for f in range(start, start + length) if not any(a <= f < b for a, b in holes)}
    assert all(a < b for a, b in left)
