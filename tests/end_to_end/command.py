"""Runs the command as a user does, and reads what it left behind."""

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet
from celstream_renderer import Actor, Backdrop, Black, Film, Motion, Puppet, Scene, Shot, TitleCard, render

COMMAND = (sys.executable, "-m", "celstream")
DATASET = (
    "clips",
    "frames",
    "clips.parquet",
    "transitions.parquet",
    "rejections.parquet",
    "dataset.md",
    "report",
    "report.html",
)

MO = Puppet("Mo")
LU = Puppet("Lu", hair_kind="ponytail", garment="dress", top=(42, 157, 84))
SHOTS = (
    Shot(48, Scene("cel", Backdrop("meadow", 4), (Actor(MO, motion=Motion("walk", 1.0, 0.4)),))),
    Shot(40, Scene("neon", Backdrop("rooftops", 2), (Actor(LU, motion=Motion("wave")),))),
    Shot(18, Scene("pastel", Backdrop("beach", 6), (Actor(MO),))),
    Shot(36, Scene("watercolour", Backdrop("forest", 3), (Actor(LU, motion=Motion("dance")),))),
    Shot(30, Black()),
    Shot(34, TitleCard("anime", "The end")),
)
CUTS = (48, 88, 106, 142, 172)
CLIPS = ((0, 48), (48, 88), (106, 142), (172, 206))
REFUSED = (("too_short", 88, 106), ("black", 142, 172))


@dataclass(frozen=True, slots=True)
class Ended:
    """How the command ended: exit code, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        """Standard output as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


def celstream(*arguments: object, cwd: Path, **environment: str) -> Ended:
    """Run the command to its end."""
    done = subprocess.run(
        [*COMMAND, *(str(argument) for argument in arguments)],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def film(folder: Path, name: str, shots: tuple[Shot, ...] = SHOTS) -> Path:
    """Render a small film whose truth is CUTS, CLIPS and REFUSED; a quarter of a minute of work."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    render(Film(shots=shots, size=(320, 180), name=path.stem), path)
    return path


def rows(dataset: Path, table: str) -> list[dict[str, Any]]:
    """The rows of one of the dataset's tables."""
    found: list[dict[str, Any]] = pyarrow.parquet.read_table(dataset / f"{table}.parquet").to_pylist()
    return found


def snapshot(dataset: Path) -> dict[str, str]:
    """Every file that the user asked for, by name, with the SHA-256 of its bytes."""
    files: list[Path] = []
    for name in DATASET:
        place = dataset / name
        files += [path for path in place.rglob("*") if path.is_file()] if place.is_dir() else [place]
    return {path.relative_to(dataset).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def workers_of(dataset: Path) -> list[int]:
    """Processes that still hold the dataset's lock open."""
    lock = (dataset / ".celstream" / "lock").resolve()
    held = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(Path(os.readlink(entry)) == lock for entry in (process / "fd").iterdir()):
                held.append(int(process.name))
        except OSError:
            continue  # it has ended, or belongs to somebody else
    return held
