"""A fingerprint's hash tells pictures apart, and survives what encoding does to them."""

import celstream_renderer as renderer
import cv2
import numpy as np
from celstream_segmenter.fingerprint import LEAST_CONTRAST, NEAR_BITS, NO_HASH, picture_hash


def test_a_worse_copy_has_nearly_the_same_hash_and_another_picture_has_not() -> None:
    films = [renderer.random_film(seed, seconds=1, size=(320, 180), sound=False) for seed in (41, 42)]
    one, other = (cv2.cvtColor(list(renderer.frames(film))[12], cv2.COLOR_RGB2GRAY) for film in films)
    _, data = cv2.imencode(".jpg", cv2.resize(one, (240, 136)), [cv2.IMWRITE_JPEG_QUALITY, 60])
    worse = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
    assert np.bitwise_count(picture_hash(one) ^ picture_hash(worse)) <= NEAR_BITS
    assert np.bitwise_count(picture_hash(one) ^ picture_hash(other)) > NEAR_BITS


def test_a_picture_of_one_colour_has_no_hash() -> None:
    plain = np.full((180, 320), 16, np.uint8)
    assert picture_hash(plain) == NO_HASH
    plain[::2] += np.uint8(LEAST_CONTRAST)
    assert picture_hash(plain) == NO_HASH
