"""Things over the stage: props, things passing close to the camera, speed lines, flashes, paper."""

from functools import lru_cache

import cv2
import numpy as np

from celstream_renderer.drawings import PropState, passing_x
from celstream_renderer.film import Colour, Flash, Prop
from celstream_renderer.paint import Layer, Picture, as_picture, ellipse, lay_over, rectangle, smooth
from celstream_renderer.pencil import Pencil
from celstream_renderer.styles import Style, mix


def draw_stage_prop(pencil: Pencil, prop: Prop, state: PropState) -> None:
    """Draw a prop that stands on the stage (popup_*, ball)."""
    at = np.array(state[:2])
    size = prop.size
    if prop.kind == "popup_star":
        angles = np.arange(10) * np.pi / 5 - np.pi / 2
        radius = np.where(np.arange(10) % 2 == 0, 0.5, 0.22)[:, None] * size
        pencil.form([at + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)], prop.colour)
    elif prop.kind == "popup_sign":
        x, y = at
        pencil.form(
            [rectangle(x - 0.05 * size, y, x + 0.05 * size, y + 0.6 * size)], mix(prop.colour, (60, 40, 30), 0.6)
        )
        pencil.form([rectangle(x - 0.45 * size, y - 0.35 * size, x + 0.45 * size, y + 0.2 * size)], prop.colour)
        pencil.line(np.array([[x, y - 0.25 * size], [x, y - 0.05 * size]]), 0.08 * size)
        pencil.line(np.array([[x, y + 0.08 * size], [x, y + 0.09 * size]]), 0.08 * size)
    else:
        pencil.form([ellipse(at, 0.5 * size, 0.5 * size)], prop.colour)
        band = smooth(at + size * np.array([[-0.48, 0.0], [0.0, 0.12], [0.48, 0.0]]), closed=False)
        pencil.line(band, 0.1 * size, mix(prop.colour, (255, 255, 255), 0.7))


def draw_passing(picture: Picture, style: Style, prop: Prop, progress: float) -> None:
    """Draw what crosses the picture close to the camera, blurred by its speed, in place."""
    height, width = picture.shape[:2]
    x = passing_x(prop, progress, width / height)
    layer = Layer(float(height), (width / 2, height / 2), (0, 0, width, height))
    pencil = Pencil(layer, style, 1.0)
    size, y = prop.size, prop.y
    dark: Colour = mix(prop.colour, (20, 16, 30), 0.35)
    if prop.kind == "passing_trunk":
        pencil.form([rectangle(x - 0.32 * size, -0.7, x + 0.32 * size, 0.7)], dark)
        pencil.form([rectangle(x - 0.1 * size, -0.7, x + 0.05 * size, 0.7)], prop.colour)
    elif prop.kind == "passing_car":
        cabin = [(-0.55, -0.15), (-0.35, -0.52), (0.3, -0.52), (0.55, -0.15)]
        pencil.form(
            [np.array([[x + a * size, y + b * size] for a, b in cabin])], mix(prop.colour, (220, 240, 255), 0.6)
        )
        body = [(-1.0, -0.15), (0.9, -0.2), (1.05, 0.1), (1.0, 0.35), (-1.05, 0.35)]
        pencil.form([smooth(np.array([[x + a * size, y + b * size] for a, b in body]), per_span=3)], prop.colour)
        for a in (-0.6, 0.6):
            pencil.form([ellipse(np.array([x + a * size, y + 0.36 * size]), 0.22 * size, 0.22 * size)], (40, 38, 46))
    else:
        flap = 0.5 * size * (1 if int(progress * 10) % 2 else -1)
        front, back = 0.55 * prop.direction * size, -0.6 * prop.direction * size
        tail = [
            (back * 0.6, -0.08 * size),
            (back * 1.3, -0.2 * size),
            (back * 1.3, 0.14 * size),
            (back * 0.6, 0.08 * size),
        ]
        pencil.form([np.array([[x + a, y + b] for a, b in tail])], dark)
        pencil.form([ellipse(np.array([x, y]), 0.55 * size, 0.2 * size)], prop.colour)
        beak = [(front * 0.9, -0.1 * size), (front * 1.45, 0.02 * size), (front * 0.9, 0.08 * size)]
        pencil.form([np.array([[x + a, y + b] for a, b in beak])], (240, 170, 60))
        wing = [(front * 0.35, 0.0), (0.0, -0.5 * flap), (back * 0.75, -1.5 * flap), (back * 0.5, 0.04 * size)]
        pencil.form([smooth(np.array([[x + a, y + b] for a, b in wing]))], dark)
    small = cv2.resize(layer.pixels, (width, height), interpolation=cv2.INTER_AREA)
    lay_over(picture, as_picture(cv2.blur(small, (max(1, width // 48), 1))))


def draw_speed_lines(picture: Picture, style: Style, number: int) -> None:
    """Draw wedges that point at the middle of the picture, in place; each number gives another set."""
    height, width = picture.shape[:2]
    rng = np.random.default_rng([number, 91])
    layer = Layer(float(height), (width / 2, height / 2), (0, 0, width, height))
    ink: Colour = (250, 250, 255) if style.name in ("neon", "anime", "cel") else mix(style.ink, (255, 255, 255), 0.1)
    angles = np.sort(rng.uniform(0, 2 * np.pi, 64))
    for angle in angles:
        ray = np.array([np.cos(angle) * width / height, np.sin(angle)])
        side = np.array([-ray[1], ray[0]]) * rng.uniform(0.004, 0.016)
        layer.fill(np.array([ray * rng.uniform(0.36, 0.52), ray * 1.2 + side, ray * 1.2 - side]), ink)
    layer.over(picture)


def add_flash(picture: Picture, flash: Flash) -> Picture:
    """The picture mixed with the flash's colour."""
    full = np.empty_like(picture)
    full[:] = flash.colour
    return as_picture(cv2.addWeighted(picture, 1 - flash.strength, full, flash.strength, 0))


@lru_cache(maxsize=8)
def paper_texture(kind: str, size: tuple[int, int]) -> Picture | None:
    """What a style's paper takes away from the light: RGB factors, 255 = nothing. None for plain paper."""
    if kind == "none":
        return None
    width, height = size
    rng = np.random.default_rng([17, width, height])
    x, y = np.linspace(-1, 1, width)[None, :], np.linspace(-1, 1, height)[:, None]
    factor = 1.0 - (0.34 if kind == "film" else 0.14) * np.clip(x**2 * 0.75 + y**2 * 0.6 - 0.25, 0, None)
    if kind == "film":
        grain = cv2.GaussianBlur(rng.normal(0, 1, (height, width)), (0, 0), 0.8)
        factor = factor * (1 - 0.035 + 0.035 * grain)
        for _ in range(5):
            column = int(rng.integers(width))
            factor[:, column : column + 1] *= 0.93
    elif kind == "paper":
        fine = cv2.GaussianBlur(rng.normal(0, 1, (height, width)), (0, 0), max(0.8, height / 420))
        coarse = cv2.GaussianBlur(rng.normal(0, 1, (height, width)), (0, 0), height / 28)
        factor = factor * (0.975 + 0.022 * fine / fine.std()) * (0.972 + 0.028 * coarse / coarse.std())
    grey = np.clip(np.rint(factor * 255), 0, 255).astype(np.uint8)
    return as_picture(cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB))


def on_paper(picture: Picture, style: Style) -> Picture:
    """The picture as it looks on the style's paper."""
    texture = paper_texture(style.paper, (picture.shape[1], picture.shape[0]))
    if texture is None:
        return picture
    return as_picture(cv2.multiply(picture, texture, scale=1 / 255))
