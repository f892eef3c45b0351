"""Hair of a puppet, behind the head and in front of it, and the cap."""

import numpy as np

from celstream_renderer.film import Puppet
from celstream_renderer.headframe import HeadFrame, Pairs
from celstream_renderer.paint import tube
from celstream_renderer.pencil import Pencil
from celstream_renderer.styles import mix


def back_hair(pencil: Pencil, frame: HeadFrame, puppet: Puppet, sway: float) -> None:
    """Hair behind neck and body: drawn before them. sway: -1 to 1, how far it swings."""
    kind = puppet.hair_kind
    back = -0.18 * sway
    shapes: list[Pairs] = []
    if kind == "bob":
        shapes = [[(-0.7, -0.8), (0.7, -0.8), (1.06, 0.0), (1.0 + back, 0.72), (0.0, 0.9), (-1.05 + back, 0.76)]]
        shapes = [[*shapes[0], (-1.08, 0.0)]]
    elif kind == "long":
        left, right = -1.12 + back, 0.86 + back
        shapes = [[(-0.7, -0.8), (0.7, -0.8), (1.06, 0.0), (right, 1.6), (right - 0.4, 2.1), (left + 0.2, 2.2)]]
        shapes = [[*shapes[0], (left, 1.5), (-1.1, 0.1)]]
    elif kind == "ponytail":
        line = frame.curve([(-0.7, -0.55), (-1.35, -0.5), (-1.55 + back, 0.35), (-1.3 + 2 * back, 1.25)], closed=False)
        pencil.limb([(line, 0.30 * frame.half, 0.10 * frame.half)], puppet.hair)
        return
    elif kind == "bun":
        pencil.form([frame.oval(-0.5, -1.02, 0.42, 0.40)], puppet.hair)
        return
    elif kind == "spiky":
        shapes = [[(-0.8, -0.7), (-1.42, -0.62), (-1.08, -0.2), (-1.45, 0.18), (-0.98, 0.3), (0.2, 0.4), (0.9, -0.4)]]
        pencil.form([frame.points(shapes[0])], puppet.hair)
        return
    for shape in shapes:
        pencil.form([frame.curve(shape)], puppet.hair)


def front_hair(pencil: Pencil, frame: HeadFrame, puppet: Puppet, sway: float) -> None:
    """Hair on the skull and the forehead, drawn over the face."""
    kind, turn = puppet.hair_kind, frame.turn
    if kind == "none":
        return
    if kind == "cap":
        _cap(pencil, frame, puppet)
        return
    if kind == "spiky":
        _spikes(pencil, frame, puppet, sway)
        return
    x = 0.3 * turn
    low = 0.18 if kind in ("bob", "long") else -0.05
    fringe = [
        (-1.0, low),
        (-1.06, -0.42),
        (-0.66, -0.96),
        (0.0, -1.16),
        (0.66, -0.96),
        (1.03, -0.42),
        (0.98, low - 0.1),
        (0.86, -0.18),
        (0.62 + 0.2 * x, -0.36),
        (0.34 + x, -0.52),
        (-0.05 + x, -0.30),
        (-0.42 + x, -0.42),
        (-0.76 + 0.4 * x, -0.12),
    ]
    if pencil.style.eyes == "anime":
        teeth = [(0.9, 0.02), (0.74, -0.36), (0.56 + x, -0.14), (0.36 + x, -0.46), (0.12 + x, -0.12)]
        teeth += [(-0.14 + x, -0.44), (-0.44 + x, -0.12), (-0.62 + x, -0.4), (-0.86 + 0.3 * x, 0.06)]
        crown = frame.curve([(-1.04, low), *fringe[1:6], (1.0, low - 0.05)], closed=False)
        pencil.form([np.vstack([crown, frame.points(teeth)])], puppet.hair)
        shine = frame.curve([(-0.62, -0.64), (-0.2, -0.80), (0.3, -0.78)], closed=False)
        pencil.line(shine, 0.07 * frame.half, mix(puppet.hair, (255, 255, 255), 0.45))
        return
    pencil.form([frame.curve(fringe)], puppet.hair)


def _spikes(pencil: Pencil, frame: HeadFrame, puppet: Puppet, sway: float) -> None:
    x, s = 0.3 * frame.turn, 0.1 * sway
    spikes = [
        (-1.0, 0.05),
        (-1.18, -0.42),
        (-0.98 - s, -1.18),
        (-0.62, -0.98),
        (-0.30 - s, -1.50),
        (0.02, -1.12),
        (0.48 - s, -1.46),
        (0.62, -1.0),
        (1.12 - s, -1.02),
        (0.98, -0.5),
        (1.0, -0.02),
        (0.80, -0.34),
        (0.60 + x, -0.16),
        (0.36 + x, -0.50),
        (0.06 + x, -0.18),
        (-0.24 + x, -0.50),
        (-0.56 + x, -0.14),
        (-0.78 + 0.5 * x, -0.44),
    ]
    pencil.form([frame.points(spikes)], puppet.hair)


def _cap(pencil: Pencil, frame: HeadFrame, puppet: Puppet) -> None:
    hair = [(-1.0, 0.1), (-1.02, -0.4), (0.96, -0.4), (0.95, -0.05), (0.8, -0.3), (-0.8, -0.22)]
    pencil.form([frame.points(hair)], puppet.hair)
    dome = [(-1.06, -0.3), (-0.98, -0.78), (-0.5, -1.18), (0.1, -1.24), (0.7, -1.06), (1.04, -0.6), (1.06, -0.3)]
    pencil.form([frame.curve([*dome, (0.0, -0.42)])], puppet.top)
    brim = tube(frame.points([(-0.1, -0.36), (0.8, -0.34), (1.45, -0.22)]), 0.10 * frame.half, 0.05 * frame.half)
    pencil.form([brim], mix(puppet.top, (0, 0, 0), 0.2))
