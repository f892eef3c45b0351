"""Accuracy of transitions: this detector and PySceneDetect's four, on labelled and on rendered footage.

python -m tests.accuracy.transitions --footage FOLDER     (with a labels.json)
python -m tests.accuracy.transitions --rendered 12        (films by chance, truth known)
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
from celstream_renderer.delivery import Delivery
from celstream_renderer.encode import render
from celstream_renderer.random_film import random_film
from celstream_renderer.styles import STYLES
from celstream_segmenter.small_pictures import small_picture
from celstream_segmenter.transition_finder import TransitionFinder
from celstream_segmenter.transitions import Transition
from scenedetect import SceneManager, open_video
from scenedetect.detector import SceneDetector
from scenedetect.detectors import AdaptiveDetector, ContentDetector, HashDetector, HistogramDetector

from tests.accuracy.transition_score import Count, Labels, score
from tests.benchmarks.recording import record

RENDERED_SEEDS = 9_000  # not those that the cut model was trained on
Item = tuple[str, Path, Labels, tuple[tuple[int, int], ...]]  # name, file, labels, ranges of flashes [start, end)


def celstream(path: Path) -> list[Transition]:
    """Transitions by this product's finder."""
    found: list[Transition] = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        finder = TransitionFinder(float(stream.average_rate or 24))
        stream.thread_type = "FRAME"
        try:
            for frame in container.decode(stream):
                small = small_picture(frame)
                found += finder.push(small.luma, small.chroma)
        except av.error.InvalidDataError:
            pass  # a truncated file: what could be decoded counts
    return found + finder.finish()


def by_scenedetect(make: Callable[[], SceneDetector]) -> Callable[[Path], list[Transition]]:
    """Transitions by a detector of PySceneDetect with its own defaults, read by libav like ours."""

    def find(path: Path) -> list[Transition]:
        manager = SceneManager()
        manager.add_detector(make())
        manager.detect_scenes(open_video(str(path), backend="pyav"))
        frames = [scene[0].frame_num for scene in manager.get_scene_list()[1:]]
        return [Transition("cut", frame, frame, frame, 1.0) for frame in frames]

    return find


DETECTORS: dict[str, Callable[[Path], list[Transition]]] = {
    "Celstream": celstream,
    "PySceneDetect Content": by_scenedetect(ContentDetector),
    "PySceneDetect Adaptive": by_scenedetect(AdaptiveDetector),
    "PySceneDetect Histogram": by_scenedetect(HistogramDetector),
    "PySceneDetect Hash": by_scenedetect(HashDetector),
}


def labelled(folder: Path) -> Iterator[Item]:
    """The files that labels.json of a folder names."""
    for name, label in json.loads((folder / "labels.json").read_text()).items():
        if name != "README":
            gradual = tuple((kind, first, last) for kind, first, last in label["gradual"])
            yield name, folder / name, Labels(tuple(label["cuts"]), gradual, tuple(label.get("uncertain", ()))), ()


def rendered(count: int, folder: Path) -> Iterator[Item]:
    """Films by chance in all styles, compressed at CRF 18-32, every fourth at another frame rate."""
    deliveries = (Delivery(), Delivery(), Delivery(), Delivery("repeat", Fraction(30)))
    for index in range(count):
        film = random_film(
            RENDERED_SEEDS + index, tuple(STYLES)[index % len(STYLES)], 20.0, size=(384, 216), sound=False
        )
        path = folder / f"{film.name}.mkv"
        truth = render(film, path, crf=18 + index * 4 % 15, delivery=deliveries[index % 4])
        cuts = tuple(item.frame for item in truth.transitions if item.kind == "cut")
        gradual = tuple(
            (str(item.kind), item.start_frame, item.end_frame) for item in truth.transitions if item.kind != "cut"
        )
        yield film.name, path, Labels(cuts, gradual), truth.flashes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--footage", type=Path)
    parser.add_argument("--rendered", type=int, default=0)
    parser.add_argument("--only", choices=sorted(DETECTORS), action="append")
    arguments = parser.parse_args()
    names = arguments.only or list(DETECTORS)
    totals = {name: (Count(), Count()) for name in names}
    inside_flashes = dict.fromkeys(names, 0)
    with tempfile.TemporaryDirectory() as folder:
        items = list(labelled(arguments.footage)) if arguments.footage else []
        for title, path, labels, flashes in [*items, *rendered(arguments.rendered, Path(folder))]:
            print(f"{title}: {len(labels.cuts)} cuts, {len(labels.gradual)} gradual")
            for name in names:
                found = DETECTORS[name](path)
                cuts, gradual = score(found, labels)
                totals[name][0].add(cuts)
                totals[name][1].add(gradual)
                inside_flashes[name] += sum(
                    start < item.frame < end - 1 and not any(abs(item.frame - cut) <= 1 for cut in labels.cuts)
                    for item in found for start, end in flashes if item.kind == "cut"
                )  # fmt: skip
                print(f"  {name:24} cuts {cuts} false {cuts.false} missed {cuts.missed}")
                print(f"  {'':24} gradual {gradual} false {gradual.false} missed {gradual.missed}")
            sys.stdout.flush()
    rows = [
        {
            "detector": name,
            "cuts: F1 (true / false / missed)": str(totals[name][0]),
            "gradual: F1 (true / false / missed)": str(totals[name][1]),
            "cuts inside flashes": inside_flashes[name],
        }
        for name in names
    ]
    films = f"{len(items)} labelled films, {arguments.rendered} rendered films of unseen seeds"
    record(
        "transitions",
        f"Transitions: {films}",
        rows,
        ["A cut counts within one frame, a gradual transition at an overlap of half."],
    )


if __name__ == "__main__":
    cv2.setNumThreads(1)
    main()
