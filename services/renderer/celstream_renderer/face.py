"""The head of a puppet: face, eyes, mouth, hair, ears."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from celstream_renderer.film import Colour, Puppet
from celstream_renderer.hair import front_hair
from celstream_renderer.headframe import HeadFrame
from celstream_renderer.pencil import Pencil, shaded
from celstream_renderer.styles import mix

Points = NDArray[np.float64]

Viseme = Literal["rest", "closed", "small", "open", "wide", "round", "pucker", "teeth"]
Lids = Literal["open", "half", "shut"]

# Width, opening (both in half heads) and smile (how far the corners rise) of each mouth.
MOUTHS: dict[Viseme, tuple[float, float, float]] = {
    "rest": (0.25, 0.0, 0.07),
    "closed": (0.20, 0.0, 0.0),
    "small": (0.21, 0.10, 0.02),
    "open": (0.24, 0.30, 0.03),
    "wide": (0.31, 0.17, 0.06),
    "round": (0.15, 0.25, 0.0),
    "pucker": (0.09, 0.13, 0.0),
    "teeth": (0.24, 0.06, 0.03),
}
_DARK_MOUTH: Colour = (94, 30, 42)
_TONGUE: Colour = (226, 110, 110)
_WHITE: Colour = (255, 255, 255)


@dataclass(frozen=True, slots=True)
class Face:
    """What the face does on one drawing."""

    mouth: Viseme = "rest"
    lids: Lids = "open"


def draw_head(pencil: Pencil, frame: HeadFrame, puppet: Puppet, face: Face, sway: float) -> None:
    """Draw the whole head over what is already on the layer; hair at the back is drawn by `back_hair` before."""
    turn = frame.turn
    _ears(pencil, frame, puppet)
    outline = frame.curve(
        [
            (-0.60, -0.78),
            (0.0, -0.98),
            (0.60, -0.78),
            (0.93, -0.18),
            (0.90 + 0.04 * turn, 0.32),
            (0.52 + 0.16 * turn, 0.84),
            (0.14 * turn, 1.0),
            (-0.52 + 0.20 * turn, 0.84),
            (-0.90, 0.32),
            (-0.93, -0.18),
        ]
    )
    pencil.form([outline], puppet.skin, [frame.curve(_LIT_FACE)])
    if pencil.style.blush:
        for x in (-0.56 + 0.3 * turn, 0.56 + 0.22 * turn):
            pencil.layer.fill(frame.oval(x, 0.43, 0.17, 0.10), mix(puppet.skin, (240, 90, 100), 0.6), 0.55)
    _mouth(pencil, frame, puppet, face.mouth)
    for x, size in ((-0.40 + 0.36 * turn, 1.0), (0.40 + 0.24 * turn, 1.0 - 0.18 * turn)):
        _eye(pencil, frame, puppet, face.lids, x, size)
    _nose(pencil, frame, puppet)
    front_hair(pencil, frame, puppet, sway)
    if puppet.glasses:
        _glasses(pencil, frame)


_LIT_FACE = (
    (-0.62, -0.74),
    (0.0, -0.94),
    (0.5, -0.76),
    (0.74, -0.1),
    (0.7, 0.3),
    (0.34, 0.78),
    (-0.1, 0.88),
    (-0.6, 0.66),
    (-0.88, 0.2),
    (-0.9, -0.2),
)


def _ears(pencil: Pencil, frame: HeadFrame, puppet: Puppet) -> None:
    turn = frame.turn
    if puppet.ears == "human":
        for x in (-0.93 + 0.3 * turn, 0.95 - 0.1 * turn):
            if x < 0 or turn < 0.45:
                pencil.form([frame.oval(x, 0.16, 0.15, 0.22)], puppet.skin)
        return
    for x, lean in ((-0.62 + 0.12 * turn, -1.0), (0.62 + 0.02 * turn, 1.0)):
        if puppet.ears == "round":
            pencil.form([frame.oval(x * 1.15, -0.82, 0.34, 0.34)], puppet.hair)
            pencil.layer.fill(frame.oval(x * 1.15, -0.80, 0.19, 0.19), mix(puppet.skin, puppet.hair, 0.3))
        else:
            tip = (x + 0.22 * lean, -1.42)
            pencil.form([frame.points([(x - 0.34, -0.72), tip, (x + 0.34, -0.62)])], puppet.hair)
            inner = [(x - 0.17, -0.78), (tip[0], -1.2), (x + 0.19, -0.72)]
            pencil.layer.fill(frame.points(inner), mix(puppet.skin, (240, 120, 130), 0.4))


def _mouth(pencil: Pencil, frame: HeadFrame, puppet: Puppet, viseme: Viseme) -> None:
    width, opening, smile = MOUTHS[viseme]
    x0, y0 = 0.34 * frame.turn, 0.56
    width *= 1.0 - 0.22 * frame.turn
    if pencil.style.eyes == "anime":
        width, opening = 0.78 * width, 0.85 * opening
    corners = y0 - smile
    upper = [(x0 - width, corners), (x0, y0 - 0.16 * opening + 0.6 * smile), (x0 + width, corners)]
    ink = pencil.style.ink if pencil.style.pen > 0.003 else mix(puppet.skin, (110, 40, 50), 0.75)
    line = max(pencil.pen * 1.2, 0.05 * frame.half)
    if opening == 0.0:
        pencil.line(frame.curve(upper, closed=False), line, ink)
        return
    lower = [(x0 + 0.82 * width, y0 + 0.5 * opening), (x0, y0 + opening), (x0 - 0.82 * width, y0 + 0.5 * opening)]
    lips = frame.curve(upper + lower)
    pencil.layer.stroke(lips, ink, 0.9 * line, closed=True)
    pencil.layer.fill(lips, mix(pencil.style.ink, _DARK_MOUTH, 0.6))
    if viseme in ("wide", "teeth", "open"):
        depth = 0.9 if viseme == "teeth" else 0.3
        bottom = y0 - 0.1 * opening + depth * opening
        teeth = [
            (x0 - 0.74 * width, corners + 0.25 * smile),
            (x0, y0 - 0.1 * opening + 0.6 * smile),
            (x0 + 0.74 * width, corners + 0.25 * smile),
            (x0 + 0.62 * width, bottom),
            (x0 - 0.62 * width, bottom),
        ]
        pencil.layer.fill(frame.points(teeth), _WHITE)
    if opening > 0.15:
        pencil.layer.fill(frame.oval(x0, y0 + 0.76 * opening, 0.55 * width, 0.2 * opening), _TONGUE)


def _eye(pencil: Pencil, frame: HeadFrame, puppet: Puppet, lids: Lids, x: float, size: float) -> None:
    style, layer = pencil.style, pencil.layer
    kind = style.eyes
    y = 0.08
    dark: Colour = mix(style.ink, (20, 16, 28), 0.6) if style.name != "neon" else (12, 6, 34)
    wide, high = {"dot": (0.085, 0.125), "oval": (0.20, 0.26), "pie": (0.17, 0.30), "anime": (0.235, 0.31)}[kind]
    wide, high = wide * size, high * (1.0 if lids == "open" else 0.5)
    raised = 0.1 if kind == "anime" else 0.0
    brow = [
        (x - 1.15 * wide - 0.03, y - 0.42 - raised),
        (x, y - 0.49 - raised),
        (x + 1.15 * wide + 0.03, y - 0.42 - raised),
    ]
    pencil.line(
        frame.curve(brow, closed=False),
        (0.035 if kind == "anime" else 0.055) * frame.half,
        mix(puppet.hair, dark, 0.45),
    )
    if lids == "shut":
        lid = [(x - wide - 0.03, y + 0.03), (x, y + 0.12), (x + wide + 0.03, y + 0.03)]
        pencil.line(frame.curve(lid, closed=False), 0.06 * frame.half, dark)
        return
    look = x + 0.25 * wide * frame.turn
    if kind == "dot":
        layer.fill(frame.oval(x, y, wide, high), dark)
        layer.fill(frame.oval(x - 0.03, y - 0.4 * high, 0.032, 0.036), _WHITE)
        return
    if kind == "pie":
        pencil.form([frame.oval(x, y, wide, high)], _WHITE, shade=False)
        layer.fill(frame.oval(look, y + 0.15 * high, 0.62 * wide, 0.7 * high), dark)
        slice_ = [(look, y + 0.1 * high), (look + 0.9 * wide, y - 0.55 * high), (look + 0.95 * wide, y + 0.1 * high)]
        layer.fill(frame.points(slice_), _WHITE)
        return
    white = frame.oval(x, y, wide, high)
    if kind == "oval":
        layer.stroke(white, dark, max(pencil.pen, 0.03 * frame.half), closed=True)
        layer.fill(white, _WHITE)
        layer.fill(frame.oval(look, y + 0.06, 0.56 * wide, 0.62 * high), puppet.eyes)
        layer.fill(frame.oval(look, y + 0.06, 0.30 * wide, 0.36 * high), dark)
        layer.fill(frame.oval(look - 0.2 * wide, y - 0.28 * high, 0.2 * wide, 0.17 * high), _WHITE)
        return
    layer.fill(white, _WHITE)
    layer.fill(frame.oval(look, y + 0.03, 0.74 * wide, 0.95 * high), shaded(style, puppet.eyes))
    layer.fill(frame.oval(look, y + 0.12 * high + 0.03, 0.6 * wide, 0.7 * high), mix(puppet.eyes, _WHITE, 0.25))
    layer.fill(frame.oval(look, y + 0.02, 0.34 * wide, 0.46 * high), dark)
    layer.fill(frame.oval(look - 0.28 * wide, y - 0.42 * high, 0.26 * wide, 0.24 * high), _WHITE)
    layer.fill(frame.oval(look + 0.3 * wide, y + 0.5 * high, 0.13 * wide, 0.12 * high), _WHITE)
    lash = [(x - 1.05 * wide, y - 0.35 * high), (x, y - 1.12 * high), (x + 1.08 * wide, y - 0.3 * high)]
    pencil.line(frame.curve(lash, closed=False), 0.075 * frame.half, dark)


def _nose(pencil: Pencil, frame: HeadFrame, puppet: Puppet) -> None:
    x, y = 0.42 * frame.turn, 0.3
    if pencil.style.eyes == "pie":
        pencil.layer.fill(frame.oval(x, y, 0.13, 0.09), pencil.style.ink)
        return
    side = 0.10 if pencil.style.eyes == "anime" else 0.16
    line = [(x - 0.04, y - side), (x + 0.07, y), (x - 0.04, y + 0.04)]
    pencil.line(frame.curve(line, closed=False), 0.042 * frame.half, mix(puppet.skin, (120, 50, 40), 0.55))


def _glasses(pencil: Pencil, frame: HeadFrame) -> None:
    turn = frame.turn
    dark = mix(pencil.style.ink, (30, 24, 36), 0.5)
    width = 0.05 * frame.half
    for x in (-0.40 + 0.36 * turn, 0.42 + 0.24 * turn):
        pencil.layer.stroke(frame.oval(x, 0.1, 0.29, 0.30), dark, width, closed=True)
    bridge = frame.points([(-0.11 + 0.36 * turn, 0.06), (0.13 + 0.24 * turn, 0.06)])
    pencil.line(bridge, width, dark)
