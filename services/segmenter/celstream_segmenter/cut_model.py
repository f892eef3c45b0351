"""The verdict on a hard cut: a small committee of neural networks over the evidence of `cut_evidence`.

A second committee looks at the quick evidence alone and rules most candidates out.

The weights are trained on rendered footage alone, by `training/train_cut_model.py`, which also says how.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import as_file, files

import numpy as np
from numpy.typing import NDArray

WEIGHTS = "cut_model.npz"
CUT_PROBABILITY = 0.4
NO_CUT_PROBABILITY = 0.04  # of the quick committee


@cache
def _weights() -> dict[str, NDArray[np.float32]]:
    with (
        as_file(files("celstream_segmenter").joinpath(WEIGHTS)) as path,
        np.load(path) as stored,
    ):
        return {name: stored[name] for name in stored.files}


def is_no_cut(quick: NDArray[np.float32]) -> bool:
    """Whether the quick evidence alone rules a cut out; quick: one row of cut_evidence.QUICK_FEATURES."""
    return _probability("quick_", quick) < NO_CUT_PROBABILITY


def cut_probability(features: NDArray[np.float32]) -> float:
    """Probability 0..1 of a cut; features: one row of cut_evidence.FEATURES.

    Raises ValueError for another number of values.
    """
    return _probability("", features)


def _probability(name: str, features: NDArray[np.float32]) -> float:
    """The mean over a committee."""
    weights = _weights()
    mean = weights[name + "mean"]
    if features.shape != mean.shape:
        raise ValueError(f"{features.size} features; the model was trained on {mean.size}: train it again.")
    values = standardise(features, mean, weights[name + "deviation"])
    hidden = np.maximum(0.0, values @ weights[name + "hidden"] + weights[name + "hidden_bias"])
    logits = (hidden * weights[name + "output"]).sum(axis=1) + weights[name + "output_bias"]
    return float((1.0 / (1.0 + np.exp(-logits))).mean())


def standardise(
    features: NDArray[np.float32],
    mean: NDArray[np.float32],
    deviation: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Zero mean, unit deviation, and no value further out than the training footage reached."""
    clipped: NDArray[np.float32] = np.clip((features - mean) / deviation, -4.0, 4.0).astype(np.float32)
    return clipped
