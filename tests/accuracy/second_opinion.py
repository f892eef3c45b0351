"""Accuracy with a second opinion: our transitions alone, and with TransNetV2 asked about doubtful cuts.

python -m tests.accuracy.second_opinion --rendered 12 [--footage FOLDER]     (FOLDER with a labels.json)

Beside the result stands what it costs: how often the network is asked, and the processor time that it takes.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import av
import cv2
import numpy as np
from celstream_evaluator.transition_score import Count, score
from celstream_platform.models import ModelServer, onnx_url, open_model_server
from celstream_segmenter.cut_model import CUT_PROBABILITY
from celstream_segmenter.model_opinion import INPUT, MODEL, OUTPUT, VERSION
from celstream_segmenter.second_opinion import CONVINCED, UNSURE
from celstream_segmenter.small_pictures import small_picture
from celstream_segmenter.transition_finder import TransitionFinder
from celstream_segmenter.transitions import Transition
from celstream_stack.places import cache
from celstream_stack.transnetv2 import kept
from numpy.typing import NDArray

from tests.accuracy.transitions import Item, labelled, rendered
from tests.benchmarks.recording import record

ALONE, WITH = "alone", "with TransNetV2"


class Counted:
    """Asks a model server, and counts."""

    def __init__(self, server: ModelServer) -> None:
        self._server = server
        self.questions = 0
        self.cpu_seconds = 0.0

    def __call__(self, frames: NDArray[np.uint8], /) -> NDArray[np.float32]:
        before = time.process_time()
        answer = self._server.infer(MODEL, VERSION, {INPUT: frames[None]}).result()
        self.questions += 1
        self.cpu_seconds += time.process_time() - before
        return np.asarray(answer[OUTPUT][0], np.float32)


def both(path: Path, asked: Counted) -> tuple[dict[str, list[Transition]], int]:
    """The transitions of a film, alone and with the second opinion, from one decoding; how many frames it has."""
    found: dict[str, list[Transition]] = {ALONE: [], WITH: []}
    frames = 0
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        fps = float(stream.average_rate or 24)
        finders = {ALONE: TransitionFinder(fps), WITH: TransitionFinder(fps, asked)}
        try:
            for frame in container.decode(stream):
                frames += 1
                small = small_picture(frame)
                for name, finder in finders.items():
                    found[name] += finder.push(small.luma, small.chroma)
        except av.error.InvalidDataError:
            pass  # a truncated file: what could be decoded counts
    for name, finder in finders.items():
        found[name] += finder.finish()
    return found, frames


def measured(title: str, items: Iterable[Item], server: ModelServer) -> list[dict[str, object]]:
    """Two rows of the table; what the second opinion changed in a film is printed."""
    asked = Counted(server)
    cuts, gradual = {ALONE: Count(), WITH: Count()}, {ALONE: Count(), WITH: Count()}
    films = frames = 0
    for item in items:
        found, count = both(item.path, asked)
        films, frames = films + 1, frames + count
        for name in (ALONE, WITH):
            of_cuts, of_gradual = score(found[name], item.labels)
            cuts[name].add(of_cuts)
            gradual[name].add(of_gradual)
        was, is_now = ({one.frame for one in found[name] if one.kind == "cut"} for name in (ALONE, WITH))
        changed = f"gained {sorted(is_now - was)}, lost {sorted(was - is_now)}"
        print(f"{item.name}: {asked.questions} questions so far; {changed}", flush=True)
    costs = {ALONE: (0, 0.0), WITH: (asked.questions, asked.cpu_seconds)}
    return [
        {
            "footage": f"{title}: {films} films, {frames} frames",
            "detector": name,
            "cuts: F1 (true / false / missed)": str(cuts[name]),
            "gradual: F1 (true / false / missed)": str(gradual[name]),
            "questions": costs[name][0],
            "their processor time, s": round(costs[name][1], 1),
        }
        for name in (ALONE, WITH)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--footage", type=Path)
    parser.add_argument("--rendered", type=int, default=0)
    arguments = parser.parse_args()
    server = open_model_server(onnx_url(kept(cache())))
    rows: list[dict[str, object]] = []
    if arguments.footage:
        rows += measured("labelled", labelled(arguments.footage), server)
    if arguments.rendered:
        with tempfile.TemporaryDirectory() as folder:
            rows += measured("rendered, unseen seeds", rendered(arguments.rendered, Path(folder)), server)
    record(
        "second-opinion",
        "Transitions with a second opinion",
        rows,
        [
            "A cut counts within one frame, a gradual transition at an overlap of half.",
            f"TransNetV2 is asked where the detector gives a cut a chance of {UNSURE:g} to {CUT_PROBABILITY:g}; "
            f"what it gives {CONVINCED:g} and more becomes a cut.",
        ],
    )


if __name__ == "__main__":
    cv2.setNumThreads(1)
    main()
