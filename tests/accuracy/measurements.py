"""Accuracy of the measurements of a clip, on rendered films of seeds that nothing was tuned on.

Cadence, camera, picture inside bars, titles and credits, black and flash frames, fingerprints.
"""

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import celstream_renderer as renderer
import numpy as np
from celstream_catalog.near_duplicates import MATCH_SCORE, match
from numpy.typing import NDArray

from tests.accuracy.letterbox_films import WITH_BARS, WITHOUT_BARS, pictures_of, seen, write
from tests.accuracy.measured_films import (
    MeasuredFilm,
    encoded,
    hold_ranges,
    kept_changes,
    measure,
    render,
    seen_lengths,
    truth_of,
)
from tests.benchmarks.recording import record

SIZE = (640, 360)
SEED = 810_000
CRFS = (18, 23, 28, 32)
FILMS_PER_STYLE = 2
SECONDS = 10
LEAST_FRAMES = 12  # a shorter stretch outside transitions is not measured
LEAST_CLIP_FRAMES = 24
CADENCES = ("ones", "ones", "twos", "threes", "longer")
FILMS_WITH_BARS, KINDS_PER_FILM, KINDS_SEED = 48, 5, 940_000
CAMERA_FILMS_PER_STYLE = 6
OPENINGS = 20
LEAST_BORDER_LEVELS = 4.0  # above the bars


class Tally:
    """Counts of found, true and given things under several headings at once."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], np.ndarray[Any, Any]] = defaultdict(lambda: np.zeros(3, int))

    def add(self, what: str, headings: Mapping[str, object], hit: int, true: int, given: int) -> None:
        for name, value in {"all": "", **headings}.items():
            self._counts[what, f"{name} {value}".strip()] += (hit, true, given)

    def rows(self) -> list[dict[str, Any]]:
        """One row a heading: recall, precision and how many."""
        return [
            {
                "what": what,
                "on": heading,
                "recall": hit / true if true else float("nan"),
                "precision": hit / given if given else float("nan"),
                "true": int(true),
                "given": int(given),
            }
            for (what, heading), (hit, true, given) in sorted(self._counts.items())
        ]


def shots(folder: Path, tally: Tally) -> None:
    """Cadence, camera and text of every shot of films in all styles, at several qualities and deliveries."""
    number = 0
    for style in renderer.STYLES:
        for take in range(FILMS_PER_STYLE):
            number += 1
            film = renderer.random_film(SEED + number, style, SECONDS, Fraction(24), SIZE, sound=False)
            source = render(film, folder / "source.mkv")
            for crf in (CRFS[number % 4], CRFS[(number + 2) % 4]):
                path = encoded(source, folder / "film.mp4", crf)
                judge(path, kept_changes(path, source, film), tally, style, crf, "progressive")
            film = replace(film, fps=Fraction(24000, 1001))
            telecine = renderer.Delivery("telecine")
            source = render(film, folder / "telecined.mkv", codec="ffv1", delivery=telecine)
            crf = CRFS[(number + 1) % 4]
            path = encoded(source, folder / "telecined.mp4", crf, interlaced=True)
            judge(path, kept_changes(path, source, film, telecine), tally, style, crf, "telecined 29.97i")
            print(style, take, flush=True)


def judge(path: Path, kept: NDArray[np.bool_], tally: Tally, style: str, crf: int, delivery: str) -> None:
    """Compare one film with its truth; kept: see `kept_changes`."""
    film, truth = measure(path), truth_of(path)
    for shot in truth["shots"]:
        start, end = shot["clean_start"], shot["clean_end"]
        if end - start < LEAST_FRAMES:
            continue
        clip = film.clip(start, end)
        tally.add("scan", {delivery: ""}, int(delivery.startswith(clip.scan)), 1, 1)
        if shot["kind"] in ("scene", "title"):
            edges = start + np.concatenate(([0], np.cumsum([hold.length for hold in clip.holds])))
            given = set(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))
            usual = CADENCES[min(4, round(float(np.median(shot["holds"])) * (0.8 if "telecined" in delivery else 1)))]
            camera = {"camera": shot["camera"]}
            counted = {
                "holds shown, any camera": (seen_lengths(shot, truth["size"], kept), camera),
                "holds in sight, any camera": (seen_lengths(shot, truth["size"]), camera),
                "holds drawn, any camera": (shot["holds"], {}),
            }
            if shot["camera"] in ("static", "pan"):
                lengths, _ = counted["holds shown, any camera"]
                headings = {**camera, "style": style, "CRF": crf, "on": usual}
                counted["holds shown, static camera and pans"] = (lengths, headings)
            for name, (lengths, headings) in counted.items():
                true = set(hold_ranges(shot, lengths))
                tally.add(f"{name}, {delivery}", headings, len(true & given), len(true), len(given))
        judge_camera(film, shot, tally, delivery, {})
        for kind, word in (("title", "title_card"), ("credits", "credits")):
            is_kind, said = shot["kind"] == kind, clip.text == word
            tally.add(kind, {}, int(is_kind and said), int(is_kind), int(said))


def cameras(folder: Path, tally: Tally) -> None:
    """The camera's class in more films, encoded once."""
    number = 0
    for style in renderer.STYLES:
        for _ in range(CAMERA_FILMS_PER_STYLE):
            number += 1
            film = renderer.random_film(SEED + 200 + number, style, SECONDS, Fraction(24), SIZE, sound=False)
            crf = CRFS[number % 4]
            path = render(film, folder / "camera.mp4", crf=crf)
            measured = measure(path)
            for shot in truth_of(path)["shots"]:
                judge_camera(measured, shot, tally, "progressive", {"style": style, "CRF": crf})
        print(style, "cameras", flush=True)


