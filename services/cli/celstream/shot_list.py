"""The command `celstream shots`: the shots of one footage, printed as they are found; nothing is written."""

import json
from collections.abc import Callable
from dataclasses import asdict, fields
from fractions import Fraction
from pathlib import Path

import msgspec
from celstream_platform.footage.asking import Answering
from celstream_platform.footage.limits import Limits
from celstream_segmenter.found import ChapterRead, ShotFound, ShotMeasured
from celstream_segmenter.limited_segmentation import detect_limited
from celstream_segmenter.rules import SegmentationRules

from celstream.processors import usable_processors


def print_shots(
    path: Path,
    rules: SegmentationRules,
    *,
    as_json: bool,
    say: Callable[[str], None],
    measured: bool = False,
    answering: Answering | None = None,
) -> None:
    """Say one line a shot: a table row, or one JSON object. Raises Invalid, LimitExceeded.

    measured: with what was measured of it, which is said about every half minute of footage. answering: who has the
    rules' second opinion.
    """
    first_ticks: int | None = None
    results = detect_limited(
        path, str(path), rules, Limits(), processes=usable_processors(), measured=measured, answering=answering
    )
    for found in results:
        if isinstance(found, ShotFound):
            if first_ticks is None:
                first_ticks = found.start_ticks
                if not as_json:
                    say(f"{'shot':>5}  {'frames':>15}  {'from':>10}  {'seconds':>8}  begins with")
            say(_json(found) if as_json else _row(found, first_ticks))
        elif isinstance(found, ShotMeasured):
            say(_measured_json(found) if as_json else _measured_row(found))
        elif isinstance(found, ChapterRead) and as_json:
            for transition in found.transitions:
                say(json.dumps({"transition": asdict(transition)}))


def _row(found: ShotFound, first_ticks: int) -> str:
    shot = found.shot
    begin = float((found.start_ticks - first_ticks) * Fraction(*found.time_base))
    seconds = float((found.end_ticks - found.start_ticks) * Fraction(*found.time_base))
    frames = f"{shot.start_frame}-{shot.end_frame}"
    opening = shot.opening.kind.replace("_", " ") if shot.opening else ""
    return f"{shot.ordinal:>5}  {frames:>15}  {int(begin // 60):>4}:{begin % 60:05.2f}  {seconds:>8.2f}  {opening}"


def _json(found: ShotFound) -> str:
    shot = found.shot
    return json.dumps(
        {
            "shot": shot.ordinal,
            "start_frame": shot.start_frame,
            "end_frame": shot.end_frame,
            "start_seconds": float(found.start_ticks * Fraction(*found.time_base)),
            "end_seconds": float(found.end_ticks * Fraction(*found.time_base)),
        }
    )


def _measured_row(found: ShotMeasured) -> str:
    measured = found.measurements
    cadence, picture = measured.cadence, measured.picture
    shares = {"ones": cadence.ones, "twos": cadence.twos, "threes": cadence.threes, "longer": cadence.longer}
    drawn = ", ".join(f"{name} {share:.0%}" for name, share in shares.items() if share >= 0.005)
    text = measured.text.replace("_", " ")
    return (
        f"{found.ordinal:>5}  {drawn}; camera {measured.camera.kind}; {measured.scan}; text {text}; "
        f"picture {picture.width}x{picture.height}; brightness {found.brightness:.0f}, motion {found.motion:.1f}"
    )


def _measured_json(found: ShotMeasured) -> str:
    measured = msgspec.to_builtins(
        {field.name: getattr(found.measurements, field.name) for field in fields(found.measurements)},
        enc_hook=lambda value: value.tolist(),  # an array
    )
    means = {"brightness": found.brightness, "motion": found.motion, "sharpness": found.sharpness}
    return json.dumps({"measured": found.ordinal, **means, **measured})
