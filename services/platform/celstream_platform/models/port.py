"""The model server's port: arrays in, arrays out, as futures.

Two implementations over one model repository (Triton's layout): `onnx:///…` and `triton://host:8001`.
"""

from collections.abc import Mapping
from concurrent.futures import Future
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[np.generic]]


class ModelServer(Protocol):
    """Runs models. Safe for use from several threads."""

    def infer(self, model: str, version: int, inputs: Arrays) -> Future[Arrays]:
        """Run one request; dimension 0 of every array is the batch.

        The future raises Invalid (unknown model, wrong name, type or shape), Unavailable or Overloaded. Blocks while
        the window of requests in flight is full.
        """

    def ready(self, model: str, version: int) -> bool:
        """Whether the model answers an inference now."""

    def digest(self, model: str, version: int) -> str:
        """SHA-256 of the model's file, for recipes. Raises NotFound."""

    def served(self) -> list[tuple[str, int]]:
        """Model and version of all that the server has, sorted. Raises Unavailable."""

    def close(self) -> None:
        """Finish what is in flight and let go."""
