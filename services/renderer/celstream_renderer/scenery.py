"""What backdrops are made of: hills, clouds, trees, houses, grass.

Things stand in cells along x, each with its own random numbers, so a panorama and a still view of
the same backdrop show the same world. Sizes and places are in world units.
"""

import numpy as np

from celstream_renderer.film import Colour
from celstream_renderer.paint import ellipse, rectangle, smooth
from celstream_renderer.pencil import Pencil
from celstream_renderer.styles import Palette, mix

HORIZON = 0.14
Extents = tuple[float, float, float, float]  # left, top, right, bottom
_WHITE: Colour = (255, 255, 255)


def cells(extents: Extents, step: float, seed: int, salt: int) -> list[tuple[float, np.random.Generator]]:
    """Left edge and random numbers of every cell of width `step` that may reach into the view."""
    first, last = int(np.floor(extents[0] / step)) - 2, int(np.ceil(extents[2] / step)) + 1
    return [(cell * step, np.random.default_rng([seed, salt, cell + 10_000])) for cell in range(first, last + 1)]


def ridge(pencil: Pencil, extents: Extents, base: float, swing: float, seed: int, colour: Colour) -> None:
    """A line of hills, from `base` upwards by `swing`, filled to the bottom of the view."""
    x = np.arange(np.floor(extents[0] * 4) / 4 - 0.25, extents[2] + 0.5, 0.25)
    phases = np.random.default_rng([seed, 77]).uniform(0, 6.28, 3)
    wave = 0.55 * np.sin(1.3 * x + phases[0]) + 0.3 * np.sin(2.9 * x + phases[1]) + 0.15 * np.sin(6.1 * x + phases[2])
    line = smooth(np.stack([x, base - swing * (0.5 + 0.5 * wave)], axis=1), closed=False)
    bottom = np.array([[line[-1, 0], extents[3] + 0.1], [line[0, 0], extents[3] + 0.1]])
    pencil.form([np.vstack([line, bottom])], colour, shade=False)


def ground(pencil: Pencil, extents: Extents, y: float, colour: Colour) -> None:
    """Everything below y, in one colour."""
    pencil.form([rectangle(extents[0] - 0.1, y, extents[2] + 0.1, extents[3] + 0.1)], colour, shade=False)


def cloud(pencil: Pencil, x: float, y: float, size: float, colour: Colour) -> None:
    """A cloud around (x, y), `size` half as wide as it."""
    lobes = [(-0.5, 0.02, 0.34), (-0.12, -0.14, 0.44), (0.34, -0.04, 0.36), (0.62, 0.06, 0.24), (0.05, 0.1, 0.4)]
    parts = [ellipse(np.array([x + a * size, y + b * size]), r * size, 0.62 * r * size) for a, b, r in lobes]
    pencil.form(parts, colour, shade=False)


def tree(pencil: Pencil, x: float, foot: float, size: float, palette: Palette, rng: np.random.Generator) -> None:
    """A tree standing at (x, foot): round or a fir."""
    trunk = mix(palette.detail, (70, 44, 32), 0.7) if pencil.style.name != "ink" else palette.detail
    low, high = 0.05 * size, 0.03 * size
    top = foot - 0.6 * size
    pencil.form([np.array([[x - low, foot], [x - high, top], [x + high, top], [x + low, foot]])], trunk)
    leaf = mix(palette.near, palette.middle, float(rng.uniform(0, 1)))
    if rng.random() < 0.3:
        for level in range(3):
            y, w = foot - (0.35 + 0.27 * level) * size, (0.30 - 0.07 * level) * size
            pencil.form([np.array([[x - w, y], [x, y - 0.42 * size], [x + w, y]])], leaf)
        return
    lobes = [(0.0, -0.95, 0.26), (-0.2, -0.75, 0.23), (0.2, -0.74, 0.24), (0.0, -0.68, 0.26)]
    parts = [ellipse(np.array([x + a * size, foot + b * size]), r * size, r * size) for a, b, r in lobes]
    pencil.form(parts, leaf)


def sun(pencil: Pencil, palette: Palette, x: float, y: float, size: float) -> None:
    """The sun, or the moon, with a halo."""
    pencil.layer.fill(ellipse(np.array([x, y]), 1.5 * size, 1.5 * size), palette.light, 0.28)
    pencil.layer.fill(ellipse(np.array([x, y]), size, size), palette.light)


def cloud_colour(palette: Palette) -> Colour:
    """Nearly white by day, a dark tone by night."""
    return mix(palette.sky_low, _WHITE if sum(palette.sky_low) > 380 else palette.far, 0.6)


def tufts(pencil: Pencil, palette: Palette, seed: int, extents: Extents) -> None:
    """Grass and flowers in the foreground."""
    for x, rng in cells(extents, 0.16, seed, 4):
        px, py = x + rng.uniform(0, 0.16), rng.uniform(HORIZON + 0.12, 0.52)
        blade = mix(palette.ground, palette.near, 0.7)
        for lean in (-0.012, 0.0, 0.012):
            pencil.layer.stroke(np.array([[px, py], [px + lean, py - 0.025]]), blade, 0.005)
        if rng.random() < 0.35:
            pencil.layer.fill(ellipse(np.array([px, py - 0.03]), 0.009, 0.009), palette.detail)


def buildings(
    pencil: Pencil,
    palette: Palette,
    seed: int,
    extents: Extents,
    foot: float,
    tall: float,
    salt: int,
    walls: list[Colour],
) -> None:
    """A row of houses with windows, standing at `foot`, up to `tall`; salt tells rows apart."""
    night = sum(palette.sky_top) < 150
    for x, rng in cells(extents, 0.36, seed, salt):
        width, height = rng.uniform(0.27, 0.37), rng.uniform(0.5, 1.0) * tall
        wall = walls[int(rng.integers(len(walls)))]
        body = rectangle(x, foot - height, x + width, foot + 0.02)
        pencil.form([body], wall, shade=False)
        rows, columns = max(2, int(height / 0.085)), int(rng.integers(3, 5))
        lit = rng.random((rows, columns))
        for row in range(rows):
            for column in range(columns):
                wx = x + width * (column + 0.5) / columns
                wy = foot - height + 0.05 + row * (height - 0.05) / rows
                glass = mix(wall, palette.sky_top, 0.55)
                if night:
                    glass = (
                        palette.light
                        if lit[row, column] < 0.18
                        else (palette.detail if lit[row, column] < 0.3 else glass)
                    )
                elif lit[row, column] < 0.25:
                    glass = mix(palette.light, wall, 0.2)
                pane = rectangle(wx - 0.026, wy - 0.012, wx + 0.026, wy + 0.04)
                if pencil.style.backdrop_pen > 0.003 and not night:
                    pencil.form([pane], glass, shade=False)
                else:
                    pencil.layer.fill(pane, glass)
        if rng.random() < 0.4:
            pencil.form(
                [rectangle(x + 0.3 * width, foot - height - 0.05, x + 0.5 * width, foot - height)], wall, shade=False
            )
