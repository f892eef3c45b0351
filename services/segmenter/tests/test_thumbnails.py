"""Thumbnails: small, in the picture's own colours, and of a frame that shows something."""

import cv2
import numpy as np
import pytest
from celstream_segmenter.thumbnails import Thumbnail, livelier, thumbnail
from numpy.typing import NDArray


def drawn(height: int, width: int) -> NDArray[np.uint8]:
    """A picture in red, with a blue part."""
    picture = np.full((height, width, 3), (200, 30, 20), np.uint8)
    picture[: height // 2, : width // 2] = (20, 40, 180)
    return picture


def opened(jpeg: bytes) -> NDArray[np.uint8]:
    """Its pixels: red, green, blue."""
    found = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert found is not None
    return np.asarray(found[..., ::-1], np.uint8)


@pytest.mark.parametrize(
    ("size", "small"),
    [((1080, 1920), (180, 320)), ((576, 720), (256, 320)), ((3, 2000), (1, 320)), ((72, 128), (72, 128))],
)
def test_a_thumbnail_shows_the_whole_picture_small(size: tuple[int, int], small: tuple[int, int]) -> None:
    shown = opened(thumbnail(drawn(*size)).jpeg)
    assert shown.shape[:2] == small
    assert np.abs(shown[-1, -1].astype(int) - (200, 30, 20)).max() < 25
    if small[0] > 1:
        assert np.abs(shown[0, 0].astype(int) - (20, 40, 180)).max() < 25


def test_a_clip_that_fades_in_is_shown_by_its_last_frame() -> None:
    black, lively = thumbnail(np.zeros((90, 160, 3), np.uint8)), thumbnail(drawn(90, 160))
    assert livelier(black, lively) is lively
    assert livelier(lively, black) is lively


def test_the_first_frame_stands_for_a_clip_wherever_it_shows_something() -> None:
    first, last = Thumbnail(b"first", 20.0), Thumbnail(b"last", 60.0)
    assert livelier(first, last) is first
    dark, darker = Thumbnail(b"dark", 5.0), Thumbnail(b"darker", 4.0)
    assert livelier(dark, darker) is dark
