"""PNG files: read back by another library and by our own reader, pixel for pixel."""

import cv2
import numpy as np
import pytest
from celstream_segmenter.png import PngWriter, picture_of
from numpy.typing import NDArray

SIZES = [(1, 1), (1, 7), (5, 1), (72, 128), (203, 481)]


def drawn(height: int, width: int) -> NDArray[np.uint8]:
    picture = np.random.default_rng(height + width).integers(0, 256, (height, width, 3), np.uint8)
    picture[height // 3 :, width // 3 :] = (0, 128, 255)
    return picture


def in_rgb(encoded: bytes) -> NDArray[np.uint8]:
    picture = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    return np.asarray(picture[..., ::-1], np.uint8)


def test_what_opencv_and_we_read_is_what_was_written_whatever_was_written_before() -> None:
    writer = PngWriter()
    for size in [*SIZES, *SIZES[::-1]]:
        picture = drawn(*size)
        encoded = writer.png(picture)
        assert np.array_equal(in_rgb(encoded), picture)
        ours = picture_of(encoded)
        assert ours is not None
        assert np.array_equal(ours, picture)


def test_rows_may_be_padded() -> None:
    picture = drawn(72, 128)
    assert PngWriter().png(picture[:, :100]) == PngWriter().png(picture[:, :100].copy())


@pytest.mark.parametrize("level", [0, 9])
def test_files_of_others_are_not_ours_to_read(level: int) -> None:
    encoded = cv2.imencode(".png", drawn(72, 128), [cv2.IMWRITE_PNG_COMPRESSION, level])[1].tobytes()
    assert picture_of(encoded) is None
    assert picture_of(b"") is None
    assert picture_of(encoded[:40]) is None
