"""Small pictures for the report: scaled from the clips' first frames, kept under the name of what they show.

A clip that fades in begins black: then its last frame says more.
"""

import io
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from celstream_platform.artefacts.port import ArtefactStore
from celstream_protos.v1.envelope_pb2 import ArtefactRef
from celstream_segmenter.png import picture_of
from PIL import Image, ImageStat

WIDTH_PIXELS = 320  # sharp on a phone's screen, about 12 KB
JPEG_QUALITY = 82
THREADS = 2  # Pillow decodes and scales without Python's lock
DULL_DEVIATION = 12.0  # a picture whose luma (0-255) deviates by less shows next to nothing


@dataclass(frozen=True, slots=True)
class Picture:
    """A small picture to make.

    stills: the first of these still pictures that shows something, or the liveliest. pixel_ratio: width of their pixels
    divided by their height.
    """

    stills: Sequence[ArtefactRef]
    pixel_ratio: float = 1.0


def picture_name(*stills: ArtefactRef) -> str:
    """File name of the small picture that is made of these."""
    return f"{'-'.join(still.sha256[:12] for still in stills)}.jpg"


def write_pictures(folder: Path, wanted: Mapping[str, Picture], store: ArtefactStore) -> None:
    """Make the folder hold exactly the wanted small pictures; those that are there stay.

    wanted: by file name. Raises NotFound where an artefact is missing, OSError where the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    there = set()
    for path in folder.iterdir():
        if path.name in wanted:
            there.add(path.name)
        else:
            path.unlink()

    def make(name: str) -> None:
        small = _liveliest(wanted[name], store)
        temporary = folder / f".{name}.part"
        small.save(temporary, "JPEG", quality=JPEG_QUALITY, optimize=True)
        temporary.replace(folder / name)

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(make, sorted(set(wanted) - there)))


def _liveliest(picture: Picture, store: ArtefactStore) -> Image.Image:
    found: list[tuple[float, Image.Image]] = []
    for still in picture.stills:
        with store.open(still) as source:
            whole = _opened(source)
            size = small_size(whole.width, whole.height, picture.pixel_ratio)
            rgb = whole if whole.mode == "RGB" else whole.convert("RGB")
            small = rgb.resize(size, Image.Resampling.BOX, reducing_gap=2.0)
        deviation = ImageStat.Stat(small.convert("L")).stddev[0]
        if deviation >= DULL_DEVIATION:
            return small
        found.append((deviation, small))
    return max(found, key=lambda entry: entry[0])[1]


def _opened(source: BinaryIO) -> Image.Image:
    """A still picture; our own PNG files are read three times as fast as Pillow reads them."""
    data = source.read()
    ours = picture_of(data)
    return Image.open(io.BytesIO(data)) if ours is None else Image.frombuffer("RGB", ours.shape[1::-1], ours)


def small_size(width: int, height: int, pixel_ratio: float) -> tuple[int, int]:
    """Width and height of the small picture, in square pixels."""
    shown = width * (pixel_ratio or 1.0)
    return WIDTH_PIXELS, max(1, round(WIDTH_PIXELS * height / shown))
