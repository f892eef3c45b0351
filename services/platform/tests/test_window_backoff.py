"""How many events a worker takes, and how long it waits before trying again."""

from celstream_platform.backoff import Backoff
from celstream_platform.window import Window
from hypothesis import given
from hypothesis import strategies as st


def test_long_work_is_taken_one_at_a_time() -> None:
    window = Window(100, seconds=1.0)
    for _ in range(10):
        window.took(window.size, 60.0 * window.size)
    assert window.size == 1


def test_short_work_fills_a_transaction_after_a_few_polls() -> None:
    window = Window(100, seconds=1.0)
    sizes = []
    for _ in range(8):
        window.took(window.size, 0.001 * window.size)
        sizes.append(window.size)
    assert sizes == [2, 4, 8, 16, 32, 64, 100, 100]


def test_a_push_back_halves_at_once_and_is_forgotten_slowly() -> None:
    window = Window(100, seconds=1.0)
    for _ in range(10):
        window.took(window.size, 0.0)
    window.shrink()
    assert window.size == 50
    window.took(window.size, 0.0)
    assert window.size == 51


@given(st.lists(st.tuples(st.integers(0, 200), st.floats(0, 1e6)), max_size=30), st.integers(1, 200))
def test_a_window_is_never_empty_and_never_past_its_most(done: list[tuple[int, float]], most: int) -> None:
    window = Window(most, seconds=1.0)
    for events, seconds in done:
        window.took(events, seconds)
        if events % 3 == 0:
            window.shrink()
        assert 1 <= window.size <= most


@given(st.integers(0, 10_000))
def test_a_wait_is_between_half_of_the_time_and_all_of_it(failures: int) -> None:
    backoff = Backoff(0.2, 30.0, failures)
    expected = min(30.0, 0.2 * 2.0 ** min(failures, 32))
    assert expected / 2 <= backoff.next_seconds() <= expected
    backoff.reset()
    assert backoff.next_seconds() <= 0.2
