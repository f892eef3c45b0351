"""Which files a command line names: files as they are, folders searched for footage."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

FOOTAGE_ENDINGS = frozenset(
    {
        ".3gp",
        ".asf",
        ".avi",
        ".flv",
        ".m2ts",
        ".m4v",
        ".mkv",
        ".mov",
        ".mp4",
        ".mpeg",
        ".mpg",
        ".mts",
        ".mxf",
        ".ogv",
        ".ts",
        ".vob",
        ".webm",
        ".wmv",
        ".y4m",
    }
)


@dataclass(frozen=True, slots=True)
class NamedFootage:
    """One file to take in. name: as it was given; for a file found in a folder, the folder as given and the way."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class Finding:
    """Something on the command line that is no footage; `message` is one line for a person."""

    name: str
    message: str


def named_footage(given: Iterable[str | os.PathLike[str]]) -> tuple[list[NamedFootage], list[Finding]]:
    """The files that the arguments name, in order, each once; and what is wrong with the rest.

    A file that is named is taken whatever its ending. A folder is searched to its depths, in order of name, for files
    with an ending of footage; what is hidden, and what an earlier run wrote, is passed over.
    """
    found: dict[Path, NamedFootage] = {}
    findings: list[Finding] = []
    for argument in given:
        name, path = os.fspath(argument), Path(argument)
        if path.is_dir():
            inside = _inside(path)
            for file in inside:
                found.setdefault(file.resolve(), NamedFootage(file.as_posix(), file))
            if not inside:
                findings.append(Finding(name, _nothing_inside(name, path)))
        elif not path.exists():
            findings.append(Finding(name, f"{name}: no such file. Give a file or a folder with footage."))
        elif not path.is_file():
            findings.append(Finding(name, f"{name}: not a regular file. Give a file or a folder with footage."))
        elif not os.access(path, os.R_OK):
            findings.append(Finding(name, f"{name}: may not be read (permission denied). Allow reading it."))
        else:
            found.setdefault(path.resolve(), NamedFootage(path.as_posix(), path))
    return list(found.values()), findings


def _inside(folder: Path) -> list[Path]:
    files: list[Path] = []
    for root, folders, names in os.walk(folder):
        if ".celstream" in folders:  # a dataset folder: its clips are no new footage
            folders[:] = [name for name in folders if name not in ("clips", "frames", "report")]
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files += [
            Path(root, name)
            for name in sorted(names)
            if not name.startswith(".") and Path(name).suffix.lower() in FOOTAGE_ENDINGS
        ]
    return files


def _nothing_inside(name: str, folder: Path) -> str:
    others = sorted({path.suffix.lower() or "no ending" for path in folder.rglob("*") if path.is_file()})
    there = f"only {', '.join(others[:6])}" if others else "it is empty"
    return f"{name}: a folder without footage ({there}). Give one with .mp4, .mkv, .webm, .mov or the like."
