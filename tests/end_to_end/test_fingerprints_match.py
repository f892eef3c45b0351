"""Fingerprints find the same pictures again, at the right time, and nothing else: the segmenter's, by the catalog."""

import celstream_renderer as renderer
import cv2
import numpy as np
import pytest
from celstream_catalog.near_duplicates import MATCH_SCORE, NO_HASH, match
from celstream_segmenter.fingerprint import picture_hash
from celstream_segmenter.measured import HASHES_PER_SECOND
from numpy.typing import NDArray

EVERY = 24 // HASHES_PER_SECOND


def film(seed: int) -> list[NDArray[np.uint8]]:
    """Frames of 3 s of a film, grey."""
    made = renderer.random_film(seed, seconds=3, size=(320, 180), sound=False)
    return [np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), np.uint8) for frame in renderer.frames(made)]


@pytest.fixture(scope="module")
def films() -> list[list[NDArray[np.uint8]]]:
    return [film(seed) for seed in (41, 42, 43)]


def worse(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The frame smaller and after strong compression."""
    _, data = cv2.imencode(".jpg", cv2.resize(frame, (240, 136)), [cv2.IMWRITE_JPEG_QUALITY, 20])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)


def prints(frames: list[NDArray[np.uint8]]) -> NDArray[np.uint64]:
    return np.array([picture_hash(frame) for frame in frames[::EVERY]], np.uint64)


def test_a_worse_copy_that_begins_later_is_found_at_its_place(films: list[list[NDArray[np.uint8]]]) -> None:
    for frames in films:
        found = match(prints(frames), prints([worse(frame) for frame in frames[16:]]))
        assert found.score >= MATCH_SCORE
        assert abs(found.offset / HASHES_PER_SECOND + 16 / 24) <= 1 / HASHES_PER_SECOND


def test_other_films_do_not_match(films: list[list[NDArray[np.uint8]]]) -> None:
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert match(prints(films[one]), prints(films[other])).score < MATCH_SCORE


def test_pictures_of_one_colour_match_nothing() -> None:
    plain = np.full((180, 320), 16, np.uint8)
    assert picture_hash(plain) == NO_HASH
    assert match(prints([plain] * 48), prints([plain] * 48)).score == 0
