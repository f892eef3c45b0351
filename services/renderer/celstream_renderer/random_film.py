"""Films by chance: every seed another film, of one style or of all.

What shot detectors fail on in real cartoons is here on purpose: shots of 3-6 frames, the same
backdrop before and after a cut, things that pass close to the camera, whip pans, speed lines,
strobes, small things that pop up on flat ground, like colours on both sides of a cut.
"""

from dataclasses import replace
from fractions import Fraction
from typing import Literal, TypeVar

import numpy as np

from celstream_renderer.film import (
    CUT,
    Actor,
    Backdrop,
    BackdropKind,
    Black,
    Cadence,
    Camera,
    Content,
    Credits,
    EarKind,
    Film,
    Flash,
    GarmentKind,
    HairKind,
    Motion,
    MotionKind,
    Prop,
    PropKind,
    Puppet,
    Scene,
    Shot,
    Sound,
    Speech,
    TitleCard,
    Transition,
    View,
)
from celstream_renderer.styles import STYLES, style_named

_T = TypeVar("_T")

_HAIRS: tuple[HairKind, ...] = ("short", "bob", "ponytail", "spiky", "bun", "long", "cap")
_GARMENTS: tuple[GarmentKind, ...] = ("trousers", "shorts", "skirt", "dress")
_BACKDROPS: tuple[BackdropKind, ...] = ("meadow", "street", "room", "forest", "beach", "rooftops", "plain")
_MOTIONS: tuple[MotionKind, ...] = ("stand", "walk", "run", "wave", "talk", "jump", "dance", "point")
_NAMES = ("Ada", "Bo", "Cem", "Dia", "Eno", "Fay", "Gus", "Hana", "Ivo", "Jun", "Kim", "Leo")


def random_puppet(rng: np.random.Generator, style_name: str) -> Puppet:
    """A character in a style's colours."""
    palette = style_named(style_name).palette
    top, bottom = rng.permutation(len(palette.clothes))[:2]
    ears: EarKind = ("human", "human", "human", "cat", "round")[int(rng.integers(5))]
    return Puppet(
        name=_NAMES[int(rng.integers(len(_NAMES)))],
        head=float(rng.uniform(0.23, 0.32)),
        shoulders=float(rng.uniform(0.15, 0.2)),
        limb=float(rng.uniform(0.052, 0.072)),
        skin=palette.skins[int(rng.integers(len(palette.skins)))],
        hair=palette.hairs[int(rng.integers(len(palette.hairs)))],
        hair_kind=_HAIRS[int(rng.integers(len(_HAIRS)))],
        top=palette.clothes[int(top)],
        bottom=palette.clothes[int(bottom)],
        eyes=palette.detail if rng.random() < 0.3 else (70, 110, 170),
        garment=_GARMENTS[int(rng.integers(4))],
        ears=ears,
        glasses=bool(rng.random() < 0.15),
    )


