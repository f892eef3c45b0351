"""Asking outside for the second opinion: the process that reads footage asks its parent, who asks a model server.

Pictures go one way, probabilities come back; the model, its runtime and the network are the parent's business
(`model_opinion`).
"""

from dataclasses import dataclass

import numpy as np
from celstream_platform.footage.asking import Ask
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Pictures:
    """The question; frames: see `second_opinion.Asked`."""

    frames: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Chances:
    """The answer; cut: see `second_opinion.Asked`."""

    cut: NDArray[np.float32]


class AskedOutside:
    """In the process that reads footage; see `second_opinion.Asked`."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def __call__(self, frames: NDArray[np.uint8], /) -> NDArray[np.float32]:
        """The parent's answer."""
        return self._ask(Pictures(frames), Chances).cut
