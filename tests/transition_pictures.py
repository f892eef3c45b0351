"""Pictures and short films for the tests of transitions, drawn here so that the truth is known."""

from collections.abc import Iterable, Iterator
from typing import Any

import cv2
import numpy as np
from celstream_segmenter.transition_finder import TransitionFinder
from celstream_segmenter.transitions import Transition
from numpy.typing import NDArray

Picture = NDArray[Any]
WIDTH, HEIGHT = 160, 92
BLACK: Picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
WHITE: Picture = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)


def picture(seed: int) -> Picture:
    """A wide painting of coloured shapes, three pictures broad; the same seed gives the same one."""
    rng = np.random.default_rng(seed)
    canvas = np.full((HEIGHT, WIDTH * 3, 3), rng.integers(30, 220, 3), np.uint8)
    for _ in range(60):
        x, y, size = int(rng.integers(0, WIDTH * 3)), int(rng.integers(0, HEIGHT)), int(rng.integers(5, 40))
        colour = tuple(int(value) for value in rng.integers(0, 256, 3))
        cv2.rectangle(canvas, (x, y), (x + size, y + int(size * rng.uniform(0.5, 2))), colour, -1)
    return canvas


def shot(seed: int, frames: int, speed: float = 0.0) -> list[Picture]:
    """A camera that pans over a painting by `speed` pixels a frame."""
    painting = picture(seed)
    left = [round(WIDTH + speed * frame) % (WIDTH * 2) for frame in range(frames)]
    return [painting[:, x : x + WIDTH].copy() for x in left]


def mixed(old: Picture, new: Picture, share: float) -> Picture:
    return np.asarray(cv2.addWeighted(old, 1 - share, new, share, 0))


def decoded(frames: Iterable[Picture]) -> Iterator[tuple[Picture, Picture]]:
    """Luma and chroma of frames in blue, green and red; with the noise of a codec."""
    rng = np.random.default_rng(0)
    for frame in frames:
        noisy = np.clip(frame + rng.normal(0, 1.5, frame.shape), 0, 255).astype(np.uint8)
        planes = cv2.cvtColor(noisy, cv2.COLOR_BGR2YUV_I420)
        u, v = planes[HEIGHT:].reshape(2, HEIGHT // 2, WIDTH // 2)
        yield planes[:HEIGHT], np.dstack((u, v))


def find(frames: Iterable[Picture], fps: float = 24) -> list[Transition]:
    """What the finder says about frames in blue, green and red; with the noise of a codec."""
    finder, found = TransitionFinder(fps), []
    for luma, chroma in decoded(frames):
        found += finder.push(luma, chroma)
    return found + finder.finish()


def cuts(frames: Iterable[Picture], fps: float = 24) -> list[int]:
    return [item.frame for item in find(frames, fps) if item.kind == "cut"]
