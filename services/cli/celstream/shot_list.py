"""The command `celstream shots`: the shots of one footage, printed as they are found; nothing is written."""

import json
from collections.abc import Callable
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path

from celstream_platform.footage.limits import Limits
from celstream_segmenter.found import ChapterRead, ShotFound
from celstream_segmenter.limited_segmentation import detect_limited
from celstream_segmenter.rules import SegmentationRules

from celstream.processors import usable_processors


def print_shots(path: Path, rules: SegmentationRules, *, as_json: bool, say: Callable[[str], None]) -> None:
    """Say one line a shot: a table row, or one JSON object. Raises Invalid, LimitExceeded."""
    first_ticks: int | None = None
    for found in detect_limited(path, str(path), rules, Limits(), processes=usable_processors()):
        if isinstance(found, ShotFound):
            if first_ticks is None:
                first_ticks = found.start_ticks
                if not as_json:
                    say(f"{'shot':>5}  {'frames':>15}  {'from':>10}  {'seconds':>8}  begins with")
            say(_json(found) if as_json else _row(found, first_ticks))
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
