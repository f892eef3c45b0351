"""What characters do: the pose of a motion at a moment."""

import math

from celstream_renderer.film import Motion
from celstream_renderer.skeleton import Pose


def _turns(motion: Motion, seconds: float) -> float:
    return 2 * math.pi * (motion.cycles * seconds + motion.phase)


def _stand(_: Motion, __: float) -> Pose:
    return Pose(near_leg=(-5.0, 0.0), far_leg=(5.0, 0.0), near_arm=(-10.0, 14.0), far_arm=(10.0, 12.0))


def _walk(motion: Motion, seconds: float) -> Pose:
    p = _turns(motion, seconds)
    swing = math.sin(p)

    def leg(phase: float) -> tuple[float, float]:
        # The knee bends while the leg swings forward, so that the foot clears the ground.
        return 27.0 * math.sin(phase), -6.0 - 46.0 * max(0.0, math.cos(phase - 0.35)) ** 1.5

    return Pose(
        lean=4.0,
        tilt=2.0 * math.sin(2 * p),
        turn=0.6,
        near_arm=(-24.0 * swing, 18.0 + 12.0 * max(0.0, -swing)),
        far_arm=(24.0 * swing, 18.0 + 12.0 * max(0.0, swing)),
        near_leg=leg(p),
        far_leg=leg(p + math.pi),
        dx=motion.travel * seconds,
        sway=0.5 * math.sin(2 * p + 0.6),
    )


def _run(motion: Motion, seconds: float) -> Pose:
    p = _turns(motion, seconds)
    swing = math.sin(p)

    def leg(phase: float) -> tuple[float, float]:
        return 8.0 + 44.0 * math.sin(phase), -14.0 - 74.0 * max(0.0, math.cos(phase - 0.3)) ** 1.3

    return Pose(
        lean=15.0,
        tilt=-6.0,
        turn=0.65,
        near_arm=(-48.0 * swing, 78.0),
        far_arm=(48.0 * swing, 78.0),
        near_leg=leg(p),
        far_leg=leg(p + math.pi),
        lift=0.035 * abs(math.sin(p + 0.6)),
        dx=motion.travel * seconds,
        sway=0.9 * math.sin(2 * p),
    )


def _wave(motion: Motion, seconds: float) -> Pose:
    p = _turns(motion, seconds)
    return Pose(
        lean=1.5 * math.sin(0.5 * p),
        tilt=6.0 * math.sin(0.5 * p),
        turn=0.25,
        near_arm=(-12.0, 20.0),
        far_arm=(118.0, 42.0 + 26.0 * math.sin(p)),
        near_leg=(-6.0, 0.0),
        far_leg=(6.0, 0.0),
        sway=0.4 * math.sin(p),
    )


def _talk(motion: Motion, seconds: float) -> Pose:
    p = _turns(motion, seconds)
    lift = 0.5 + 0.5 * math.sin(p)
    return Pose(
        lean=2.0 * math.sin(0.6 * p),
        tilt=5.0 * math.sin(0.8 * p + 0.7),
        turn=0.3 + 0.12 * math.sin(0.37 * p),
        near_arm=(-14.0 - 8.0 * lift, 58.0 + 46.0 * lift),
        far_arm=(16.0 + 14.0 * (1 - lift), 64.0 + 30.0 * (1 - lift)),
        near_leg=(-5.0, 0.0),
        far_leg=(6.0, 0.0),
        sway=0.3 * math.sin(p),
    )


def _jump(motion: Motion, seconds: float) -> Pose:
    t = (motion.cycles * seconds + motion.phase) % 1.0
    flight = max(0.0, math.sin(math.pi * (t - 0.25) / 0.5)) if 0.25 < t < 0.75 else 0.0
    crouch = math.sin(math.pi * t / 0.25) if t < 0.25 else (math.sin(math.pi * (t - 0.75) / 0.25) if t > 0.75 else 0.0)
    bend = 42.0 * crouch + 16.0 * flight
    arm = -35.0 * crouch + 150.0 * flight
    return Pose(
        lean=12.0 * crouch,
        tilt=-8.0 * flight,
        near_arm=(-arm - 8.0, 24.0),
        far_arm=(arm + 8.0, 24.0),
        near_leg=(bend - 6.0, -2.0 * bend),
        far_leg=(bend + 6.0, -2.0 * bend),
        lift=0.28 * flight,
        dx=motion.travel * seconds,
        sway=flight - crouch,
    )


def _dance(motion: Motion, seconds: float) -> Pose:
    p = _turns(motion, seconds)
    s, c = math.sin(p), math.cos(p)
    return Pose(
        lean=9.0 * s,
        tilt=-12.0 * s,
        turn=0.3 * (1 + c) / 2,
        near_arm=(-70.0 - 55.0 * s, -38.0),
        far_arm=(70.0 - 55.0 * s, 38.0),
        near_leg=(-10.0 + 12.0 * max(0.0, s), -22.0 * max(0.0, s)),
        far_leg=(10.0 + 22.0 * max(0.0, -s), -44.0 * max(0.0, -s)),
        dx=0.05 * s,
        sway=s,
    )


def _point(motion: Motion, seconds: float) -> Pose:
    p = _turns(motion, seconds)
    reach = 0.5 - 0.5 * math.cos(min(math.pi, p)) + 0.06 * math.sin(p)
    return Pose(
        lean=5.0 * reach,
        tilt=-4.0 * reach,
        turn=0.5,
        near_arm=(-12.0 - 10.0 * reach, 60.0 * reach + 12.0),
        far_arm=(10.0 + 86.0 * reach, 12.0 - 10.0 * reach),
        near_leg=(-8.0, 0.0),
        far_leg=(8.0, -4.0),
        sway=0.2 * math.sin(p),
    )


_MOTIONS = {
    "stand": _stand,
    "walk": _walk,
    "run": _run,
    "wave": _wave,
    "talk": _talk,
    "jump": _jump,
    "dance": _dance,
    "point": _point,
}


def pose_at(motion: Motion, seconds: float) -> Pose:
    """The pose of a motion, `seconds` after the shot began."""
    return _MOTIONS[motion.kind](motion, seconds)
