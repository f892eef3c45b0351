"""Results with arrays, for the tests of the limited child process."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Picture:
    """A result with an array."""

    number: int
    luma: NDArray[np.uint8]
    means: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Note:
    """A result of another type."""

    text: str
    data: bytes = b""


def pictures(path: Path, count: int, side: int) -> Iterator[Picture | Note]:
    for number in range(count):
        yield Picture(number, np.full((side, side), number % 256, np.uint8), (np.float64(number),))  # type: ignore[arg-type]
        yield Note(path.name, bytes([number % 256]))
