"""Lossless cut: how many clips are exactly their footage, in frames, times and sound, and how long a cut takes.

    python -m tests.benchmarks.lossless [--cuts 14] [--seed 1]

REAL_FOOTAGE=folder adds the films of that folder, with the cuts that its labels.json names. Every clip is decoded in
full by libav and compared, plane by plane, with a decode of the whole footage; by OpenCV too for H.264, HEVC, VP9 and
MPEG-4. Writes results/lossless.json and results/lossless.md.
"""

import argparse
import itertools
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from celstream_segmenter.lossless_cut import Cutter

from tests.benchmarks.recording import record
from tests.cut_truth import Whole, frames_are_the_footages, opencv_agrees, sound_comparisons
from tests.footage_samples import SAMPLES, made

OPENCV_READS = {"h264", "hevc", "vp9", "mpeg4"}
MAX_RANDOM_FRAMES = 90
VIDEO_ENDINGS = {".mp4", ".webm", ".mkv", ".mov", ".avi"}


@dataclass(slots=True)
class Tally:
    """The cuts of one footage. Times are wall seconds of one cut, files open, sound included."""

    footage: str
    codec: str
    sound: str
    frames: int
    clips: int = 0
    labelled: int = 0
    exact_in_libav: int = 0
    opencv_clips: int = 0
    exact_in_opencv: int = 0
    sounds: int = 0
    sounds_exact: int = 0
    sounds_settled: int = 0
    largest_settled_difference: float = 0.0
    copied: int = 0
    encoded: int = 0
    seconds_copied: list[float] = field(default_factory=list)
    seconds_encoded: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def ranges(frame_count: int, random_cuts: int, cuts: list[int], seed: str) -> list[tuple[int, int, bool]]:
    """Random ranges of up to 90 frames, then the shots between labelled cuts: start, end, whether labelled."""
    rng = random.Random(seed)
    found = []
    for _ in range(random_cuts):
        start = rng.randrange(frame_count)
        found.append((start, min(frame_count, start + rng.randrange(1, MAX_RANDOM_FRAMES)), False))
    edges = [0, *cuts, frame_count] if cuts else []
    found.extend((start, end, True) for start, end in itertools.pairwise(edges) if start < end)
    return sorted(found)


def measure(path: Path, random_cuts: int, cuts: list[int], seed: int, *, opencv_at_most: int | None = None) -> Tally:
    """Cut `path` and compare every clip with a decode of the whole of it. opencv_at_most: clips that OpenCV reads."""
    source = Whole(path)
    index = source.index
    codec = index.video.codec.removeprefix("lib")
    sounds = " + ".join(f"{sound.codec} {sound.layout}" for sound in index.sounds)
    tally = Tally(path.name, {"dav1d": "av1"}.get(codec, codec), sounds or "none", index.frame_count)
    with tempfile.TemporaryDirectory() as folder, Cutter(path, index) as cutter:
        clip = Path(folder) / "clip.mp4"
        for start, end, labelled in ranges(index.frame_count, random_cuts, cuts, f"{seed} {path.name}"):
            began = time.perf_counter()
            result = cutter.cut(start, end, clip)
            took = time.perf_counter() - began
            tally.clips += 1
            tally.labelled += labelled
            copied = result.method == "packets"
            tally.copied += copied
            tally.encoded += not copied
            (tally.seconds_copied if copied else tally.seconds_encoded).append(round(took, 5))
            if frames_are_the_footages(source, start, end, clip):
                tally.exact_in_libav += 1
            else:
                tally.faults.append(f"{start} to {end}: frames differ in libav")
            if tally.codec in OPENCV_READS and tally.opencv_clips != opencv_at_most:
                tally.opencv_clips += 1
                if opencv_agrees(source, start, end, clip):
                    tally.exact_in_opencv += 1
                else:
                    tally.faults.append(f"{start} to {end}: frames differ in OpenCV")
            for sound in sound_comparisons(source, start, end, clip, result):
                tally.sounds += 1
                tally.sounds_exact += sound.exact
                tally.sounds_settled += not sound.exact and not sound.fault
                tally.largest_settled_difference = max(tally.largest_settled_difference, sound.difference)
                if sound.fault:
                    tally.faults.append(f"{start} to {end}: sound {sound.codec} {sound.fault}")
    return tally


