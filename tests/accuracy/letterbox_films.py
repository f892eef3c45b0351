"""Films with bars of many kinds, and with darkness that is no bar; each with the rectangle that holds its picture.

Full pictures by chance, rendered without loss, get bars painted over them, so that what moves is cut off as by a real
matte: plain, uneven, one-sided, lifted, grainy, written on, beside darkness, changing, fading. Then x264 encodes them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from celstream_segmenter.measured import Rectangle
from numpy.typing import NDArray

BLACK, WHITE = 16, 235  # luma of limited range
FPS = Fraction(24)

Picture = NDArray[np.uint8]  # 3 x height x width: luma and both chromas, 4:4:4
Sides = tuple[int, int, int, int]  # left, top, right, bottom: pixels of bars


@dataclass(frozen=True, slots=True)
class Dressed:
    """The pictures of a clip with bars. bar: their luma. box: the picture inside them."""

    pictures: Sequence[Picture]
    bar: int
    box: Rectangle


Dress = Callable[[Sequence[Picture], np.random.Generator], Dressed]


def barred(picture: Picture, sides: Sides, level: int = BLACK) -> Picture:
    """Paint bars of that luma over a picture."""
    _, height, width = picture.shape
    left, top, right, bottom = sides
    result = np.full_like(picture, 128)
    result[0] = level
    inside = (slice(None), slice(top, height - bottom), slice(left, width - right))
    result[inside] = picture[inside]
    return result


def box_of(picture: Picture, sides: Sides) -> Rectangle:
    """The picture inside bars."""
    _, height, width = picture.shape
    left, top, right, bottom = sides
    return Rectangle(left, top, width - left - right, height - top - bottom)


def dimmed(picture: Picture, share: float) -> Picture:
    """Bring a picture nearer to black: 1 leaves it, 0 is black."""
    values = picture.astype(np.float32)
    values[0] = BLACK + (values[0] - BLACK) * share
    values[1:] = 128 + (values[1:] - 128) * share
    return np.asarray(values.round().clip(0, 255), np.uint8)


def even_sides(rng: np.random.Generator, shape: tuple[int, ...]) -> Sides:
    """Letterbox, pillarbox or both, opposite bars equal or a line apart; odd numbers as often as even ones."""
    _, height, width = shape
    down, across = int(rng.integers(6, height // 5)), int(rng.integers(6, width // 6))
    form = rng.integers(4)
    down, across = (down if form != 1 else 0), (across if form in (1, 3) else 0)
    more = int(rng.integers(2))
    return across, down, across + more * (across > 0), down + more * (down > 0)


def _dressed(
    pictures: Sequence[Picture],
    sides: Sides,
    level: int = BLACK,
    finish: Callable[[Picture, int], Picture] | None = None,
) -> Dressed:
    dressed = [barred(picture, sides, level) for picture in pictures]
    if finish is not None:
        dressed = [finish(picture, number) for number, picture in enumerate(dressed)]
    return Dressed(dressed, level, box_of(pictures[0], sides))


def plain(pictures: Sequence[Picture], rng: np.random.Generator) -> Dressed:
    """Black bars."""
    return _dressed(pictures, even_sides(rng, pictures[0].shape))


def dark(pictures: Sequence[Picture], rng: np.random.Generator) -> Dressed:
    """Around a picture at a sixth to a third of its light."""
    share = float(rng.uniform(1 / 6, 1 / 3))
    return _dressed([dimmed(picture, share) for picture in pictures], even_sides(rng, pictures[0].shape))


def night_sky(pictures: Sequence[Picture], rng: np.random.Generator) -> Dressed:
    """The upper half of the picture is a sky some levels above the bars, with stars."""
    _, height, width = pictures[0].shape
    top = int(rng.integers(8, height // 6))
    sky = BLACK + int(rng.integers(5, 12))
    stars = rng.integers(0, (height // 2, width), (40, 2))
    found = []
    for picture in pictures:
        night = dimmed(picture, 0.5)
        night[0, : height // 2] = sky
        night[1:, : height // 2] = 128
        night[0, stars[:, 0], stars[:, 1]] = 190
        found.append(night)
    return _dressed(found, (0, top, 0, top))


def lifted(pictures: Sequence[Picture], rng: np.random.Generator) -> Dressed:
    """Bars that are not quite black, or blacker."""
    level = int(rng.choice([8, 12, 14, 18, 20, 24]))
    return _dressed(pictures, even_sides(rng, pictures[0].shape), level)


def grainy(pictures: Sequence[Picture], rng: np.random.Generator) -> Dressed:
    """Grain over picture and bars, new in every frame."""
    strength = float(rng.uniform(1.5, 4.0))

    def grain(picture: Picture, _: int) -> Picture:
        luma = picture[0] + rng.normal(0, strength, picture[0].shape)
        return np.concatenate((luma.round().clip(0, 255).astype(np.uint8)[None], picture[1:]))

    return _dressed(pictures, even_sides(rng, pictures[0].shape), finish=grain)


def subtitled(pictures: Sequence[Picture], rng: np.random.Generator) -> Dressed:
    """A line of letters in the lower bar."""
    _, height, width = pictures[0].shape
    bottom = int(rng.integers(34, height // 5))
    text = "".join(rng.choice(list("abcdefghiklmnoprstuvy      "), int(rng.integers(12, 34))))
    size = float(rng.uniform(0.5, 0.8))
    (long, high), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, 2)
    at = (width - long) // 2, height - (bottom - high) // 2

    def written(picture: Picture, _: int) -> Picture:
        luma = np.ascontiguousarray(picture[0])
        cv2.putText(luma, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, WHITE, 2, cv2.LINE_AA)
        return np.concatenate((luma[None], picture[1:]))

    return _dressed(pictures, (0, bottom, 0, bottom), finish=written)


def with_logo(pictures: Sequence[Picture], rng: np.random.Generator) -> Dressed:
    """A channel's sign stands in a bar."""
    _, height, width = pictures[0].shape
    bar = int(rng.integers(30, height // 5))
    side, wide = bar - 14, int(rng.integers(30, 70))
    x = width - wide - 20 if rng.random() < 0.5 else 20
    y = 7 if rng.random() < 0.5 else height - bar + 7

    def marked(picture: Picture, _: int) -> Picture:
        picture[0, y : y + side, x : x + wide] = 180
        picture[0, y + 3 : y + side - 3, x + 5 : x + wide - 5] = 60
        return picture

    return _dressed(pictures, (0, bar, 0, bar), finish=marked)


def uneven(pictures: Sequence[Picture], rng: np.random.Generator) -> Dressed:
    """Opposite bars of different size, or one alone."""
    _, height, width = pictures[0].shape
    first, second = sorted((int(rng.integers(0, height // 12)), int(rng.integers(height // 10, height // 5))))
    sides = [0, first if first > 5 else 0, 0, second]
    if rng.random() < 0.5:
        sides[1], sides[3] = sides[3], sides[1]
    if rng.random() < 0.4:
        sides = [sides[1] * width // height, 0, sides[3] * width // height, 0]
    return _dressed(pictures, (sides[0], sides[1], sides[2], sides[3]))


def black_drawing(pictures: Sequence[Picture], rng: np.random.Generator) -> Dressed:
    """Something black in the picture touches a bar along up to half of its length."""
    _, height, width = pictures[0].shape
    sides = even_sides(rng, pictures[0].shape)
    left, top, right, bottom = sides
    wide, high = (width - left - right), (height - top - bottom)
    long = float(rng.uniform(0.2, 0.5))
    found = []
    for number, picture in enumerate(pictures):
        luma, drawn = np.ascontiguousarray(picture[0]), picture.copy()
        x = left + int((0.2 + 0.004 * number) * wide)
        cv2.ellipse(luma, (x + int(long * wide / 2), top), (int(long * wide / 2), high // 4), 0, 0, 360, BLACK, -1)
        cv2.ellipse(luma, (left, top + high // 2), (wide // 5, int(long * high / 2)), 0, 0, 360, BLACK, -1)
        drawn[0] = luma
        found.append(drawn)
    return _dressed(found, sides)


def changing(pictures: Sequence[Picture], rng: np.random.Generator) -> Dressed:
    """The bars become smaller, or vanish, in the middle of the clip."""
    sides = even_sides(rng, pictures[0].shape)
    part = (0, 2)[int(rng.integers(2))]
    smaller = tuple(side * part // 3 for side in sides)
    later = (smaller[0], smaller[1], smaller[2], smaller[3])
    half = len(pictures) // 2
    dressed = [barred(picture, sides if number < half else later) for number, picture in enumerate(pictures)]
    return Dressed(dressed, BLACK, box_of(pictures[0], later))


def fading(pictures: Sequence[Picture], rng: np.random.Generator) -> Dressed:
    """The picture comes out of black in the first third, or goes into it in the last one."""
    count = len(pictures)
    shares = np.minimum(1.0, np.arange(count) / (count / 3))
    if rng.random() < 0.5:
        shares = shares[::-1]
    faded = [dimmed(picture, float(share)) for picture, share in zip(pictures, shares, strict=True)]
    return _dressed(faded, even_sides(rng, pictures[0].shape))


def vignette(pictures: Sequence[Picture], rng: np.random.Generator) -> Dressed:
    """No bars: the picture becomes dark towards its borders, smoothly."""
    _, height, width = pictures[0].shape
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    light = np.clip((1.25 - np.hypot(x, y) ** 2 / float(rng.uniform(1.0, 1.6))), 0.02, 1.0)
    return _dressed([_lit(picture, light) for picture in pictures], (0, 0, 0, 0))


def spot_of_light(pictures: Sequence[Picture], rng: np.random.Generator) -> Dressed:
    """No bars: all but a round spot of the picture is black, as under a torch."""
    _, height, width = pictures[0].shape
    y, x = np.mgrid[:height, :width]
    centre = rng.uniform(0.3, 0.7, 2) * (height, width)
    far = np.hypot(y - centre[0], x - centre[1]) / (float(rng.uniform(0.2, 0.45)) * height)
    return _dressed([_lit(picture, np.clip(1.5 - far, 0.0, 1.0)) for picture in pictures], (0, 0, 0, 0))


def dark_above(pictures: Sequence[Picture], rng: np.random.Generator) -> Dressed:
    """No bars: black from one border on as far as an outline of hills, or of a roof's slope."""
    _, height, width = pictures[0].shape
    at = np.arange(width)
    rise = float(rng.uniform(0.03, 0.2)) * height
    line = height * float(rng.uniform(0.2, 0.4)) + rise * np.sin(at / width * float(rng.uniform(3, 12)))
    mask = (np.arange(height)[:, None] > line).astype(np.float64)
    if rng.random() < 0.5:
        mask = mask[::-1]
    return _dressed([_lit(picture, mask) for picture in pictures], (0, 0, 0, 0))


def letters_alone(pictures: Sequence[Picture], rng: np.random.Generator) -> Dressed:
    """No bars: a few lines of text in the middle of black."""
    _, height, width = pictures[0].shape
    card = np.full_like(pictures[0], 128)
    card[0] = BLACK
    luma = np.ascontiguousarray(card[0])
    for line in range(int(rng.integers(1, 5))):
        text = "".join(rng.choice(list("ABCDEFGHIKLMNOPRSTUVY    "), int(rng.integers(8, 22))))
        (long, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_DUPLEX, 1.2, 2)
        at = (width - long) // 2, height // 3 + 52 * line
        cv2.putText(luma, text, at, cv2.FONT_HERSHEY_DUPLEX, 1.2, WHITE, 2, cv2.LINE_AA)
    card[0] = luma
    return _dressed([card] * len(pictures), (0, 0, 0, 0))


def _lit(picture: Picture, light: NDArray[Any]) -> Picture:
    values = picture.astype(np.float64)
    values[0] = BLACK + (values[0] - BLACK).clip(0) * light
    values[1:] = 128 + (values[1:] - 128) * light
    return np.asarray(values.round(), np.uint8)


WITH_BARS: tuple[Dress, ...] = (
    *(plain, dark, night_sky, lifted, grainy, subtitled),
    *(with_logo, uneven, black_drawing, changing, fading),
)
WITHOUT_BARS: tuple[Dress, ...] = (vignette, spot_of_light, dark_above, letters_alone)


def seen(dressed: Dressed, least_levels: float) -> bool:
    """Whether the picture differs from the bars along every border that a bar has, in one frame of the clip at least.

    least_levels: of luma, by which it must on average.
    """
    box = dressed.box
    _, height, width = dressed.pictures[0].shape
    rows, columns = slice(box.top, box.top + box.height), slice(box.left, box.left + box.width)
    lines: list[tuple[Any, Any]] = []
    lines += [(box.top, columns)] if box.top else []
    lines += [(box.top + box.height - 1, columns)] if box.top + box.height < height else []
    lines += [(rows, box.left)] if box.left else []
    lines += [(rows, box.left + box.width - 1)] if box.left + box.width < width else []
    lumas = [picture[0].astype(np.float32) - dressed.bar for picture in dressed.pictures[::6]]
    return any(all(float(np.abs(luma[line]).mean()) >= least_levels for line in lines) for luma in lumas)


def pictures_of(path: Path, start: int, end: int) -> list[Picture]:
    """Frames [start, end) of a file."""
    with av.open(path) as container:
        frames = enumerate(container.decode(video=0))
        return [frame.to_ndarray(format="yuv444p") for number, frame in frames if start <= number < end]


def write(pictures: Sequence[Picture], path: Path, crf: int) -> Path:
    """Encode pictures as 4:2:0."""
    _, height, width = pictures[0].shape
    with av.open(str(path), "w") as out:
        options = {"crf": str(crf), "preset": "veryfast", "threads": "1"}
        stream = out.add_stream("libx264", rate=FPS, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for picture in pictures:
            frame = av.VideoFrame.from_ndarray(picture, format="yuv444p")
            out.mux(stream.encode(frame.reformat(format="yuv420p")))
        out.mux(stream.encode(None))
    return path
