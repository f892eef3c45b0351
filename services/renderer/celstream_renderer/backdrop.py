"""Painted backgrounds: seven kinds of place, each in every style's colours."""

from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from celstream_renderer.film import Backdrop, Colour
from celstream_renderer.paint import Layer, Picture, ellipse, rectangle, smooth
from celstream_renderer.pencil import Pencil
from celstream_renderer.scenery import (
    HORIZON,
    Extents,
    buildings,
    cells,
    cloud,
    cloud_colour,
    ground,
    ridge,
    sun,
    tree,
    tufts,
)
from celstream_renderer.styles import Palette, mix, style_named

Points = NDArray[np.float64]
_WHITE: Colour = (255, 255, 255)


@lru_cache(maxsize=12)
def paint_backdrop(backdrop: Backdrop, style_name: str, extents: Extents, scale: float) -> Picture:
    """Paint a backdrop. extents: left, top, right, bottom in world units; scale: pixels per world unit."""
    style = style_named(style_name)
    left, top, right, bottom = extents
    width, height = round((right - left) * scale), round((bottom - top) * scale)
    palette = style.palette
    picture = _gradient(palette.sky_top, palette.sky_low, top, bottom, height, width)
    layer = Layer(scale, (-left * scale, -top * scale), (0, 0, width, height))
    pencil = Pencil(layer, style, 0.62, style.backdrop_pen)
    _PAINTERS[backdrop.kind](pencil, palette, backdrop.seed, extents)
    layer.over(picture)
    if style.glow:
        _glow(picture, style.glow)
    picture.setflags(write=False)
    return picture


