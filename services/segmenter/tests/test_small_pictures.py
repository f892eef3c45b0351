"""Small pictures are averages of whole pixels, whatever the pixel format."""

import av
import numpy as np
import pytest
from celstream_segmenter.small_pictures import shrink_factor, small_picture


def test_the_average_of_squares_of_pixels() -> None:
    rng = np.random.default_rng(0)
    planes = rng.integers(0, 256, (540 * 3 // 2, 960), np.uint8)
    picture = small_picture(av.VideoFrame.from_ndarray(planes, format="yuv420p"))
    factor = shrink_factor(540)
    assert factor == 4
    expected = planes[:540].reshape(135, 4, 240, 4).mean((1, 3))[:134]
    assert np.abs(picture.luma - expected).max() <= 1
    assert picture.luma.shape == (134, 240)
    assert picture.chroma.shape == (67, 120, 2)


@pytest.mark.parametrize(
    ("height", "rows_asked", "rows_averaged"),
    [(540, 2, 2), (540, 4, 4), (1080, 4, 4), (1080, 2, 2), (720, 2, 5), (2160, 4, 4), (2160, 2, 2), (256, 4, 2)],
)
def test_of_a_large_frame_not_all_rows_are_looked_at(height: int, rows_asked: int, rows_averaged: int) -> None:
    rng = np.random.default_rng(0)
    planes = rng.integers(0, 256, (height * 3 // 2, 640), np.uint8)
    frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
    factor = shrink_factor(height)
    picture = small_picture(frame, rows=rows_asked)
    rows, columns = picture.luma.shape
    every = factor // rows_averaged
    used = planes[: rows * factor : every, : columns * factor]
    expected = used.reshape(rows, rows_averaged, columns, factor).mean((1, 3))
    assert np.abs(picture.luma - expected).max() <= 2
    assert picture.luma.shape == small_picture(frame).luma.shape


@pytest.mark.parametrize("pixel_format", ["yuv420p10le", "yuv444p", "yuv422p", "gbrp", "rgb24", "gray"])
def test_other_pixel_formats_look_the_same(pixel_format: str) -> None:
    y, x = np.mgrid[0:270, 0:480]
    rgb = np.dstack((x * 255 // 480, y * 255 // 270, (x + y) % 256)).astype(np.uint8)
    frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
    reference = small_picture(frame.reformat(format="yuv420p"))
    other = small_picture(frame.reformat(format=pixel_format))
    assert other.luma.shape == reference.luma.shape
    assert np.abs(other.luma.astype(int) - reference.luma).mean() < 3


@pytest.mark.parametrize("size", [(2, 2), (17, 9), (64, 127), (322, 129), (3840, 2160)])
def test_any_size_gives_a_picture(size: tuple[int, int]) -> None:
    width, height = size
    frame = av.VideoFrame(width, height, "yuv420p")
    picture = small_picture(frame)
    assert picture.luma.shape[0] == 2 * picture.chroma.shape[0]
    assert picture.luma.shape[1] == 2 * picture.chroma.shape[1]
    assert min(picture.luma.shape) >= 2
