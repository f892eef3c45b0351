"""Paintings and figures by chance, for films that are hard on detectors of transitions."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[Any]  # height x width x 3 uint8, blue, green, red


def colour(rng: np.random.Generator) -> tuple[int, int, int]:
    blue, green, red = (int(value) for value in rng.integers(0, 256, 3))
    return blue, green, red


def clouds(rng: np.random.Generator, width: int, height: int, octaves: int) -> Picture:
    """Smooth noise between two or three colours; many octaves look like foliage, few like a sky."""
    share = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        cells = 2 ** (octave + 1) + 1
        grid = rng.random((cells, cells * 2)).astype(np.float32)
        share += np.asarray(cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)) / 2 ** (octave * 0.7)
    share = (share - share.min()) / (np.ptp(share) + 1e-6)
    stops = np.array([colour(rng) for _ in range(int(rng.integers(2, 4)))], np.float32)
    place = share * (len(stops) - 1)
    index = np.minimum(place.astype(int), len(stops) - 2)
    return (stops[index] + (stops[index + 1] - stops[index]) * (place - index)[..., None]).astype(np.uint8)


def painting(rng: np.random.Generator, width: int, height: int) -> Picture:
    """A background: sky, foliage, gradient, flat ground, facade, glass, with or without things in it."""
    kind = rng.choice(["sky", "foliage", "gradient", "flat", "facade", "glass"], p=[0.2, 0.25, 0.15, 0.1, 0.15, 0.15])
    if kind in ("sky", "foliage"):
        canvas = clouds(rng, width, height, 3 if kind == "sky" else 7)
    elif kind == "gradient":
        top, bottom = np.array(colour(rng)), np.array(colour(rng))
        rise = np.linspace(0, 1, height)[:, None, None]
        canvas = np.broadcast_to(top * (1 - rise) + bottom * rise, (height, width, 3)).astype(np.uint8).copy()
    elif kind == "glass":
        points = rng.random((int(rng.integers(8, 60)), 2)) * (width, height)
        colours = np.array([colour(rng) for _ in points], np.uint8)
        grid = np.stack(np.meshgrid(np.arange(0, width, 4), np.arange(0, height, 4)), axis=-1)
        nearest = ((grid[:, :, None] - points) ** 2).sum(axis=3).argmin(axis=2)
        canvas = np.asarray(cv2.resize(colours[nearest], (width, height), interpolation=cv2.INTER_NEAREST))
    else:
        canvas = np.full((height, width, 3), colour(rng), np.uint8)
        if kind == "facade":
            step_x, step_y, paint = int(rng.integers(12, 60)), int(rng.integers(12, 60)), colour(rng)
            for x in range(0, width, step_x):
                for y in range(0, height, step_y):
                    cv2.rectangle(canvas, (x, y), (x + step_x // 2, y + step_y // 2), paint, -1)
    for _ in range(int(rng.integers(0, 4 if kind == "flat" else 35))):
        _thing(rng, canvas)
    return canvas


def _thing(rng: np.random.Generator, canvas: Picture) -> None:
    height, width = canvas.shape[:2]
    x, y, size = int(rng.integers(0, width)), int(rng.integers(0, height)), int(rng.integers(6, 160))
    reach = rng.integers(-size, size + 1, 4)
    match int(rng.integers(4)):
        case 0:
            cv2.rectangle(canvas, (x, y), (x + size, y + int(size * rng.uniform(0.3, 3))), colour(rng), -1)
        case 1:
            cv2.circle(canvas, (x, y), size // 2, colour(rng), -1, cv2.LINE_AA)
        case 2:
            corners = np.array([[x, y], [x + size, y + reach[0]], [x + reach[1], y + size]], np.int32)
            cv2.fillPoly(canvas, [corners], colour(rng), cv2.LINE_AA)
        case _:
            end = (x + int(reach[2]) * 2, y + int(reach[3]) * 2)
            cv2.line(canvas, (x, y), end, colour(rng), int(rng.integers(1, 8)), cv2.LINE_AA)


class Figure:
    """A character with twelve poses."""

    def __init__(self, rng: np.random.Generator, width: int, height: int) -> None:
        self._colours = [colour(rng) for _ in range(5)]
        self._poses = rng.uniform(-1, 1, (12, 8))
        self.height = rng.uniform(0.4, 1.6) * height  # a close-up fills more than the picture
        self.x, self.y = rng.uniform(0.15, 0.85) * width, height * (rng.uniform(0.9, 1.2) + self.height / height * 0.15)
        self.speed = rng.uniform(-6, 6)

    def draw(self, canvas: Picture, x: float, scale: float, pose: int, sway: float) -> None:
        """Draw at x; pose picks one of the poses, sway moves the limbs from there."""
        limbs = self._poses[pose % 12] + sway * 0.5 * np.sin(np.arange(8))
        size = self.height * scale
        hair, skin, coat, eyes, sleeve = self._colours
        y = self.y

        def at(px: float, py: float) -> tuple[int, int]:
            return int(min(max(px, -9999), 9999)), int(min(max(py, -9999), 9999))

        for side in (0, 2):
            hand = at(x + limbs[side] * size * 0.3, y - size * 0.25 + limbs[side + 1] * size * 0.2)
            cv2.line(canvas, at(x, y - size * 0.45), hand, sleeve, max(1, int(size * 0.07)), cv2.LINE_AA)
        cv2.ellipse(canvas, at(x, y - size * 0.3), at(size * 0.16, size * 0.28), limbs[4] * 10, 0, 360, coat, -1)
        head, centre = size * 0.2, (x + limbs[4] * size * 0.06, y - size * 0.75)
        cv2.ellipse(canvas, at(centre[0], centre[1] - head * 0.3), at(head * 1.15, head * 1.1), 0, 0, 360, hair, -1)
        cv2.ellipse(canvas, at(*centre), at(head * 0.85, head), 0, 0, 360, skin, -1, cv2.LINE_AA)
        for side in (-1, 1):
            cv2.circle(canvas, at(centre[0] + side * head * 0.4, centre[1]), max(1, int(head * 0.17)), eyes, -1)
        mouth = at(head * 0.3, max(1.0, head * 0.2 * abs(limbs[5])))
        cv2.ellipse(canvas, at(centre[0], centre[1] + head * 0.5), mouth, 0, 0, 360, (20, 20, 60), -1)


def title(rng: np.random.Generator, width: int, height: int) -> Picture:
    """A card with text: black, white or coloured."""
    ground = [(0, 0, 0), (0, 0, 0), (235, 235, 235), colour(rng)][int(rng.integers(4))]
    canvas = np.full((height, width, 3), ground, np.uint8)
    ink = (255, 255, 255) if sum(ground) < 300 else colour(rng)
    for line in range(int(rng.choice([1, 1, 2, 5, 8]))):
        scale, face = float(rng.uniform(0.25, 1.4)), int(rng.integers(0, 5))
        text = "".join(chr(int(code)) for code in rng.integers(65, 91, int(rng.integers(4, 18))))
        (length, _), _ = cv2.getTextSize(text, face, scale, 1)
        place = (width // 2 - length // 2, height // 2 if line == 0 else int(rng.integers(20, height - 8)))
        cv2.putText(canvas, text, place, face, scale, ink, 1 if scale < 0.8 else 2, cv2.LINE_AA)
    return canvas
