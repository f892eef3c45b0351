"""Films by chance that join stress shots by every kind of transition, with the truth about each frame."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray
from paintings import Picture
from stress_shots import HEIGHT, WIDTH, Card, Scene

JOINS = {
    "cut": 0.35, "same_ground": 0.09, "dissolve": 0.10, "fade_cut": 0.04, "fade_fade": 0.10, "wipe": 0.06,
    "blended_cut": 0.06, "flash_cut": 0.05, "dipped_cut": 0.04, "like_colours": 0.05, "back_again": 0.03,
    "broken_fade": 0.03,
}  # fmt: skip


@dataclass(slots=True)
class StressFilm:
    """frames: height x width x 3 pictures. cuts: first frames of new shots. gradual: kind, first, last mixed frame."""

    frames: list[Picture] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)
    gradual: list[tuple[str, int, int]] = field(default_factory=list)

    @property
    def free(self) -> int:
        """Frames at the end that belong to no transition."""
        ends = [*self.cuts, *(last + 1 for _, _, last in self.gradual)]
        return len(self.frames) - max(ends, default=0) - 2


def stress_film(seed: int, length: int = 500) -> StressFilm:
    """A film of about `length` frames; the same seed gives the same film."""
    rng = np.random.default_rng(seed)
    film = StressFilm()
    montage = rng.random() < 0.3  # shots of 3-7 frames, as in openings and fan edits
    shots: list[Scene | Card] = []
    while len(film.frames) < length:
        if montage and rng.random() < 0.6:
            frames = int(rng.integers(3, 8))
        else:
            low, high = ((3, 12), (12, 40), (40, 110))[int(rng.choice(3, p=[0.2, 0.4, 0.4]))]
            frames = int(rng.integers(low, high))
        join = str(rng.choice(list(JOINS), p=np.array(list(JOINS.values())) / sum(JOINS.values())))
        mixed = int(rng.integers(6, 40))
        if join in ("dissolve", "wipe", "fade_cut", "fade_fade"):
            frames = max(frames, mixed + 12)
        shot: Scene | Card
        if not shots:
            join, shot = "first", Scene(rng, frames)
        elif join == "same_ground":
            shot = Scene(rng, frames, shots[-1].ground, shots[-1].end_view)
        elif join == "like_colours":
            view = ((shots[-1].end_view[0] + 0.5) % 1, rng.uniform(0.2, 0.8), rng.uniform(1, 2))
            shot = Scene(rng, frames, shots[-1].ground, view)
        elif join == "back_again" and len(shots) > 1:
            shot = shots[-2]
            frames = shot.frames
        else:
            shot = Card(rng, frames) if rng.random() < 0.12 else Scene(rng, frames)
        pictures = [shot.frame(time) for time in range(frames)]
        _join(rng, film, pictures, join, mixed)
        shots.append(shot)
    if rng.random() < 0.25:
        bar = int(rng.integers(8, 22))
        film.frames = [_letterboxed(picture, bar) for picture in film.frames]
    return _repeated(film) if rng.random() < 0.2 else film


def _join(rng: np.random.Generator, film: StressFilm, pictures: list[Picture], join: str, mixed: int) -> None:
    """Append a shot's pictures in the way that `join` names."""
    out, free = film.frames, film.free
    start = len(out)
    if join in ("dissolve", "wipe"):
        mixed = min(mixed, free, len(pictures) - 3)
        if mixed >= 5:
            shares = _front(rng, mixed) if join == "wipe" else _even(mixed)
            film.gradual.append((join, start - mixed, start - 1))
            for index in range(mixed):
                old = out[start - mixed + index]
                out[start - mixed + index] = (old * (1 - shares[index]) + pictures[index] * shares[index]).astype(
                    np.uint8
                )
            out += pictures[mixed:]
            return
        join = "cut"
    if join in ("fade_cut", "fade_fade", "first"):
        ground = 0 if rng.random() < 0.8 else 255
        plain = np.full((HEIGHT, WIDTH, 3), ground, np.uint8)
        if join != "first":
            leaving = min(mixed, free)
            if leaving < 5:
                film.cuts.append(start)
                out += pictures
                return
            for index in range(leaving):
                share = (index + 1) / leaving
                out[start - leaving + index] = cv2.addWeighted(out[start - leaving + index], 1 - share, plain, share, 0)
            film.gradual.append(("fade_out", start - leaving, start - 1))
        out += [plain] * int(rng.integers(0, 15))
        start = len(out)
        if join == "fade_cut" or (join == "first" and (start == 0 or rng.random() < 0.5)):
            film.cuts += [start] if start else []
        else:
            growing = min(mixed, len(pictures) - 2)
            for index in range(growing):
                share = (index + 1) / growing
                pictures[index] = cv2.addWeighted(plain, 1 - share, pictures[index], share, 0)
            film.gradual.append(("fade_in", start, start + growing - 1))
        out += pictures
        return
    if join == "broken_fade":
        dimmed = max(0, min(int(rng.integers(5, 15)), free))
        depth = rng.uniform(0.3, 0.95)
        for index in range(dimmed):
            share = 1 - depth * (index + 1) / dimmed
            out[start - dimmed + index] = cv2.convertScaleAbs(out[start - dimmed + index], alpha=share)
        film.cuts.append(start)
        black = int(rng.choice([0, 0, 1, 3, 8]))
        out += [np.zeros((HEIGHT, WIDTH, 3), np.uint8)] * black
        if black >= 3:
            film.cuts.append(len(out))
        elif black or rng.random() < 0.5:  # the new shot begins in the middle of its fade-in
            for index in range(min(7, len(pictures))):
                pictures[index] = cv2.convertScaleAbs(pictures[index], alpha=min(1.0, 0.4 + index / 10))
        out += pictures
        return
    if join == "blended_cut":
        share = rng.uniform(0.25, 0.75)
        out.append(cv2.addWeighted(out[-1], 1 - share, pictures[0], share, 0))
        film.cuts.append(start if share >= 0.5 else start + 1)
    elif join == "flash_cut":
        film.cuts.append(start)
        if rng.random() < 0.5:
            out += [np.full((HEIGHT, WIDTH, 3), 255, np.uint8)] * int(rng.integers(1, 4))
        else:  # the light of the flash dies away over the new shot
            for index in range(min(6, len(pictures))):
                light = np.full_like(pictures[index], 255)
                share = 0.85 * (1 - index / 6)
                pictures[index] = cv2.addWeighted(pictures[index], 1 - share, light, share, 0)
    elif join == "dipped_cut":
        dip, low = int(rng.integers(2, 6)), rng.uniform(0.12, 0.5)
        for index in range(min(dip, max(0, free))):
            out[-1 - index] = cv2.convertScaleAbs(out[-1 - index], alpha=low + (1 - low) * index / dip)
        for index in range(min(dip, len(pictures))):
            pictures[index] = cv2.convertScaleAbs(pictures[index], alpha=low + (1 - low) * index / dip)
        film.cuts.append(start)
    else:
        film.cuts.append(start)
    out += pictures