class _Director:
    """Decides shot after shot; holds the random numbers and the cast."""

    def __init__(self, seed: int, style: str | None, fps: Fraction, aspect: float) -> None:
        self.rng = np.random.default_rng([seed, 2024])
        self.fps = fps
        self.half_width = aspect / 2
        self._style = style
        self.style = style or self._any_style()
        self.cast = self._new_cast()
        self.backdrop = Backdrop(self._pick(_BACKDROPS), int(self.rng.integers(1000)))

    def _any_style(self) -> str:
        return tuple(STYLES)[int(self.rng.integers(len(STYLES)))]

    def _pick(self, items: tuple[_T, ...]) -> _T:
        return items[int(self.rng.integers(len(items)))]

    def _new_cast(self) -> tuple[Puppet, ...]:
        names = self.rng.permutation(len(_NAMES))
        return tuple(replace(random_puppet(self.rng, self.style), name=_NAMES[int(names[i])]) for i in range(3))

    def frames(self, low: float, high: float) -> int:
        """A length in frames between two lengths in seconds."""
        return max(3, round(float(self.rng.uniform(low, high)) * self.fps))

    def cadence(self) -> Cadence:
        """Ones, twos or threes at about 24 drawn frames a second, whatever the film's own rate."""
        body = self._pick((1, 2, 2, 2, 3, 3))
        drawn = Fraction(24000, 1001) if self.fps.denominator == 1001 else Fraction(24)
        source = None if abs(float(self.fps / drawn) - 1) < 0.001 else drawn
        return Cadence(body, self._pick((1, 2, 2)), source)

    def new_place(self) -> None:
        """Another backdrop, perhaps another cast and style."""
        if self._style is None and self.rng.random() < 0.4:
            self.style = self._any_style()
            self.cast = self._new_cast()
        # A quarter of the time the same kind of place: like colours on both sides of the cut.
        kind = self.backdrop.kind if self.rng.random() < 0.25 else self._pick(_BACKDROPS)
        self.backdrop = Backdrop(kind, int(self.rng.integers(1000)))

    def actor(self, puppet: Puppet, x: float, *, talks: bool, seconds: float, height: float = 0.0) -> Actor:
        """Somebody at x, doing something; a height above 1 is a close-up."""
        rng = self.rng
        motion = "talk" if talks and rng.random() < 0.6 else self._pick(_MOTIONS)
        if talks and motion in ("walk", "run", "jump"):
            motion = "stand"
        close = height > 1.0
        tall = height or float(rng.uniform(0.46, 0.68))
        cycles = {"walk": 1.0, "run": 1.7, "wave": 1.2, "talk": 0.5, "jump": 0.9, "dance": 1.1, "point": 0.5}
        facing: Literal[-1, 1] = 1 if x < 0 else -1
        travel = {"walk": 0.55, "run": 1.1}.get(motion, 0.0) if not close else 0.0
        # Nobody walks farther than the other side of the picture. Travel is in heights of the character.
        travel = min(travel, max(0.0, (self.half_width + abs(x) - 0.2) / max(seconds, 0.1) / tall))
        speech = Speech(int(rng.integers(10_000)), 0.15, max(seconds - 0.3, 0.3), float(rng.uniform(150, 280)))
        return Actor(
            puppet,
            x,
            (0.02 + 0.68 * tall) if close else float(rng.uniform(0.36, 0.43)),
            tall,
            facing,
            Motion(motion, cycles.get(motion, 1.0) * float(rng.uniform(0.8, 1.25)), travel, float(rng.uniform(0, 1))),
            speech if talks else None,
        )

    def camera(self) -> Camera:
        """Mostly still, else some move."""
        rng = self.rng
        kind = self._pick(("static", "static", "static", "static", "pan", "zoom", "rotate", "shake", "whip"))
        if kind == "pan":
            return Camera("pan", View(-0.25, 0.0), View(float(rng.uniform(0.15, 0.5)), 0.0))
        if kind == "zoom":
            views = (View(), View(0.0, -0.03, float(rng.uniform(1.15, 1.4))))
            return Camera("zoom", *(views if rng.random() < 0.6 else views[::-1]))
        if kind == "rotate":
            return Camera(
                "rotate", View(0, 0, 1.1, float(rng.uniform(-6, 0))), View(0, 0, 1.1, float(rng.uniform(1, 8)))
            )
        if kind == "shake":
            return Camera("shake", View(), View(), float(rng.uniform(0.006, 0.02)))
        if kind == "whip":
            return Camera("whip", View(-0.1, 0.0), View(float(rng.uniform(1.2, 1.9)), 0.0))
        return Camera()

    def scene(self, frames: int, *, plain: bool = False) -> Scene:
        """A scene of `frames` frames. plain: nothing but characters and a still camera."""
        rng = self.rng
        seconds = float(frames / self.fps)
        talks = bool(rng.random() < 0.4 and seconds > 0.8)
        people = [self.cast[int(i)] for i in rng.permutation(len(self.cast))]
        if rng.random() < 0.3:
            x, tall = float(rng.uniform(-0.15, 0.15)), float(rng.uniform(1.2, 1.8))
            actors: tuple[Actor, ...] = (self.actor(people[0], x, talks=talks, seconds=seconds, height=tall),)
        else:
            spots = (-0.45, 0.35) if rng.random() < 0.5 else (float(rng.uniform(-0.5, 0.3)),)
            scale = self.half_width / 0.89
            actors = tuple(
                self.actor(people[i], x * scale, talks=talks and not i, seconds=seconds) for i, x in enumerate(spots)
            )
        camera = Camera() if plain else self.camera()
        flashes: tuple[Flash, ...] = ()
        props: tuple[Prop, ...] = ()
        if not plain and frames > 12:
            flashes = self._flashes(frames)
            props = self._props(frames)
        lines = not plain and bool(rng.random() < (0.25 if self.style == "anime" else 0.06))
        return Scene(self.style, self.backdrop, actors, camera, self.cadence(), props, flashes, lines)

    def _flashes(self, frames: int) -> tuple[Flash, ...]:
        chance = self.rng.random()
        if chance < 0.06:  # strobe
            start = int(self.rng.integers(2, frames - 9))
            return tuple(Flash(start + 2 * i, 1, 0.7) for i in range(4))
        if chance < 0.14:
            return (Flash(int(self.rng.integers(1, frames - 4)), int(self.rng.integers(1, 4))),)
        if chance < 0.20:  # the cut itself lies under a flash or in a dip of brightness
            colour = (255, 255, 255) if self.rng.random() < 0.6 else (0, 0, 0)
            return (Flash(0, int(self.rng.integers(1, 4)), 0.7, colour),)
        return ()

    def _props(self, frames: int) -> tuple[Prop, ...]:
        rng = self.rng
        chance = rng.random()
        colour = self._pick(style_named(self.style).palette.clothes)
        direction: Literal[-1, 1] = 1 if rng.random() < 0.5 else -1
        if chance < 0.14:
            length = min(frames - 4, max(5, round(float(rng.uniform(0.25, 0.6)) * self.fps)))
            kinds: tuple[PropKind, ...] = ("passing_car", "passing_trunk", "passing_bird")
            start = int(rng.integers(1, frames - length))
            y = float(rng.uniform(-0.1, 0.3))
            return (Prop(self._pick(kinds), start, length, 0.0, y, float(rng.uniform(0.35, 0.7)), colour, direction),)
        if chance < 0.26:
            kind: PropKind = "popup_star" if rng.random() < 0.5 else "popup_sign"
            at = int(rng.integers(3, frames - 6))
            x = float(rng.uniform(-0.6, 0.6)) * self.half_width
            return (Prop(kind, at, frames - at, x, float(rng.uniform(0.2, 0.36)), 0.1, colour),)
        if chance < 0.34:
            return (Prop("ball", 0, frames, float(rng.uniform(-0.4, 0.1)), 0.42, 0.09, colour, direction),)
        return ()


