"""Train the model that judges hard cuts, on rendered footage alone, and write its weights into the package.

    python services/segmenter/training/train_cut_model.py

About half an hour of one idle core, most of it for drawing. The same arguments give the same weights, up
to the rounding of the encoder and of the linear algebra at hand. Films are compressed by x264 at CRF 18-32 first.
"""

from __future__ import annotations

import argparse
import io
import tempfile
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from celstream_renderer.delivery import Delivery
from celstream_renderer.encode import render
from celstream_renderer.styles import STYLES
from celstream_segmenter import cut_model
from celstream_segmenter.blank_cuts import blank_cut
from celstream_segmenter.cut_evidence import (
    FEATURES,
    QUICK_FEATURES,
    cut_evidence,
    is_candidate,
    quick_evidence,
)
from celstream_segmenter.drawing_window import Window
from celstream_segmenter.small_pictures import small_picture
from celstream_segmenter.transition_features import sample
from hard_films import hard_film
from numpy.typing import NDArray
from stress_film import StressFilm, stress_film
from stress_shots import HEIGHT, WIDTH

CUT, NO_CUT = 1, 0
RENDERED_SEEDS = 500_000  # far from the seeds that tests use

Rows = tuple[NDArray[np.float32], NDArray[np.float64]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=int, default=180, help="stress films, about 300 frames each")
    parser.add_argument("--rendered", type=int, default=95, help="films of the renderer, about 12 s each")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--rows", type=Path, help="where the evidence is kept between runs (.npz)")
    arguments = parser.parse_args()
    if arguments.rows is not None and arguments.rows.exists():
        with np.load(arguments.rows) as stored:
            features, labels = stored["features"], stored["labels"]
    else:
        with ProcessPoolExecutor(arguments.processes) as pool:
            rows = [*pool.map(stress_rows, range(arguments.films)), *pool.map(rendered_rows, range(arguments.rendered))]
        features = np.concatenate([row[0] for row in rows])
        labels = np.concatenate([row[1] for row in rows])
        if arguments.rows is not None:
            np.savez(arguments.rows, features=features, labels=labels)
    weights = fit(features, labels)
    quick = fit(features[:, : len(QUICK_FEATURES)], labels, members=3, hidden=24)
    weights |= {f"quick_{name}": values for name, values in quick.items()}
    np.savez(Path(cut_model.__file__).with_name(cut_model.WEIGHTS), **weights)
    print(f"{len(labels)} candidates, {int(labels.sum())} of them cuts -> {cut_model.WEIGHTS}")  # noqa: T201


def stress_rows(seed: int) -> Rows:
    """Evidence and labels of one stress film."""
    cv2.setNumThreads(1)
    film = stress_film(seed, 300)
    return evidence(_decoded(_encoded(film, 18 + seed * 7 % 15)), film.cuts, [(a, b) for _, a, b in film.gradual])


def rendered_rows(index: int) -> Rows:
    """Evidence and labels of one film of the renderer, some of them delivered at another rate."""
    cv2.setNumThreads(1)
    seed = RENDERED_SEEDS + index
    repeat, blend = Delivery("repeat", Fraction(30)), Delivery("blend", Fraction(30))
    delivery = (Delivery(), Delivery(), Delivery(), repeat, blend, Delivery("blend", Fraction(25)))[index * 5 % 6]
    film = hard_film(seed, tuple(STYLES)[index % len(STYLES)], 12.0, (WIDTH, HEIGHT))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mkv"
        truth = render(film, path, crf=18 + seed * 7 % 15, delivery=delivery)
        cuts = [item.frame for item in truth.transitions if item.kind == "cut"]
        gradual = [(item.start_frame, item.end_frame) for item in truth.transitions if item.kind != "cut"]
        return evidence(_decoded(io.BytesIO(path.read_bytes())), cuts, gradual)


