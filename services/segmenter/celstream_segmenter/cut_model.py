"""The verdict on a hard cut: a small committee of neural networks over the evidence of `cut_evidence`.

The weights are trained on rendered footage alone, by `training/train_cut_model.py`, which also says how.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import as_file, files

import numpy as np
from numpy.typing import NDArray

WEIGHTS = "cut_model.npz"
CUT_PROBABILITY = 0.5


@cache
def _weights() -> dict[str, NDArray[np.float32]]:
    with as_file(files("celstream_segmenter").joinpath(WEIGHTS)) as path, np.load(path) as stored:
        return {name: stored[name] for name in stored.files}


def cut_probability(features: NDArray[np.float32]) -> float:
    """Probability 0..1 of a cut, the mean over the committee.

    features: one row of cut_evidence.FEATURES. Raises ValueError for another number of values.
    """
    weights = _weights()
    if features.shape != weights["mean"].shape:
        raise ValueError(f"{features.size} features; the model was trained on {weights['mean'].size}: train it again.")
    values = standardise(features, weights["mean"], weights["deviation"])
    hidden = np.maximum(0.0, np.einsum("mfh,f->mh", weights["hidden"], values) + weights["hidden_bias"])
    logits = (hidden * weights["output"]).sum(axis=1) + weights["output_bias"]
    return float((1.0 / (1.0 + np.exp(-logits))).mean())


def standardise(
    features: NDArray[np.float32], mean: NDArray[np.float32], deviation: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Zero mean, unit deviation, and no value further out than the training footage reached."""
    clipped: NDArray[np.float32] = np.clip((features - mean) / deviation, -4.0, 4.0).astype(np.float32)
    return clipped
