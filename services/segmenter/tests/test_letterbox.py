"""The picture inside bars is found to the pixel, and darkness is not taken for bars."""

import numpy as np
import pytest
from celstream_segmenter.letterbox import picture_edges, picture_rectangle
from celstream_segmenter.measured import Rectangle
from numpy.typing import NDArray


def frame(box: Rectangle, size: tuple[int, int] = (640, 360), seed: int = 0, low: int = 60) -> NDArray[np.uint8]:
    """Bars of video black with a codec's noise around a picture."""
    rng = np.random.default_rng(seed)
    luma = 16 + rng.normal(0, 1.2, (size[1], size[0]))
    rows, columns = slice(box.top, box.top + box.height), slice(box.left, box.left + box.width)
    luma[rows, columns] = rng.uniform(low, 220, (box.height, box.width))
    return np.clip(luma, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    "box",
    [
        Rectangle(0, 0, 640, 360),
        Rectangle(0, 46, 640, 268),
        Rectangle(80, 0, 480, 360),
        Rectangle(60, 30, 520, 300),
        Rectangle(0, 45, 640, 269),
    ],
    ids=["none", "letterbox", "pillarbox", "both", "odd"],
)
def test_bars_are_found_to_the_pixel(box: Rectangle) -> None:
    assert picture_rectangle([picture_edges(frame(box, seed=seed)) for seed in range(4)], 640, 360) == box


def test_a_dark_frame_says_nothing() -> None:
    box = Rectangle(0, 40, 640, 280)
    assert picture_edges(np.full((360, 640), 16, np.uint8)) is None
    found = [picture_edges(frame(box)), None, picture_edges(frame(box, seed=1))]
    assert picture_rectangle(found, 640, 360) == box


def test_a_spot_of_light_in_the_dark_is_no_picture_in_bars() -> None:
    luma = np.full((360, 640), 17, np.uint8)
    luma[20:60, 30:90] = 200
    assert picture_rectangle([picture_edges(luma)], 640, 360) == Rectangle(0, 0, 640, 360)


def test_the_largest_picture_of_a_clip_counts() -> None:
    dark_sky = frame(Rectangle(0, 100, 640, 220))
    bright = frame(Rectangle(0, 40, 640, 280))
    assert picture_rectangle([picture_edges(dark_sky), picture_edges(bright)], 640, 360) == Rectangle(0, 40, 640, 280)


def test_a_codec_s_ringing_is_no_picture() -> None:
    luma = frame(Rectangle(140, 0, 360, 360))
    luma[:, 135:140] = luma[:, 500:505] = 16
    luma[::4, 135:140] = luma[::4, 500:505] = 28  # over a whole transform, in a quarter of the rows
    assert picture_rectangle([picture_edges(luma)], 640, 360) == Rectangle(140, 0, 360, 360)


def test_letters_on_black_are_no_picture_in_bars() -> None:
    luma = np.full((360, 640), 16, np.uint8)
    for left in range(120, 520, 12):
        luma[100:260, left : left + 3] = 220
    assert picture_rectangle([picture_edges(luma)] * 3, 640, 360) == Rectangle(0, 0, 640, 360)


def test_subtitles_in_a_bar_are_no_picture() -> None:
    box = Rectangle(0, 60, 640, 240)
    luma = frame(box)
    for x in range(240, 400, 12):
        luma[318:328, x : x + 6] = 235
    assert picture_rectangle([picture_edges(luma)], 640, 360) == box


def test_what_a_flash_leaves_in_a_block_of_the_bar_is_no_picture() -> None:
    box = Rectangle(140, 0, 360, 360)
    luma = frame(box, low=180)
    luma[340:356, 500:510] = 27
    assert picture_rectangle([picture_edges(luma)], 640, 360) == box


def test_a_dark_even_picture_is_told_from_its_bars() -> None:
    box = Rectangle(0, 40, 640, 280)
    luma = np.full((360, 640), 16, np.uint8)
    luma[40:320] = 22
    luma[150:200, 300:340] = 120
    assert picture_rectangle([picture_edges(luma)], 640, 360) == box


def test_what_a_codec_leaves_along_a_whole_bar_is_no_picture() -> None:
    box = Rectangle(0, 46, 640, 268)
    luma = frame(box, low=180)
    luma[33:46] = 20
    assert picture_rectangle([picture_edges(luma)], 640, 360) == box
