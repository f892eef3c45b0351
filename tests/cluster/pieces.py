"""Many small films, and what one machine makes of them by itself."""

import hashlib
import secrets
import subprocess
import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from celstream.folder import DatasetFolder
from celstream_platform.eventlog import open_event_log
from celstream_renderer import STYLES, Actor, Backdrop, Film, Motion, Scene, Shot, random_puppet, render

from tests.cluster.collected import Collected, collect

SIZE = (128, 72)
FRAMES = 26  # of each of the two shots: just more than the shortest clip, at 24 a second
TWINS = 5  # files of one rendering; each holds other bytes, so each is a footage of its own
PLACES = ("meadow", "street", "room", "forest", "beach", "rooftops")


def pieces(folder: Path, number: int) -> list[Path]:
    """Films of two shots and two seconds, which nobody has offered before."""
    folder.mkdir()
    made: list[Path] = []
    while len(made) < number:
        rendered = folder / "rendered.mp4"
        render(_film(len(made)), rendered)
        content = rendered.read_bytes()
        rendered.unlink()
        for _ in range(min(TWINS, number - len(made))):
            made.append(folder / f"piece-{len(made):03}.mp4")
            made[-1].write_bytes(content + b"\0\0\0\x18free" + secrets.token_bytes(16))  # which players pass over
    assert len({footage_id(piece) for piece in made}) == number
    return made


def footage_id(piece: Path) -> str:
    """The id that a file's footage has."""
    return hashlib.sha256(piece.read_bytes()).hexdigest()


def expected(pieces: Sequence[Path], dataset: Path) -> Collected:
    """What `celstream run` makes of them."""
    command = [sys.executable, "-m", "celstream", "run", *pieces, "--out", dataset, "--until", "clips", "--jobs", "1"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[-3000:]
    log = open_event_log(DatasetFolder(dataset).events_url)
    try:
        return collect(log, {footage_id(piece) for piece in pieces})
    finally:
        log.close()


def _film(seed: int) -> Film:
    random = np.random.default_rng(seed)
    styles = random.permutation(list(STYLES))[:2]
    places = random.permutation(PLACES)[:2]
    shots = []
    for style, place in zip(styles, places, strict=True):
        actor = Actor(random_puppet(random, str(style)), motion=Motion("walk", 1.0, 0.4))
        shots.append(Shot(FRAMES, Scene(str(style), Backdrop(str(place), seed), (actor,))))  # type: ignore[arg-type]
    return Film(shots=tuple(shots), size=SIZE, fps=Fraction(24), sound=None)
