"""A canary's film: another one for every name, and the same one again for the same name.

Of the films that follow from a name, the first is taken that has all there is to compare: cuts, a gradual transition,
and drawings under a standing camera.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from celstream_evaluator.canary import Truth
from celstream_evaluator.hold_score import Holds
from celstream_evaluator.transition_score import Labels
from celstream_platform.errors import Invalid
from celstream_renderer import Film, Scene, random_film, render, transitions
from celstream_renderer import Truth as RenderedTruth
from celstream_renderer.timeline import shot_spans

SIZE = (640, 360)
CRF = 18  # good, as footage is that films come from: below, faint drawings are not in the file any more
MOST_TRIES = 100
LEAST_CUTS, LEAST_GRADUAL, LEAST_STANDING_SECONDS = 3, 1, 3.0
LEAST_KEPT_SECONDS = 1.5  # a shot that is a little longer than the shortest clip is one wherever its ends are put
EDGE_FRAMES = 6  # beside a gradual transition, of which nobody can say to the frame where it begins and ends


@dataclass(frozen=True, slots=True)
class CanaryFilm:
    """A film that was rendered. frames: how many it has."""

    name: str
    path: Path
    seed: int
    frames: int
    shots: int
    truth: Truth


def render_canary(name: str, folder: Path, seconds: float) -> CanaryFilm:
    """Render the film of a name, about so long, into a folder. Raises Invalid where nothing so short has it all."""
    film, seed = film_of(name, seconds)
    path = folder / f"{name}.mp4"
    part = folder / f".part-{name}.mp4"
    found = render(film, part, crf=CRF)
    part.with_suffix(".truth.json").unlink()
    part.replace(path)
    return CanaryFilm(name, path, seed, found.frames, len(found.shots), known(found))


def film_of(name: str, seconds: float) -> tuple[Film, int]:
    """The film of a name, and the seed that makes it in `celstream render film --size 640x360`. Raises Invalid."""
    for number in range(MOST_TRIES):
        seed = int.from_bytes(hashlib.sha256(f"{name} {number}".encode()).digest()[:4], "big")
        film = random_film(seed, None, seconds, size=SIZE)
        if _has_it_all(film):
            return film, seed
    raise Invalid(f"a canary of {seconds:g} s: too short to have cuts, a dissolve and drawings. Give 10 s or more.")


def _has_it_all(film: Film) -> bool:
    kinds = [transition.kind for transition in transitions(film)]
    lengths = [
        span.clean_end - span.clean_start
        for span, shot in zip(shot_spans(film), film.shots, strict=True)
        if isinstance(shot.content, Scene) and shot.content.camera.kind == "static" and not shot.content.flashes
    ]
    standing = sum(length for length in lengths if length >= LEAST_KEPT_SECONDS * film.fps)
    cuts = kinds.count("cut")
    enough = LEAST_STANDING_SECONDS * film.fps
    return cuts >= LEAST_CUTS and len(kinds) - cuts >= LEAST_GRADUAL and standing >= enough


def known(truth: RenderedTruth) -> Truth:
    """The truth as scores are made from it.

    Holds are compared where the camera stands and nothing flashes: there every drawing differs from the next in the
    file as it does in the film.
    """
    cuts = tuple(one.frame for one in truth.transitions if one.kind == "cut")
    gradual = tuple((str(one.kind), one.start_frame, one.end_frame) for one in truth.transitions if one.kind != "cut")
    holds = [
        (Holds(shot.start, shot.holds), shot.clean_start, shot.clean_end)
        for shot in truth.shots
        if shot.kind == "scene"
        and shot.transforms is None
        and not any(start < shot.clean_end and end > shot.clean_start for start, end in truth.flashes)
    ]
    least_frames = LEAST_KEPT_SECONDS * truth.fps[0] / truth.fps[1]
    kept = [
        (shot.clean_start + EDGE_FRAMES, shot.clean_end - EDGE_FRAMES)
        for shot in truth.shots
        if shot.kind == "scene" and shot.clean_end - shot.clean_start >= least_frames
    ]
    return Truth(Labels(cuts, gradual), holds, kept)
