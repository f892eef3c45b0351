"""Drawing a whole character from its joints."""

import numpy as np
from numpy.typing import NDArray

from celstream_renderer.face import Face, draw_head
from celstream_renderer.film import Actor, Colour, Puppet
from celstream_renderer.hair import back_hair
from celstream_renderer.headframe import head_frame
from celstream_renderer.paint import bent, smooth
from celstream_renderer.pencil import Pencil
from celstream_renderer.skeleton import INDEX, Pose

Points = NDArray[np.float64]
_GLOVE: Colour = (252, 250, 244)


def draw_actor(pencil: Pencil, actor: Actor, pose: Pose, joints: Points, face: Face) -> None:
    """Draw a character. joints: (29, 2) in world units, as `skeleton.joints_of` gives them."""
    puppet, unit = actor.puppet, actor.height
    near, far = ("right", "left") if actor.facing == 1 else ("left", "right")
    frame = head_frame(joints, actor.facing, pose.turn)
    back_hair(pencil, frame, puppet, pose.sway)
    _arm(pencil, puppet, joints, far, unit)
    for side in (far, near):
        _leg(pencil, puppet, joints, side, unit, actor.facing)
    _neck(pencil, puppet, joints, unit)
    _torso(pencil, puppet, joints, unit, pose.sway * actor.facing)
    draw_head(pencil, frame, puppet, face, pose.sway)
    _arm(pencil, puppet, joints, near, unit)


def _at(joints: Points, name: str) -> Points:
    return np.asarray(joints[INDEX[name]])


def _neck(pencil: Pencil, puppet: Puppet, joints: Points, unit: float) -> None:
    neck, head = _at(joints, "neck"), _at(joints, "head")
    line = np.array([neck + (neck - head) * 0.12, neck + (head - neck) * 0.4])
    pencil.limb([(line, 0.034 * unit, 0.032 * unit)], puppet.skin)


def _torso(pencil: Pencil, puppet: Puppet, joints: Points, unit: float, sway: float) -> None:
    neck, pelvis = _at(joints, "neck"), _at(joints, "pelvis")
    shoulders = sorted((_at(joints, "left_shoulder"), _at(joints, "right_shoulder")), key=lambda p: float(p[0]))
    hips = sorted((_at(joints, "left_hip"), _at(joints, "right_hip")), key=lambda p: float(p[0]))
    spine = (neck - pelvis) / np.hypot(*(neck - pelvis))
    side = np.array([-spine[1], spine[0]])
    if side[0] < 0:
        side = -side
    limb = puppet.limb * unit
    if puppet.garment in ("trousers", "shorts"):
        seat = smooth(
            np.array(
                [
                    pelvis + spine * 0.05 * unit - side * limb * 1.3,
                    pelvis + spine * 0.05 * unit + side * limb * 1.3,
                    hips[1] + side * 0.55 * limb,
                    hips[1] - spine * 0.8 * limb,
                    pelvis - spine * 0.9 * limb,
                    hips[0] - spine * 0.8 * limb,
                    hips[0] - side * 0.55 * limb,
                ]
            )
        )
        pencil.form([seat], puppet.bottom)
    else:
        _skirt(pencil, puppet, joints, unit, spine, side, sway)
    waist = pelvis + spine * (0.015 if puppet.garment != "dress" else 0.05) * unit
    middle = (neck + pelvis) / 2
    shirt = [
        neck - side * 0.24 * limb - spine * 0.005 * unit,
        neck + side * 0.24 * limb - spine * 0.005 * unit,
        shoulders[1] + spine * 0.42 * limb + side * 0.2 * limb,
        shoulders[1] - spine * 0.5 * limb + side * 0.3 * limb,
        middle + side * (0.42 * puppet.shoulders * unit + 0.10 * limb),
        waist + side * (0.40 * puppet.shoulders * unit + 0.42 * limb),
        waist - spine * 0.1 * limb,
        waist - side * (0.40 * puppet.shoulders * unit + 0.42 * limb),
        middle - side * (0.42 * puppet.shoulders * unit + 0.10 * limb),
        shoulders[0] - spine * 0.5 * limb - side * 0.3 * limb,
        shoulders[0] + spine * 0.42 * limb - side * 0.2 * limb,
    ]
    pencil.form([smooth(np.array(shirt))], puppet.top)