def judge_camera(
    film: MeasuredFilm, shot: dict[str, Any], tally: Tally, delivery: str, headings: Mapping[str, object]
) -> None:
    """The class of the camera in one shot; a whip pan is a pan."""
    start, end = shot["clean_start"], shot["clean_end"]
    if end - start >= LEAST_CLIP_FRAMES and shot["kind"] in ("scene", "title"):
        true_kind = "pan" if shot["camera"] == "whip" else shot["camera"]
        given = film.clip(start, end).camera.kind
        tally.add(f"camera, {delivery}", {"camera": true_kind, **headings}, int(given == true_kind), 1, 1)


def letterbox(folder: Path, tally: Tally) -> None:
    """The picture inside bars of many kinds, and of darkness that is none."""
    kinds = [*WITH_BARS, *WITHOUT_BARS]
    for number in range(FILMS_WITH_BARS):
        rng = np.random.default_rng(KINDS_SEED + number)
        style = tuple(renderer.STYLES)[number % 6]
        film = renderer.random_film(KINDS_SEED + number, style, 2, Fraction(24), SIZE, sound=False)
        source = render(film, folder / "full.mkv")
        shot = max(truth_of(source)["shots"], key=lambda shot: int(shot["clean_end"] - shot["clean_start"]))
        if shot["clean_end"] - shot["clean_start"] < LEAST_CLIP_FRAMES or shot["kind"] == "black":
            continue
        pictures = pictures_of(source, shot["clean_start"], shot["clean_end"])
        for turn in range(KINDS_PER_FILM):
            kind = kinds[(KINDS_PER_FILM * number + turn) % len(kinds)]
            dressed = kind(pictures, rng)
            if kind in WITH_BARS and not seen(dressed, LEAST_BORDER_LEVELS):
                continue
            crf = CRFS[(number + turn) % 4]
            path = write(dressed.pictures, folder / "dressed.mp4", crf)
            found, box = measure(path).clip(0, len(pictures)).picture, dressed.box
            error = max(
                *(abs(found.left - box.left), abs(found.top - box.top)),
                *(abs(found.left + found.width - box.left - box.width),),
                *(abs(found.top + found.height - box.top - box.height),),
            )
            headings = {"kind": kind.__name__.replace("_", " "), "CRF": crf}
            tally.add("picture inside bars, ±1 px", headings, int(error <= 1), 1, 1)
        print(number, "letterbox", flush=True)


