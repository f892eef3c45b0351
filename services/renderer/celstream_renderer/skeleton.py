"""The skeleton of a puppet: from angles to joints.

Angles are in degrees in the picture's plane: 0 points down, positive towards where the character
faces. Bones are rigid, so their lengths do not depend on the pose.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from celstream_renderer.film import Actor, Puppet

Points = NDArray[np.float64]

# The first 23 are COCO-WholeBody's body and feet, in its order; left and right are the character's own.
JOINTS: tuple[str, ...] = (
    "nose",
    "left_eye",
    "right_eye",
    "left_ear",
    "right_ear",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
    "left_big_toe",
    "left_small_toe",
    "left_heel",
    "right_big_toe",
    "right_small_toe",
    "right_heel",
    "neck",
    "pelvis",
    "head",
    "head_top",
    "chin",
    "mouth",
)
INDEX = {name: i for i, name in enumerate(JOINTS)}

BONES: tuple[tuple[str, str], ...] = (
    ("neck", "pelvis"),
    ("neck", "head"),
    ("neck", "left_shoulder"),
    ("neck", "right_shoulder"),
    ("left_shoulder", "left_elbow"),
    ("right_shoulder", "right_elbow"),
    ("left_elbow", "left_wrist"),
    ("right_elbow", "right_wrist"),
    ("pelvis", "left_hip"),
    ("pelvis", "right_hip"),
    ("left_hip", "left_knee"),
    ("right_hip", "right_knee"),
    ("left_knee", "left_ankle"),
    ("right_knee", "right_ankle"),
    ("left_ankle", "left_big_toe"),
    ("right_ankle", "right_big_toe"),
)


@dataclass(frozen=True, slots=True)
class Pose:
    """Angles of one moment, in degrees; `near` limbs are those on the viewer's side.

    lift: height above the ground, dx: shift along the ground, both as shares of the character's
    height. turn: of the head, 0 (to the viewer) to 1 (profile). sway: of hair and clothes.
    """

    lean: float = 0.0
    tilt: float = 0.0
    turn: float = 0.35
    near_arm: tuple[float, float] = (-8.0, 12.0)
    far_arm: tuple[float, float] = (8.0, 12.0)
    near_leg: tuple[float, float] = (-3.0, 0.0)
    far_leg: tuple[float, float] = (3.0, 0.0)
    lift: float = 0.0
    dx: float = 0.0
    sway: float = 0.0


@dataclass(frozen=True, slots=True)
class Proportions:
    """Lengths of bones as shares of the character's height."""

    head: float
    torso: float
    upper_arm: float
    lower_arm: float
    thigh: float
    shin: float
    foot: float
    sole: float
    shoulder: float
    hip: float


def proportions(puppet: Puppet) -> Proportions:
    """Bone lengths; a bigger head leaves less for body and legs, as in a child or a mascot."""
    below = 1.0 - puppet.head
    sole = 0.032
    leg = 0.56 * below - sole
    return Proportions(
        head=puppet.head,
        torso=0.44 * below,
        upper_arm=0.235 * below,
        lower_arm=0.215 * below,
        thigh=0.5 * leg,
        shin=0.5 * leg,
        foot=0.115 * below,
        sole=sole,
        shoulder=0.5 * puppet.shoulders,
        hip=0.34 * puppet.shoulders,
    )


def _towards(degrees: float) -> Points:
    """Unit vector: 0 degrees points down, positive towards +x."""
    radians = np.deg2rad(degrees)
    return np.array([np.sin(radians), np.cos(radians)])


def _chain(start: Points, angles: tuple[float, float], lengths: tuple[float, float]) -> tuple[Points, Points]:
    middle = start + lengths[0] * _towards(angles[0])
    return middle, middle + lengths[1] * _towards(angles[0] + angles[1])


def joints_of(actor: Actor, pose: Pose) -> Points:
    """Positions of JOINTS in world units, shape (29, 2); the lower foot stands on the ground."""
    bones = proportions(actor.puppet)
    up = -_towards(-pose.lean)
    across = np.array([-up[1], up[0]])
    pelvis = np.zeros(2)
    neck = pelvis + bones.torso * up
    place: dict[str, Points] = {"neck": neck, "pelvis": pelvis}
    near, far = ("right", "left") if actor.facing == 1 else ("left", "right")
    limbs = ((near, -1.0, pose.near_arm, pose.near_leg), (far, 1.0, pose.far_arm, pose.far_leg))
    for side, sign, arm, leg in limbs:
        shoulder = neck + sign * bones.shoulder * across - 0.045 * up
        elbow, wrist = _chain(shoulder, arm, (bones.upper_arm, bones.lower_arm))
        hip = pelvis + sign * bones.hip * across
        knee, ankle = _chain(hip, leg, (bones.thigh, bones.shin))
        place |= {f"{side}_shoulder": shoulder, f"{side}_elbow": elbow, f"{side}_wrist": wrist}
        place |= {f"{side}_hip": hip, f"{side}_knee": knee, f"{side}_ankle": ankle}
        # The foot follows half of the shin's angle, so that it rolls off the ground in a step.
        forward = _towards(90.0 + 0.55 * (leg[0] + leg[1]))
        down = np.array([-forward[1], forward[0]])
        heel = ankle - 0.25 * bones.foot * forward + bones.sole * 0.8 * down
        place |= {f"{side}_heel": heel, f"{side}_big_toe": heel + 1.15 * bones.foot * forward}
        place[f"{side}_small_toe"] = heel + 1.0 * bones.foot * forward + sign * 0.1 * bones.foot * down
    place |= _head_points(neck, pose, bones.head, near, far)
    points = np.array([place[name] for name in JOINTS])
    lowest = max(place["left_ankle"][1], place["right_ankle"][1]) + bones.sole
    points += np.array([pose.dx, -lowest - pose.lift])
    points[:, 0] *= actor.facing
    return np.asarray(points * actor.height + np.array([actor.x, actor.ground]))


def _head_points(neck: Points, pose: Pose, head: float, near: str, far: str) -> dict[str, Points]:
    """Points of the face; the head's centre is half a head above the neck, features shift with the turn."""
    half = 0.5 * head
    up = -_towards(-(pose.lean * 0.5 + pose.tilt))
    across = np.array([-up[1], up[0]])
    centre = neck + half * 0.96 * up

    def at(x: float, y: float) -> Points:
        return centre + half * (x * across - y * up)

    return {
        "head": centre,
        "head_top": at(0.0, -1.0),
        "chin": at(0.12 * pose.turn, 1.0),
        "nose": at(0.42 * pose.turn, 0.3),
        "mouth": at(0.34 * pose.turn, 0.58),
        f"{near}_eye": at(-0.40 + 0.36 * pose.turn, 0.08),
        f"{far}_eye": at(0.40 + 0.24 * pose.turn, 0.08),
        f"{near}_ear": at(-0.97 + 0.3 * pose.turn, 0.15),
        f"{far}_ear": at(0.97 + 0.05 * pose.turn, 0.15),
    }
