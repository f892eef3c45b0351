"""Films of the renderer with more of what is hard: other figures before the same backdrop, flashes at cuts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from celstream_renderer.film import Film, Flash, Scene, Shot
from celstream_renderer.random_film import random_film

SAME_BACKDROP = 0.45  # share of shots that keep the backdrop of the shot before
FLASHED = 0.08  # share of shots that begin under a flash or in a dip of brightness


def hard_film(seed: int, style: str, seconds: float, size: tuple[int, int]) -> Film:
    """A silent film by chance of about `seconds` seconds; the same arguments give the same film."""
    rng = np.random.default_rng([seed, 77])
    film = random_film(seed, style, seconds, size=size, sound=False)
    shots: list[Shot] = []
    backdrop = None
    for shot in film.shots:
        scene = shot.content
        if isinstance(scene, Scene):
            if backdrop is not None and rng.random() < SAME_BACKDROP:
                scene = replace(scene, backdrop=backdrop)
            if shot.frames > 12 and rng.random() < FLASHED:
                colour = (255, 255, 255) if rng.random() < 0.6 else (0, 0, 0)
                scene = replace(scene, flashes=(Flash(0, int(rng.integers(1, 4)), 0.7, colour),))
            backdrop = scene.backdrop
        shots.append(replace(shot, content=scene))
    return replace(film, shots=tuple(shots))
