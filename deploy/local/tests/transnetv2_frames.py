"""Pictures for TransNetV2: 48x27, a cut before frame 40 and a dissolve from 66 to 77, by arithmetic."""

import numpy as np
from numpy.typing import NDArray

CUT = 40
DISSOLVE = range(66, 78)


def frames() -> NDArray[np.uint8]:
    """1 x 100 x 27 x 48 x 3, red, green, blue, 0-255: coloured waves that move."""
    numbers = np.arange(100)[:, None, None, None]
    weight = np.clip((numbers - DISSOLVE.start + 1) / (len(DISSOLVE) + 1), 0, 1)
    later = (
        _waves(numbers, 0.31, 0.23, (0.0, 1.1, 2.3)) * (1 - weight)
        + _waves(numbers, 0.9, 0.5, (2.0, 0.2, 4.0)) * weight
    )
    pictures = np.where(numbers < CUT, _waves(numbers, 0.12, 0.7, (1.0, 3.0, 5.5)), later)
    return np.round(pictures).astype(np.uint8)[None]


def _waves(
    number: NDArray[np.int64], across: float, down: float, phases: tuple[float, float, float]
) -> NDArray[np.float64]:
    rows = np.arange(27)[None, :, None, None]
    columns = np.arange(48)[None, None, :, None]
    wave = np.sin(across * (columns + 0.3 * number) + np.asarray(phases)) * np.cos(down * rows + 0.02 * number)
    return np.asarray(127.5 + 127.5 * wave, np.float64)