def _skirt(
    pencil: Pencil, puppet: Puppet, joints: Points, unit: float, spine: Points, side: Points, sway: float
) -> None:
    pelvis = _at(joints, "pelvis")
    knees = np.array([_at(joints, "left_knee"), _at(joints, "right_knee")])
    reach = 0.62 if puppet.garment == "skirt" else 0.86
    across = (knees - pelvis) @ side
    hem = pelvis - spine * (0.5 * (1 - puppet.head) * 0.5 * reach * unit)
    left = min(float(across.min()) * reach, -0.075 * unit) - 0.035 * unit + 0.012 * sway * unit
    right = max(float(across.max()) * reach, 0.075 * unit) + 0.035 * unit + 0.012 * sway * unit
    top = pelvis + spine * 0.06 * unit
    width = (0.40 * puppet.shoulders + 0.3 * puppet.limb) * unit
    points = [
        top - side * width,
        top + side * width,
        hem + side * right + spine * 0.02 * unit,
        hem + side * right * 0.5 - spine * 0.012 * unit,
        hem + side * (left + right) * 0.5,
        hem + side * left * 0.5 - spine * 0.012 * unit,
        hem + side * left + spine * 0.02 * unit,
    ]
    curve = smooth(np.array(points[2:]), closed=False, per_span=4)
    pencil.form([np.vstack([points[:2], curve])], puppet.top if puppet.garment == "dress" else puppet.bottom)


def _leg(pencil: Pencil, puppet: Puppet, joints: Points, side: str, unit: float, facing: int) -> None:
    hip, knee, ankle = (_at(joints, f"{side}_{part}") for part in ("hip", "knee", "ankle"))
    heel, toe = _at(joints, f"{side}_heel"), _at(joints, f"{side}_big_toe")
    radius = 0.5 * puppet.limb * unit * 1.12
    hose = pencil.style.hose
    line = bent(hip, knee, ankle, hose)
    thin = 0.62 if hose > 0.8 else 0.78
    if puppet.garment == "trousers":
        pencil.limb([(line, radius * 1.12, radius * 0.95)], puppet.bottom)
    else:
        pencil.limb([(line, radius * thin * 1.2, radius * thin)], puppet.skin)
    if puppet.garment == "shorts":
        pencil.limb([(np.array([hip, hip + (knee - hip) * 0.72]), radius * 1.12, radius * 1.25)], puppet.bottom)
    if puppet.garment in ("skirt", "dress"):
        sock = ankle + (knee - ankle) * 0.35
        pencil.limb([(np.array([sock, ankle]), radius * thin * 1.05, radius * thin * 1.02)], _GLOVE)
    ahead = (toe - heel) / max(np.hypot(*(toe - heel)), 1e-9)
    up = np.array([ahead[1], -ahead[0]]) * facing
    length = float(np.hypot(*(toe - heel)))
    shoe = smooth(
        np.array(
            [
                heel - ahead * 0.16 * length - up * 0.02 * length,
                heel - ahead * 0.1 * length + up * 0.36 * length,
                ankle + up * 0.16 * length + ahead * 0.22 * length,
                heel + ahead * 0.72 * length + up * 0.38 * length,
                toe + ahead * 0.12 * length + up * 0.16 * length,
                toe + ahead * 0.06 * length - up * 0.06 * length,
            ]
        )
    )
    pencil.form([shoe], puppet.shoes)


def _arm(pencil: Pencil, puppet: Puppet, joints: Points, side: str, unit: float) -> None:
    shoulder, elbow, wrist = (_at(joints, f"{side}_{part}") for part in ("shoulder", "elbow", "wrist"))
    radius = 0.5 * puppet.limb * unit * 0.9
    hose = pencil.style.hose
    line = bent(shoulder, elbow, wrist, hose)
    thin = 0.66 if hose > 0.8 else 0.80
    skin = puppet.hair if pencil.style.gloves else puppet.skin
    _hand(pencil, puppet, elbow, wrist, radius)
    pencil.limb([(line, radius * thin * 1.1, radius * thin * 0.92)], skin)
    if puppet.garment == "trousers" and not pencil.style.gloves:
        sleeve = bent(shoulder, elbow, elbow + (wrist - elbow) * 0.82, hose)
        pencil.limb([(sleeve, radius * 1.12, radius * 1.02)], puppet.top)
    else:
        sleeve = np.array([shoulder, shoulder + (elbow - shoulder) * 0.62])
        pencil.limb([(sleeve, radius * 1.15, radius * 1.28)], puppet.top)


def _hand(pencil: Pencil, puppet: Puppet, elbow: Points, wrist: Points, radius: float) -> None:
    ahead = (wrist - elbow) / max(np.hypot(*(wrist - elbow)), 1e-9)
    side = np.array([-ahead[1], ahead[0]])
    size = radius * (1.45 if pencil.style.gloves else 1.12)
    colour = _GLOVE if pencil.style.gloves else puppet.skin
    palm = wrist + ahead * size * 0.9
    lines = [(np.array([wrist, palm]), size * 0.78, size * 0.92)]
    for spread in (-0.62, 0.0, 0.62):
        root = palm + side * spread * size * 0.8
        tip = palm + ahead * size * (1.35 - 0.25 * abs(spread)) + side * spread * size * 1.15
        lines.append((np.array([root, tip]), size * 0.34, size * 0.30))
    thumb = palm - side * size * 1.45 + ahead * size * 0.25
    lines.append((np.array([wrist + ahead * 0.4 * size, thumb]), size * 0.36, size * 0.28))
    pencil.limb(lines, colour)