def evidence(window: Window, cuts: list[int], gradual: list[tuple[int, int]]) -> Rows:
    """The candidates of a film; those right beside a cut or a gradual transition say nothing."""
    # Where a frame is mixed of both shots, the cut is where more of the picture changes.
    changes = {
        cut: max(range(cut - 1, cut + 2), key=lambda frame: window.novelty(frame - 1, frame).both) for cut in cuts
    }
    true = set(changes.values())
    silent = {frame for cut in cuts for frame in (cut - 1, cut, cut + 1)} - true
    silent |= {frame for first, last in gradual for frame in (first - 1, last + 1)} - true
    rows, labels = [], []
    for frame in range(1, window.length):
        if frame not in silent and is_candidate(window, frame) and blank_cut(window, frame) is None:
            rows.append(cut_evidence(window, frame, quick_evidence(window, frame)))
            labels.append(CUT if frame in true else NO_CUT)
    return np.array(rows, np.float32).reshape(-1, len(FEATURES)), np.array(labels, np.float64)


def fit(
    features: NDArray[np.float32],
    labels: NDArray[np.float64],
    *,
    members: int = 5,
    hidden: int = 32,
    epochs: int = 60,
    decay: float = 3e-4,
) -> dict[str, NDArray[np.float32]]:
    """Networks of one hidden layer, by Adam on the cross entropy (Kingma and Ba, arXiv:1412.6980)."""
    mean, deviation = features.mean(axis=0), features.std(axis=0) + 1e-3
    inputs = cut_model.standardise(features, mean, deviation)
    trained = [_fit_one(np.random.default_rng(seed), inputs, labels, hidden, epochs, decay) for seed in range(members)]
    names = ("hidden", "hidden_bias", "output", "output_bias")
    stacked = {name: np.stack([member[i] for member in trained]).astype(np.float32) for i, name in enumerate(names)}
    stacked["output_bias"] = stacked["output_bias"][:, 0]
    return {"mean": mean.astype(np.float32), "deviation": deviation.astype(np.float32), **stacked}


def _fit_one(
    rng: np.random.Generator,
    inputs: NDArray[np.float32],
    labels: NDArray[np.float64],
    hidden: int,
    epochs: int,
    decay: float,
) -> list[NDArray[np.float64]]:
    count = inputs.shape[1]
    weights: list[NDArray[np.float64]] = [
        rng.normal(0, np.sqrt(2 / count), (count, hidden)), np.zeros(hidden),
        rng.normal(0, np.sqrt(1 / hidden), hidden), np.zeros(1),
    ]  # fmt: skip
    first, second = [np.zeros_like(w) for w in weights], [np.zeros_like(w) for w in weights]
    step = 0
    for epoch in range(epochs):
        rate = 3e-3 * 0.5 * (1 + np.cos(np.pi * epoch / epochs))
        order = rng.permutation(len(inputs))
        for batch in np.array_split(order, max(1, len(order) // 128)):
            values = inputs[batch] + rng.normal(0, 0.05, (len(batch), count))
            sums = values @ weights[0] + weights[1]
            active = np.maximum(sums, 0)
            probability = 1 / (1 + np.exp(-(active @ weights[2] + weights[3][0])))
            # Labels smoothed by 2 %. Cuts are one candidate in eight: they count twice.
            error = (probability - (labels[batch] * 0.96 + 0.02)) * (1 + labels[batch]) / len(batch)
            back = np.outer(error, weights[2]) * (sums > 0)
            gradients: list[Any] = [
                values.T @ back + decay * weights[0], back.sum(axis=0),
                active.T @ error + decay * weights[2], np.array([error.sum()]),
            ]  # fmt: skip
            step += 1
            for weight, gradient, m, v in zip(weights, gradients, first, second, strict=True):
                m += 0.1 * (gradient - m)
                v += 0.001 * (gradient**2 - v)
                weight -= rate * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)
    return weights


def _encoded(film: StressFilm, crf: int) -> io.BytesIO:
    data = io.BytesIO()
    with av.open(data, "w", format="matroska") as container:
        stream = container.add_stream(
            "libx264", rate=24, options={"crf": str(crf), "preset": "veryfast", "threads": "1"}
        )
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for picture in film.frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode(None))
    data.seek(0)
    return data


def _decoded(data: io.BytesIO) -> Window:
    window = Window(1 << 20)
    with av.open(data) as container:
        for frame in container.decode(video=0):
            small = small_picture(frame)
            window.append(sample(small.luma, small.chroma))
    return window


if __name__ == "__main__":
    main()