def openings(folder: Path, tally: Tally) -> None:
    """Openings found again after re-encoding, scaling and a shift in time, among each other."""
    rng = np.random.default_rng(SEED)
    first, second = [], []
    for number in range(OPENINGS):
        style = tuple(renderer.STYLES)[number % 6]
        film = renderer.random_film(SEED + 700 + number, style, 8, Fraction(24), SIZE, sound=False)
        source = render(film, folder / "opening.mkv")
        shift, crf = float(rng.uniform(0.1, 2.0)), int(rng.integers(20, 36))
        again = encoded(source, folder / "again.mp4", crf, "scale=480:270", skip_seconds=shift)
        for path, prints in ((encoded(source, folder / "opening.mp4", 18), first), (again, second)):
            film_measured = measure(path)
            prints.append(film_measured.clip(0, len(film_measured.frames.motion)).hashes)
    for i, one in enumerate(first):
        for j, other in enumerate(second):
            said = match(one, other).score >= MATCH_SCORE
            tally.add("openings found again", {}, int(said and i == j), int(i == j), int(said))


def drawings_text_and_openings(folder: Path, tally: Tally) -> None:
    """What is measured of shots, and openings."""
    openings(folder, tally)
    shots(folder, tally)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the suite with a record of its own."""

    title: str
    judge: Callable[[Path, Tally], None]
    remarks: tuple[str, ...]


PARTS = {
    "letterbox": Part(
        "The picture inside bars of many kinds",
        letterbox,
        (
            f"{FILMS_WITH_BARS} films by chance, {SIZE[0]}x{SIZE[1]}, each with {KINDS_PER_FILM} kinds of bars or of "
            "darkness that is none (tests/accuracy/letterbox_films.py), encoded by x264 at CRF 18 to 32; seeds that "
            f"nothing was tuned on. Judged where the picture is {LEAST_BORDER_LEVELS:g} levels above the bars "
            "along its border on average, in one frame at least.",
        ),
    ),
    "camera": Part(
        "The camera of clips",
        cameras,
        (
            f"{6 * CAMERA_FILMS_PER_STYLE} films by chance of {SECONDS} s, {SIZE[0]}x{SIZE[1]}, in six styles, encoded "
            "by x264 at CRF 18 to 32; seeds that nothing was tuned on. A whip pan counts as a pan.",
        ),
    ),
    "measurements": Part(
        "Measurements of clips",
        drawings_text_and_openings,
        (
            f"Films by chance of {SECONDS} s, {SIZE[0]}x{SIZE[1]}, {FILMS_PER_STYLE} for each of six styles, each "
            "encoded twice by x264 at CRF 18 to 32 and once telecined; seeds that nothing was tuned on.",
            "A hold counts where its first and its last frame are exact, outside transitions.",
            "`shown` counts the drawings that the file shows: what they change lies in the picture at that time (under "
            "a whip pan most of it does not), and the encoded frame is nearer to its clean frame than to that frame "
            "with the drawing before, over the pixels that differ between the two: neither a camera's move nor a flash "
            "counts. `in sight` leaves encoding out of account, `drawn` both.",
            "A whip pan counts as a pan.",
            "Openings: 8 s, encoded anew at CRF 20 to 35, scaled to 480x270, up to 2 s later; each with all.",
        ),
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="all, unless some are named")
    for name in parser.parse_args().parts or PARTS:
        part, tally = PARTS[name], Tally()
        with tempfile.TemporaryDirectory(prefix="celstream-accuracy-") as folder:
            part.judge(Path(folder), tally)
        record(name, part.title, tally.rows(), list(part.remarks))


if __name__ == "__main__":
    main()
