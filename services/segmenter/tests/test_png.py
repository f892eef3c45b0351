"""PNG files: read back by another library, pixel for pixel."""

import cv2
import numpy as np
from celstream_segmenter.png import PngWriter
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


def test_what_opencv_reads_is_what_was_written_whatever_was_written_before() -> None:
    writer = PngWriter()
    for size in [*SIZES, *SIZES[::-1]]:
        picture = drawn(*size)
        encoded = writer.png(picture)
        assert np.array_equal(in_rgb(encoded), picture)


def test_rows_may_be_padded() -> None:
    picture = drawn(72, 128)
    assert PngWriter().png(picture[:, :100]) == PngWriter().png(picture[:, :100].copy())
