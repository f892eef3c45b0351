"""Small pictures for the report: scaled from the clips' first frames, kept under the name of what they show."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from celstream_platform.artefacts.port import ArtefactStore
from celstream_protos.v1.envelope_pb2 import ArtefactRef
from PIL import Image

WIDTH_PIXELS = 320  # sharp on a phone's screen, about 12 KB
JPEG_QUALITY = 82
THREADS = 2  # Pillow decodes and scales without Python's lock


def picture_name(artefact: ArtefactRef) -> str:
    """File name of the small picture of an artefact."""
    return f"{artefact.sha256[:20]}.jpg"


def write_pictures(folder: Path, wanted: Mapping[str, tuple[ArtefactRef, float]], store: ArtefactStore) -> None:
    """Make the folder hold exactly the wanted small pictures; those that are there stay.

    wanted: file name → artefact (any still picture) and width of a pixel divided by its height.
    Raises NotFound where an artefact is missing, OSError where the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    there = set()
    for path in folder.iterdir():
        if path.name in wanted:
            there.add(path.name)
        else:
            path.unlink()

    def make(name: str) -> None:
        artefact, pixel_ratio = wanted[name]
        with store.open(artefact) as source, Image.open(source) as picture:
            size = small_size(picture.width, picture.height, pixel_ratio)
            small = picture.convert("RGB").resize(size, Image.Resampling.BOX, reducing_gap=2.0)
        temporary = folder / f".{name}.part"
        small.save(temporary, "JPEG", quality=JPEG_QUALITY, optimize=True)
        temporary.replace(folder / name)

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(make, sorted(set(wanted) - there)))


def small_size(width: int, height: int, pixel_ratio: float) -> tuple[int, int]:
    """Width and height of the small picture, in square pixels."""
    shown = width * (pixel_ratio or 1.0)
    return WIDTH_PIXELS, max(1, round(WIDTH_PIXELS * height / shown))