def _even(mixed: int) -> list[float]:
    return [(index + 1) / (mixed + 1) for index in range(mixed)]


def _front(rng: np.random.Generator, mixed: int) -> list[NDArray[np.float64]]:
    """Shares of the new picture behind a front that is straight, slanted or round."""
    x, y = np.meshgrid(np.linspace(0, 1, WIDTH), np.linspace(0, 1, HEIGHT))
    place = [x, y, (x + y) / 2, np.hypot((x - 0.5) * 16, (y - 0.5) * 9) / np.hypot(8, 4.5)][int(rng.integers(4))]
    if rng.random() < 0.5:
        place = 1 - place
    softness = rng.uniform(1, 20) / WIDTH
    reached = [1.1 * share - 0.05 for share in _even(mixed)]
    return [np.clip((share - place) / softness + 0.5, 0, 1)[..., None] for share in reached]


def _letterboxed(picture: Picture, bar: int) -> Picture:
    picture = picture.copy()
    picture[:bar] = 0
    picture[-bar:] = 0
    return picture


def _repeated(film: StressFilm) -> StressFilm:
    """24 frames a second in a file of 30: every fourth frame is shown twice."""
    place = [index + index // 4 for index in range(len(film.frames))]
    frames = [film.frames[min(index * 4 // 5, len(film.frames) - 1)] for index in range(len(film.frames) * 5 // 4)]
    place = [-(-index * 5 // 4) for index in range(len(film.frames) + 1)]
    return StressFilm(
        frames,
        [place[cut] for cut in film.cuts if place[cut] < len(frames)],
        [(kind, place[first], min(place[last + 1] - 1, len(frames) - 1)) for kind, first, last in film.gradual],
    )
