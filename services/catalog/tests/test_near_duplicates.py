"""What repeats is found by its fingerprint, whatever re-encoding did to some of its bits."""

from itertools import pairwise

import numpy as np
import pytest
from celstream_catalog.near_duplicates import COMMON, MATCH_SCORE, NO_HASH, Hashes, first_of_same, match

RANDOM = np.random.default_rng(1)


def clip(count: int = 40) -> Hashes:
    """A clip whose pictures change slowly: each hash differs from the one before in a few bits."""
    hashes = [RANDOM.integers(1, 2**64, dtype=np.uint64)]
    for _ in range(count - 1):
        hashes.append(hashes[-1] ^ bits(3))
    return np.array(hashes, np.uint64)


def bits(count: int) -> np.uint64:
    """So many bits set."""
    return np.bitwise_or.reduce(np.uint64(1) << RANDOM.choice(64, count, replace=False).astype(np.uint64))


def encoded_again(hashes: Hashes, flipped: int = 4) -> Hashes:
    return np.array([one ^ bits(flipped) for one in hashes], np.uint64)


def test_an_opening_is_found_in_every_episode_and_the_first_one_stands_for_all() -> None:
    opening = clip()
    films = {f"clip-{number}": clip() for number in range(200)}
    films |= {f"opening-{number}": encoded_again(opening) for number in range(20)}
    films |= {f"late-{number}": encoded_again(opening[5:]) for number in range(5)}
    found = first_of_same(films)
    assert found == {
        **{f"opening-{number}": "opening-0" for number in range(1, 20)},
        **{f"late-{number}": "opening-0" for number in range(5)},
    }


def test_a_chain_of_matches_is_one_group() -> None:
    whole = clip(60)
    parts = {"a": whole[:30], "b": encoded_again(whole[15:45]), "c": encoded_again(whole[30:])}
    assert first_of_same(parts) == {"b": "a", "c": "a"}


def test_a_title_that_stands_still_is_found() -> None:
    title = np.full(12, bits(32))
    assert first_of_same({"a": title, "b": clip(), "c": np.full(12, title[0] ^ bits(5))}) == {"c": "a"}


def test_an_offset_is_found() -> None:
    opening = clip()
    found = match(opening, encoded_again(opening[7:]))
    assert found.offset == -7
    assert found.score >= MATCH_SCORE


def test_plain_pictures_and_other_clips_match_nothing() -> None:
    plain = np.full(40, NO_HASH)
    assert match(plain, plain).score == 0
    assert match(np.zeros(0, np.uint64), clip()).score == 0
    assert first_of_same({"a": plain, "b": plain, "c": np.zeros(0, np.uint64)}) == {}
    others = [clip() for _ in range(20)]
    assert all(match(one, other).score < MATCH_SCORE for one, other in pairwise(others))


@pytest.mark.parametrize("count", [COMMON, COMMON + 50])
def test_a_logo_before_every_film_is_one_group_without_comparing_all_with_all(count: int) -> None:
    logo = clip(8)
    found = first_of_same({f"film-{number}": logo for number in range(count)})
    assert found == {f"film-{number}": "film-0" for number in range(1, count)}
