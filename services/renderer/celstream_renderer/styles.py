"""The six styles of drawing: palette, pen, shading, eyes and paper."""

from dataclasses import dataclass
from typing import Literal

from celstream_renderer.film import Colour

Shading = Literal["flat", "cel", "soft"]
Eyes = Literal["dot", "oval", "pie", "anime"]
Paper = Literal["none", "vignette", "film", "paper"]


def colour(code: str) -> Colour:
    """'#rrggbb' as red, green, blue."""
    return int(code[1:3], 16), int(code[3:5], 16), int(code[5:7], 16)


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """Colour between `a` (share 0) and `b` (share 1)."""
    red, green, blue = (round(p + (q - p) * share) for p, q in zip(a, b, strict=True))
    return red, green, blue


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours of a backdrop, from far to near, and what characters wear."""

    sky_top: Colour
    sky_low: Colour
    light: Colour
    far: Colour
    middle: Colour
    near: Colour
    ground: Colour
    detail: Colour
    skins: tuple[Colour, ...]
    hairs: tuple[Colour, ...]
    clothes: tuple[Colour, ...]


@dataclass(frozen=True, slots=True)
class Style:
    """How everything is drawn.

    pen: width of outlines as a share of the picture's height, 0 for none. backdrop_pen: the same
    for backdrops. hose: limbs bend like hoses (0 = elbow, 1 = hose). glow: bleeding of bright
    colours into their surroundings, 0-1. wobble: unsteadiness of edges as a share of a figure's height.
    coloured_lines: outlines take a darker tone of what they surround.
    """

    name: str
    palette: Palette
    ink: Colour
    pen: float
    backdrop_pen: float
    shading: Shading
    eyes: Eyes
    paper: Paper
    gloves: bool = False
    hose: float = 0.3
    glow: float = 0.0
    wobble: float = 0.0
    blush: bool = False
    coloured_lines: bool = False


def _colours(codes: str) -> tuple[Colour, ...]:
    return tuple(colour(code) for code in codes.split())


def _palette(codes: str, skins: tuple[Colour, ...], hairs: tuple[Colour, ...], clothes: tuple[Colour, ...]) -> Palette:
    """codes: the backdrop's eight colours in Palette's order."""
    sky_top, sky_low, light, far, middle, near, ground, detail = _colours(codes)
    return Palette(sky_top, sky_low, light, far, middle, near, ground, detail, skins, hairs, clothes)


_SKINS = _colours("#f9d7bb #f2c39b #d99a6c #a86f47 #7d4e31")

PASTEL = Style(
    name="pastel",
    palette=_palette(
        "#bfe3f5 #fdf1dc #fff6c9 #c9dff0 #bfe0c4 #a5d3ab #d9ecb8 #f6c6c9",
        skins=_colours("#fde0c9 #f7cda9 #e2ab80 #b98560"),
        hairs=_colours("#a97b62 #f2c879 #d98a78 #7f7696 #5d5a66"),
        clothes=_colours("#f29f9f #8fc1d9 #f6d186 #a9cfa0 #c3a8d8 #fffaf0"),
    ),
    ink=colour("#8b7a86"),
    pen=0.0026,
    backdrop_pen=0.0,
    shading="flat",
    eyes="dot",
    paper="none",
    blush=True,
    coloured_lines=True,
)

CEL = Style(
    name="cel",
    palette=_palette(
        "#3fa7e8 #b8e6fb #ffe14d #7fb8e6 #4fb05c #2f8f49 #7ac74f #e8533f",
        skins=_SKINS,
        hairs=_colours("#3b2a20 #8a3b1d #f0b429 #1f1f2e #c2452d"),
        clothes=_colours("#e63946 #1d7ac9 #ffb703 #2a9d54 #7b2cbf #f1f1f1"),
    ),
    ink=colour("#15121c"),
    pen=0.0082,
    backdrop_pen=0.005,
    shading="cel",
    eyes="oval",
    paper="none",
)

INK = Style(
    name="ink",
    palette=_palette(
        "#cfcabb #ece7d8 #f6f2e6 #b9b4a6 #a19c90 #8a867b #c2bdae #57544d",
        skins=_colours("#f1ecdf"),
        hairs=_colours("#1c1b19 #2a2825"),
        clothes=_colours("#33312d #5b5851 #8d897e #d6d1c2"),
    ),
    ink=colour("#161514"),
    pen=0.0075,
    backdrop_pen=0.0038,
    shading="flat",
    eyes="pie",
    paper="film",
    gloves=True,
    hose=0.95,
)

NEON = Style(
    name="neon",
    palette=_palette(
        "#0b0a24 #3a1458 #ff4fa3 #1d1440 #171033 #100b26 #1a1138 #19e3e0",
        skins=_colours("#6b4a8f #7d55a3 #4f3a78"),
        hairs=_colours("#ff3fa4 #19e3e0 #b8f34a #7a5cff"),
        clothes=_colours("#231a4d #3d1f66 #0f4c6e #5b1752"),
    ),
    ink=colour("#35e8ff"),
    pen=0.0052,
    backdrop_pen=0.003,
    shading="soft",
    eyes="oval",
    paper="vignette",
    glow=0.75,
)

WATERCOLOUR = Style(
    name="watercolour",
    palette=_palette(
        "#a9c7d8 #f3ead7 #f7dba0 #b7c8cc #9db89a #7f9f7c #c8c79a #c9826b",
        skins=_colours("#f3d3b8 #e4b48f #b98a68"),
        hairs=_colours("#6d4b3a #b5793f #3f3a44 #8f5b4a"),
        clothes=_colours("#b8584c #5a7f9c #d6a54a #71915f #87688f #e8dcc4"),
    ),
    ink=colour("#5a4638"),
    pen=0.0026,
    backdrop_pen=0.0,
    shading="soft",
    eyes="dot",
    paper="paper",
    wobble=0.004,
    blush=True,
    coloured_lines=True,
)

ANIME = Style(
    name="anime",
    palette=_palette(
        "#2f6fd0 #cfe8ff #fff4d6 #9cc3ea #6fae7b #46875c #93c47a #e88fae",
        skins=_colours("#ffe3cf #fbd3b4 #d8a078"),
        hairs=_colours("#2b2d5b #e07aa0 #5b3a2e #f0d9a0 #3f7f8c #1e1e26"),
        clothes=_colours("#22335c #f4f4f8 #c03048 #3b6e8f #e8b04a #5a4a78"),
    ),
    ink=colour("#2a1f2d"),
    pen=0.0042,
    backdrop_pen=0.0016,
    shading="cel",
    eyes="anime",
    paper="vignette",
    blush=True,
)

STYLES: dict[str, Style] = {style.name: style for style in (PASTEL, CEL, INK, NEON, WATERCOLOUR, ANIME)}


def style_named(name: str) -> Style:
    """The style of that name. Raises ValueError with the list of names."""
    if name not in STYLES:
        raise ValueError(f"style {name!r}: not known; expected one of {', '.join(STYLES)}. Choose one of them.")
    return STYLES[name]
