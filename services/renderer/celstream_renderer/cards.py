"""Title cards, credits and black."""

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from celstream_renderer.backdrop import paint_backdrop
from celstream_renderer.film import Backdrop, Colour, Credits, TitleCard
from celstream_renderer.overlay import on_paper
from celstream_renderer.paint import Picture
from celstream_renderer.styles import mix, style_named


def _text(
    picture: Picture, lines: list[tuple[str, float, float]], colour: Colour, edge: Colour | None, reach: float
) -> Picture:
    """Write centred lines of (text, y, size in pixels) on a copy of the picture, none wider than `reach` of it."""
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    width = picture.shape[1]
    for text, y, wanted in lines:
        size = wanted
        font = ImageFont.load_default(size)
        while draw.textlength(text, font=font) > reach * width and size > 6:
            size *= 0.92
            font = ImageFont.load_default(size)
        stroke = max(1, round(size / 14)) if edge else 0
        draw.text((width / 2, y), text, fill=colour, font=font, anchor="mm", stroke_width=stroke, stroke_fill=edge)
    return np.asarray(image)


def title_picture(card: TitleCard, size: tuple[int, int]) -> Picture:
    """The one picture of a title card."""
    style = style_named(card.style)
    width, height = size
    aspect = width / height
    extents = (-aspect / 2, -0.5, -aspect / 2 + width / height, 0.5)
    ground = paint_backdrop(Backdrop("plain", 1), card.style, extents, float(height)).copy()
    ground[:] = cv2.addWeighted(ground, 0.75, np.full_like(ground, 0), 0.25, 0)
    centre = (width // 2, round(0.47 * height))
    cv2.circle(
        ground, centre, round(0.40 * height), mix(style.palette.detail, style.palette.light, 0.15), -1, cv2.LINE_AA
    )
    cv2.circle(ground, centre, round(0.36 * height), style.palette.sky_top, -1, cv2.LINE_AA)
    lines = [(card.title, 0.45 * height, 0.14 * height)]
    if card.subtitle:
        lines.append((card.subtitle, 0.62 * height, 0.06 * height))
    light: Colour = (255, 252, 240)
    return on_paper(_text(ground, lines, light, mix(style.ink, (20, 16, 30), 0.6), 0.66 * height / width), style)


class CreditFrames:
    """The frames of credits that scroll upwards, from below the picture until the last line has left the middle."""

    def __init__(self, card: Credits, frames: int, size: tuple[int, int]) -> None:
        width, height = size
        style = style_named(card.style)
        self._size = size
        self._ground = mix(style.palette.sky_top, (8, 8, 14), 0.82)
        step = 0.13 * height
        strip_height = round(step * len(card.lines) + height)
        strip = np.empty((strip_height, width, 3), np.uint8)
        strip[:] = self._ground
        lines = [(line, (i + 0.5) * step, 0.075 * height) for i, line in enumerate(card.lines)]
        self._strip = _text(strip, lines, (240, 238, 230), None, 0.92)
        self._travel = height * 0.55 + step * len(card.lines)
        self._frames = frames

    def offset(self, frame: int) -> int:
        """How far the text has come up from below the picture, in pixels."""
        return round(self._travel * (frame + 1) / self._frames)

    def picture(self, frame: int) -> Picture:
        """Frame of the shot, RGB."""
        width, height = self._size
        picture = np.empty((height, width, 3), np.uint8)
        picture[:] = self._ground
        top = height - self.offset(frame)
        first = max(0, -top)
        visible = self._strip[first : first + height - max(top, 0)]
        picture[max(top, 0) : max(top, 0) + len(visible)] = visible
        return picture