def real_films() -> Iterator[tuple[Path, list[int]]]:
    """The films under REAL_FOOTAGE with their labelled cuts."""
    folder = os.environ.get("REAL_FOOTAGE")
    if not folder:
        return
    root = Path(folder)
    labels = json.loads((root / "labels.json").read_text()) if (root / "labels.json").exists() else {}
    for path in sorted(root.rglob("*")):
        if path.suffix.lower() in VIDEO_ENDINGS:
            yield path, labels.get(path.relative_to(root).as_posix(), {}).get("cuts", [])


def milliseconds(seconds: list[float]) -> str:
    """Median and 95th percentile, in ms."""
    if not seconds:
        return ""
    ordered = sorted(seconds)
    return f"{statistics.median(ordered) * 1000:.0f} / {ordered[int(0.95 * (len(ordered) - 1))] * 1000:.0f}"


def row(t: Tally) -> dict[str, object]:
    """The tally as a row of the table."""
    return {
        "footage": t.footage,
        "video": t.codec,
        "sound": t.sound,
        "clips": t.clips,
        "of them labelled shots": t.labelled,
        "exact in libav": t.exact_in_libav,
        "exact in OpenCV": f"{t.exact_in_opencv} of {t.opencv_clips}" if t.opencv_clips else "",
        "sounds exact": f"{t.sounds_exact} of {t.sounds}" if t.sounds else "",
        "sounds settled": t.sounds_settled or "",
        "copied": t.copied,
        "encoded": t.encoded,
        "ms a copied clip, median / p95": milliseconds(t.seconds_copied),
        "ms an encoded clip, median / p95": milliseconds(t.seconds_encoded),
    }


def remarks(tallies: list[Tally]) -> list[str]:
    """What a reader must know, and every clip that is not exact."""
    clips, exact = sum(t.clips for t in tallies), sum(t.exact_in_libav for t in tallies)
    in_opencv, opencv_clips = sum(t.exact_in_opencv for t in tallies), sum(t.opencv_clips for t in tallies)
    sounds, sounds_exact = sum(t.sounds for t in tallies), sum(t.sounds_exact for t in tallies)
    settled = [f"{t.footage} {t.largest_settled_difference:.1g}" for t in tallies if t.sounds_settled]
    return [
        f"{exact} of {clips} clips exact in libav, {in_opencv} of {opencv_clips} in OpenCV: every plane, every time.",
        f"{sounds_exact} of {sounds} audio tracks exact to the bit, {sum(t.sounds_settled for t in tallies)} more as "
        "exact as their codec allows.",
        "Settled: Opus decoders forget their past exponentially (below 1e-5 of full scale), AC-3 decoders add dither "
        "of their own drawing, MP2's carry one step of rounding along.",
        f"Largest differences of settled sound, of full scale: {', '.join(settled) or 'none'}.",
        "Wall time of one cut with its sound and its files open, on a machine with other work.",
        "Encoded: the lead-in from the key frame would exceed 5 s, or MP4 does not hold the codec.",
        *(f"{t.footage}, frames {fault}" for t in tallies for fault in t.faults),
    ]


def main(arguments: Sequence[str] = ()) -> None:
    """Run the benchmark and record it; exits with 1 where a clip is not exact."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cuts", type=int, default=14, help="random cuts in each footage")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(list(arguments))
    films: list[tuple[Path, list[int]]] = [(made(shape.file), []) for shape in SAMPLES]
    tallies = [measure(path, given.cuts, cuts, given.seed) for path, cuts in [*films, *real_films()]]
    record("lossless", "Lossless cut", [row(tally) for tally in tallies], remarks(tallies))
    if any(tally.faults for tally in tallies):
        raise SystemExit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