def _glow(picture: Picture, strength: float) -> None:
    small = cv2.resize(picture, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    blurred = cv2.GaussianBlur(small, (0, 0), max(1.0, picture.shape[0] / 110))
    bright = cv2.addWeighted(blurred, 1.0, blurred, 0.0, -38.0)  # what is dark does not shine
    halo = cv2.resize(bright, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    cv2.addWeighted(picture, 1.0, halo, strength, 0, dst=picture)


def _gradient(top: Colour, low: Colour, y0: float, y1: float, height: int, width: int) -> Picture:
    y = np.linspace(y0, y1, height)
    share = np.clip((y + 0.5) / (HORIZON + 0.5), 0.0, 1.0)[:, None]
    column = np.asarray(top) * (1 - share) + np.asarray(low) * share
    return np.ascontiguousarray(np.broadcast_to(np.rint(column).astype(np.uint8)[:, None, :], (height, width, 3)))


def _meadow(pencil: Pencil, palette: Palette, seed: int, extents: Extents) -> None:
    sun(pencil, palette, float(np.random.default_rng([seed, 1]).uniform(-0.5, 0.5)), -0.3, 0.075)
    for x, rng in cells(extents, 0.6, seed, 2):
        if rng.random() < 0.7:
            cloud(
                pencil,
                x + rng.uniform(0, 0.4),
                rng.uniform(-0.45, -0.15),
                rng.uniform(0.16, 0.3),
                cloud_colour(palette),
            )
    ridge(pencil, extents, HORIZON + 0.02, 0.24, seed, palette.far)
    ridge(pencil, extents, HORIZON + 0.06, 0.12, seed + 1, palette.middle)
    for x, rng in cells(extents, 0.42, seed, 3):
        if rng.random() < 0.65:
            tree(
                pencil, x + rng.uniform(0, 0.3), HORIZON + rng.uniform(0.05, 0.12), rng.uniform(0.2, 0.42), palette, rng
            )
    ridge(pencil, extents, HORIZON + 0.15, 0.05, seed + 2, palette.ground)
    tufts(pencil, palette, seed, extents)


def _street(pencil: Pencil, palette: Palette, seed: int, extents: Extents) -> None:
    far = [mix(palette.far, palette.sky_low, share) for share in (0.2, 0.4)]
    buildings(pencil, palette, seed, extents, HORIZON + 0.05, 0.58, 11, far)
    walls = [mix(palette.middle, tone, 0.45) for tone in (palette.detail, palette.far, palette.light, palette.near)]
    if sum(palette.sky_top) < 150:
        walls = [mix(palette.middle, tone, 0.16) for tone in (palette.detail, palette.light, palette.far)]
    buildings(pencil, palette, seed + 1, extents, HORIZON + 0.1, 0.42, 12, walls)
    road = mix(palette.ground, (96, 96, 110), 0.62) if sum(palette.sky_top) >= 150 else palette.near
    ground(pencil, extents, HORIZON + 0.1, mix(road, _WHITE if sum(palette.sky_top) >= 150 else palette.detail, 0.25))
    ground(pencil, extents, HORIZON + 0.2, road)
    for x, _ in cells(extents, 0.3, seed, 13):
        stripe = np.array([[x, 0.42], [x + 0.14, 0.42], [x + 0.13, 0.435], [x - 0.01, 0.435]])
        pencil.layer.fill(stripe, mix(road, palette.light, 0.7))
    for x, rng in cells(extents, 0.9, seed, 14):
        px = x + rng.uniform(0, 0.5)
        pencil.form([rectangle(px - 0.008, -0.2, px + 0.008, HORIZON + 0.18)], palette.near)
        pencil.form([ellipse(np.array([px, -0.215]), 0.032, 0.032)], palette.light, shade=False)


def _room(pencil: Pencil, palette: Palette, seed: int, extents: Extents) -> None:
    wall = mix(palette.sky_low, palette.detail, 0.22)
    ground(pencil, extents, extents[1] - 0.1, wall)
    for x, _ in cells(extents, 0.12, seed, 20):
        pencil.layer.fill(rectangle(x, extents[1] - 0.1, x + 0.05, 0.2), mix(wall, palette.detail, 0.10))
    for x, rng in cells(extents, 0.85, seed, 21):
        px = x + rng.uniform(0.0, 0.3)
        if rng.random() < 0.55:
            pencil.form([rectangle(px - 0.17, -0.36, px + 0.17, 0.0)], mix(palette.far, _WHITE, 0.4), shade=False)
            pencil.form([rectangle(px - 0.145, -0.335, px + 0.145, -0.025)], palette.sky_top, shade=False)
            cloud(pencil, px + 0.03, -0.2, 0.1, cloud_colour(palette))
            pencil.form([rectangle(px - 0.006, -0.335, px + 0.006, -0.025)], mix(palette.far, _WHITE, 0.4), shade=False)
            for side in (-1, 1):
                edge = px + side * 0.2
                folds = np.array([[edge + 0.05 * side, 0.06], [edge + 0.015 * side, 0.05], [edge - 0.03 * side, 0.06]])
                inner = smooth(
                    np.array([[edge - 0.055 * side, -0.39], [edge - 0.05 * side, -0.2], folds[2]]), closed=False
                )
                outer = np.array([[edge + 0.06 * side, -0.39]])
                pencil.form([np.vstack([outer, inner, folds[::-1][1:]])], palette.detail)
                for fold in (-0.01, 0.025):
                    line = np.array([[edge + fold * side, -0.38], [edge + fold * side, 0.04]])
                    pencil.layer.stroke(line, mix(palette.detail, pencil.style.ink, 0.3), 0.004)
            pencil.form([rectangle(px - 0.28, -0.4, px + 0.28, -0.385)], mix(palette.near, palette.detail, 0.4))
        else:
            frame = [palette.light, palette.near, palette.middle][int(rng.integers(3))]
            pencil.form([rectangle(px - 0.09, -0.3, px + 0.09, -0.1)], mix(frame, pencil.style.ink, 0.3), shade=False)
            pencil.form([rectangle(px - 0.07, -0.28, px + 0.07, -0.12)], frame, shade=False)
    floor = mix(palette.ground, palette.detail, 0.35)
    ground(pencil, extents, 0.2, mix(floor, pencil.style.ink, 0.25))
    ground(pencil, extents, 0.225, floor)
    for x, rng in cells(extents, 1.3, seed, 22):
        px = x + rng.uniform(0.1, 0.5)
        wood = mix(palette.near, palette.detail, 0.4)
        pencil.form([rectangle(px - 0.16, 0.06, px - 0.145, 0.28), rectangle(px + 0.145, 0.06, px + 0.16, 0.28)], wood)
        pencil.form([rectangle(px - 0.19, 0.04, px + 0.19, 0.07)], wood)
        pencil.form([ellipse(np.array([px, 0.0]), 0.035, 0.045)], palette.light)
    rug = ellipse(np.array([0.0, 0.4]), 0.62, 0.07)
    pencil.form([rug], mix(palette.middle, palette.light, 0.35), shade=False)


def _forest(pencil: Pencil, palette: Palette, seed: int, extents: Extents) -> None:
    for depth, (tone, step, wide) in enumerate(((0.15, 0.13, 0.018), (0.5, 0.21, 0.03), (0.95, 0.42, 0.05))):
        colour = mix(palette.sky_low, mix(palette.near, pencil.style.ink, 0.25), tone)
        ridge(pencil, extents, HORIZON + 0.02 + 0.05 * depth, 0.05, seed + depth, mix(colour, palette.ground, 0.45))
        for x, rng in cells(extents, step, seed, 30 + depth):
            px, lean = x + rng.uniform(0, step * 0.6), rng.uniform(-0.03, 0.03)
            foot = HORIZON + 0.03 + 0.05 * depth
            trunk = [
                [px - wide, foot],
                [px - 0.6 * wide + lean, -0.7],
                [px + 0.6 * wide + lean, -0.7],
                [px + wide, foot],
            ]
            pencil.form([np.array(trunk)], colour)
        for x, rng in cells(extents, step * 1.6, seed, 40 + depth):
            crown = np.array([x + rng.uniform(0, 0.1), -0.5 + rng.uniform(-0.04, 0.05)])
            parts = [
                ellipse(crown + np.array([dx, dy]), 0.13, 0.09) for dx, dy in ((-0.08, 0), (0.08, 0.01), (0, 0.05))
            ]
            pencil.form(parts, mix(colour, palette.middle, 0.5))
    ridge(pencil, extents, HORIZON + 0.17, 0.04, seed + 5, palette.ground)
    tufts(pencil, palette, seed, extents)


def _beach(pencil: Pencil, palette: Palette, seed: int, extents: Extents) -> None:
    sun(pencil, palette, 0.25, -0.02, 0.12)
    for x, rng in cells(extents, 0.8, seed, 50):
        cloud(pencil, x + rng.uniform(0, 0.4), rng.uniform(-0.42, -0.2), rng.uniform(0.14, 0.24), cloud_colour(palette))
    sea = mix(palette.sky_top, palette.far, 0.25)
    ground(pencil, extents, 0.04, mix(sea, (0, 30, 80), 0.12))
    for x, rng in cells(extents, 0.14, seed, 51):
        px, py = x + rng.uniform(0, 0.1), rng.uniform(0.06, 0.2)
        pencil.layer.stroke(np.array([[px, py], [px + 0.07, py]]), mix(sea, _WHITE, 0.5), 0.006)
    sand = mix(palette.ground, (246, 224, 170), 0.6) if sum(palette.sky_top) > 150 else palette.ground
    ridge(pencil, extents, HORIZON + 0.13, 0.025, seed, mix(sand, _WHITE, 0.3))
    ridge(pencil, extents, HORIZON + 0.15, 0.025, seed, sand)
    for x, rng in cells(extents, 1.1, seed, 52):
        px, top = x + rng.uniform(0, 0.6), rng.uniform(-0.3, -0.2)
        stem = smooth(np.array([[px, 0.24], [px + 0.03, 0.0], [px + 0.09, top]]), closed=False)
        pencil.layer.stroke(stem, mix(palette.detail, (110, 76, 50), 0.6), 0.03)
        for angle in (-2.9, -2.2, -1.2, -0.5, 0.1, 3.3):
            tip = np.array([px + 0.09 + 0.19 * np.cos(angle), top + 0.13 * np.sin(angle) + 0.07])
            middle = np.array([px + 0.09 + 0.11 * np.cos(angle), top + 0.11 * np.sin(angle) - 0.015])
            droop = np.array([0.0, 0.022])
            leaf = smooth(np.array([[px + 0.09, top], middle - droop, tip, middle + droop]))
            pencil.form([leaf], palette.near)


def _rooftops(pencil: Pencil, palette: Palette, seed: int, extents: Extents) -> None:
    sun(pencil, palette, -0.35, -0.28, 0.1)
    for x, rng in cells(extents, 0.09, seed, 60):
        star = np.array([x + rng.uniform(0, 0.09), rng.uniform(-0.7, 0.0)])
        pencil.layer.fill(ellipse(star, 0.0035, 0.0035, count=8), mix(palette.sky_low, _WHITE, 0.7))
    far = [mix(palette.far, palette.sky_low, 0.4), mix(palette.far, palette.sky_top, 0.3)]
    buildings(pencil, palette, seed, extents, 0.3, 0.62, 61, far)
    near = [palette.middle, mix(palette.middle, palette.near, 0.5)]
    buildings(pencil, palette, seed + 3, extents, 0.32, 0.36, 62, near)
    ground(pencil, extents, 0.25, mix(palette.near, palette.ground, 0.5))
    roof = mix(palette.ground, mix(palette.far, pencil.style.ink, 0.35), 0.75)
    ground(pencil, extents, 0.28, roof)
    for x, _ in cells(extents, 0.36, seed, 64):
        seam = np.array([[x, 0.285], [1.35 * x, extents[3] + 0.1]])
        pencil.layer.stroke(seam, mix(roof, pencil.style.ink, 0.2), 0.004)
    for x, rng in cells(extents, 0.7, seed, 63):
        px = x + rng.uniform(0, 0.4)
        pencil.form([rectangle(px, 0.13, px + 0.12, 0.27)], palette.near)
        pencil.layer.stroke(
            np.array([[px + 0.3, 0.26], [px + 0.3, 0.0], [px + 0.25, 0.04], [px + 0.35, 0.02]]), palette.detail, 0.007
        )


def _plain(pencil: Pencil, palette: Palette, seed: int, extents: Extents) -> None:
    tones = (palette.detail, palette.light, palette.far, palette.middle)
    flat = mix(palette.sky_low, tones[seed % 4], 0.35)
    ground(pencil, extents, extents[1] - 0.1, flat)
    ground(pencil, extents, 0.3, mix(flat, palette.near, 0.25))


_PAINTERS: dict[str, Callable[[Pencil, Palette, int, Extents], None]] = {
    "meadow": _meadow,
    "street": _street,
    "room": _room,
    "forest": _forest,
    "beach": _beach,
    "rooftops": _rooftops,
    "plain": _plain,
}
