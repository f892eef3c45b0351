"""PNG files: read back by another library, pixel for pixel."""

import cv2
import numpy as np
import pytest
from celstream_segmenter.png import png


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 1), (72, 128), (203, 481)])
def test_what_opencv_reads_is_what_was_written(size: tuple[int, int]) -> None:
    picture = np.random.default_rng(sum(size)).integers(0, 256, (*size, 3), np.uint8)
    picture[size[0] // 3 :, size[1] // 3 :] = (0, 128, 255)
    read = cv2.imdecode(np.frombuffer(png(picture), np.uint8), cv2.IMREAD_UNCHANGED)
    assert read.shape == picture.shape
    assert np.array_equal(read, picture)
