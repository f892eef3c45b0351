"""Accuracy of transitions: this detector, PySceneDetect's four and TransNetV2, on labelled and on rendered footage.

python -m tests.accuracy.transitions --footage FOLDER     (with a labels.json)
python -m tests.accuracy.transitions --rendered 12        (films by chance, truth known)
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import cv2
from celstream_evaluator.transition_score import Count, Labels, score
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

from tests.accuracy.transnetv2 import transnetv2
from tests.benchmarks.recording import record

RENDERED_SEEDS = 9_100  # not those that the cut model was trained on, nor those that anything was chosen by


@dataclass(frozen=True, slots=True)
class Item:
    """A film to be measured. flashes: ranges of frames [start, end). shots: how many it has."""

    name: str
    path: Path
    labels: Labels
    flashes: tuple[tuple[int, int], ...]
    shots: int


@dataclass(slots=True)
class Result:
    """What one detector found in one set of films. inside_flashes: transitions inside a flash, not at its ends."""

    cuts: Count = field(default_factory=Count)
    gradual: Count = field(default_factory=Count)
    inside_flashes: int = 0


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
    "TransNetV2": transnetv2,
}
SLOW = ("TransNetV2",)  # a network of 7.6 million parameters, on one core


def labelled(folder: Path) -> Iterator[Item]:
    """The files that labels.json of a folder names."""
    for name, label in json.loads((folder / "labels.json").read_text()).items():
        if name != "README":
            gradual = tuple((kind, first, last) for kind, first, last in label["gradual"])
            labels = Labels(tuple(label["cuts"]), gradual, tuple(label.get("uncertain", ())))
            # A shot begins at each cut, dissolve and wipe, and after each fade-out.
            starts = len(labels.cuts) + sum(kind in ("dissolve", "wipe", "fade_out") for kind, _, _ in gradual)
            yield Item(name, folder / name, labels, (), starts + 1)


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
        yield Item(film.name, path, Labels(cuts, gradual), truth.flashes, len(truth.shots))
        path.unlink()


def measured(title: str, items: Iterable[Item], names: Sequence[str]) -> list[dict[str, object]]:
    """One row of the table for each detector; what each film gave is printed."""
    results = {name: Result() for name in names}
    films = shots = 0
    for item in items:
        films, shots = films + 1, shots + item.shots
        print(f"{item.name}: {item.shots} shots, {len(item.labels.cuts)} cuts, {len(item.labels.gradual)} gradual")
        for name in names:
            found = DETECTORS[name](item.path)
            cuts, gradual = score(found, item.labels)
            results[name].cuts.add(cuts)
            results[name].gradual.add(gradual)
            results[name].inside_flashes += _inside_flashes(found, item)
            print(f"  {name:24} cuts {cuts} false {cuts.false} missed {cuts.missed}")
            print(f"  {'':24} gradual {gradual} false {gradual.false} missed {gradual.missed}", flush=True)
    return [
        {
            "footage": f"{title}: {films} films, {shots} shots",
            "detector": name,
            "cuts: F1 (true / false / missed)": str(result.cuts),
            "gradual: F1 (true / false / missed)": str(result.gradual),
            "inside flashes": result.inside_flashes,
        }
        for name, result in results.items()
    ]


def _inside_flashes(found: Sequence[Transition], item: Item) -> int:
    return sum(
        any(start < transition.frame < end - 1 for start, end in item.flashes)
        and not any(abs(transition.frame - cut) <= 1 for cut in item.labels.cuts)
        and not any(
            first <= transition.end_frame and transition.start_frame <= last for _, first, last in item.labels.gradual
        )
        for transition in found
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--footage", type=Path)
    parser.add_argument("--rendered", type=int, default=0)
    parser.add_argument("--only", choices=sorted(DETECTORS), action="append")
    arguments = parser.parse_args()
    names = arguments.only or list(DETECTORS)
    rows: list[dict[str, object]] = []
    if arguments.footage:
        rows += measured("labelled", labelled(arguments.footage), names)
    if arguments.rendered:
        with tempfile.TemporaryDirectory() as folder:
            quick = [name for name in names if name not in SLOW]
            rows += measured("rendered, unseen seeds", rendered(arguments.rendered, Path(folder)), quick)
    record(
        "transitions",
        "Transitions",
        rows,
        [
            "A cut counts within one frame, a gradual transition at an overlap of half.",
            f"The rendered films are of {len(STYLES)} styles. {', '.join(SLOW)} saw the labelled films alone.",
        ],
    )


if __name__ == "__main__":
    cv2.setNumThreads(1)
    main()