def random_film(
    seed: int,
    style: str | None = None,
    seconds: float = 20.0,
    fps: Fraction = Fraction(24),
    size: tuple[int, int] = (640, 360),
    *,
    sound: bool = True,
) -> Film:
    """A film of about `seconds` seconds; style None mixes all. The same arguments give the same film.

    Raises ValueError for an unknown style.
    """
    if style is not None:
        style_named(style)
    director = _Director(seed, style, fps, size[0] / size[1])
    rng = director.rng
    shots: list[Shot] = []
    left = round(seconds * fps)
    if rng.random() < 0.35:
        length = director.frames(1.2, 2.0)
        title = TitleCard(director.style, f"Part {int(rng.integers(1, 30))}", "by chance")
        shots.append(Shot(length, title, *_ends(rng, fps, length)))
    while left - sum(s.frames for s in shots) > 0:
        shots += _next_shots(director, shots)
    if rng.random() < 0.25:
        names = tuple(puppet.name for puppet in director.cast)
        shots.append(Shot(director.frames(2.0, 3.0), Credits(director.style, (*names, "drawn by a program"))))
    heard = Sound(float(rng.uniform(0.15, 0.4)), int(rng.integers(1000))) if sound else None
    return Film(tuple(shots), size, fps, heard, name=f"random-{style or 'all'}-{seed}")


def _ends(rng: np.random.Generator, fps: Fraction, length: int) -> tuple[Transition, Transition]:
    mixed = min(round(float(rng.uniform(0.25, 0.6)) * fps), length // 3)
    fade_in = Transition("fade_in", mixed) if rng.random() < 0.6 and mixed else CUT
    return fade_in, Transition("fade_out", mixed) if rng.random() < 0.5 and mixed else CUT


def _next_shots(director: _Director, shots: list[Shot]) -> list[Shot]:
    """One or a few shots that follow those before."""
    rng, fps = director.rng, director.fps
    chance = rng.random()
    if chance < 0.10:  # a quick montage: 3-6 frames a shot, as in openings
        made = []
        for _ in range(int(rng.integers(3, 6))):
            director.new_place()
            length = round(int(rng.integers(3, 7)) * max(1.0, float(fps) / 24))
            made.append(Shot(length, director.scene(length, plain=True)))
        return made
    if chance < 0.15:
        return [Shot(director.frames(0.3, 1.0), Black())]
    length = director.frames(0.9, 4.0)
    if chance >= 0.40 or not shots:  # below: the same backdrop, another character or framing
        director.new_place()
    content: Content = director.scene(length)
    before = shots[-1] if shots else None
    dark = before is None or before.exit.kind == "fade_out" or isinstance(before.content, Black)
    entrance = CUT
    mixed = min(round(float(rng.uniform(0.3, 0.9)) * fps), length // 4)
    if dark and rng.random() < 0.6 and mixed:
        entrance = Transition("fade_in", mixed)
    elif before is not None and not dark and mixed:
        room = before.frames - before.entrance.frames
        kind = rng.random()
        if kind < 0.22 and mixed < room // 2:
            entrance = Transition("dissolve" if kind < 0.15 else "wipe", mixed)
    leaving = Transition("fade_out", mixed) if rng.random() < 0.08 and mixed else CUT
    return [Shot(length, content, entrance, leaving)]
