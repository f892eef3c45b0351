"""One FFmpeg for PyAV and OpenCV, which ship one each: `python one_ffmpeg.py`, by the Python of the image.

OpenCV is linked with FFmpeg and cannot be loaded without, although nothing here reads footage through it. Its wheel's
libraries go into the folder of PyAV's, its FFmpeg becomes another name of PyAV's where the major versions agree (within
one, FFmpeg keeps its binary interface), and what only its FFmpeg needed goes: codecs, and an OpenSSL nobody mends.
"""

import re
import subprocess
import sys
from pathlib import Path

SHARED = ("avcodec", "avformat", "avutil", "swresample", "swscale")
FOLDERS = ("av.libs", "opencv_python_headless.libs")
NEEDED = re.compile(r"\(NEEDED\).*\[(.+)\]")


def library(folder: Path, name: str) -> tuple[Path, str]:
    """The one library of this name in a folder, and its major version."""
    (path,) = folder.glob(f"lib{name}-*.so.*")
    return path, path.name.partition(".so.")[2].partition(".")[0]


def needed(path: Path) -> set[str]:
    """The names of the libraries that a library asks for."""
    said = subprocess.run(["readelf", "--dynamic", path], capture_output=True, text=True, check=True).stdout
    return set(NEEDED.findall(said))


def share(ours: Path, theirs: Path) -> list[str]:
    """Make `theirs` another name of `ours`, with one FFmpeg; the names of what went."""
    pairs = [(library(ours, name), library(theirs, name)) for name in SHARED]
    differing = [f"{kept.name} {other.name}" for (kept, major), (other, its_major) in pairs if major != its_major]
    if differing:
        raise SystemExit(
            f"PyAV and OpenCV have FFmpegs of other major versions: {differing}. Lock versions that agree."
        )
    only_theirs = set().union(*(needed(other) for _, (other, _) in pairs))
    for (kept, _), (other, _) in pairs:
        other.unlink()
        other.symlink_to(kept.name)
    for path in theirs.iterdir():
        path.replace(ours / path.name)
    theirs.rmdir()
    theirs.symlink_to(ours.name)
    return drop_idle(ours, only_theirs)


def drop_idle(folder: Path, names: set[str]) -> list[str]:
    """Remove of these libraries those that nothing in the environment asks for, not even one another; their names."""
    mine = {name for name in names if (folder / name).is_file() and not (folder / name).is_symlink()}
    everything = [one for one in folder.parent.rglob("*.so*") if one.is_file() and not one.is_symlink()]
    asked = set().union(*(needed(one) for one in everything if one.name not in mine))
    while more := {name for name in mine & asked if not needed(folder / name) <= asked}:
        asked |= set().union(*(needed(folder / name) for name in more))
    for name in mine - asked:
        (folder / name).unlink()
    return sorted(mine - asked)


def main() -> None:
    """Do so where both are there."""
    (packages,) = (Path(sys.prefix) / "lib").glob("python3.*/site-packages")
    ours, theirs = (packages / folder for folder in FOLDERS)
    if ours.exists() and theirs.exists():
        sys.stdout.write(f"OpenCV uses PyAV's FFmpeg; without {share(ours, theirs)}\n")


if __name__ == "__main__":
    main()
