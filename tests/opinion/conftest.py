"""A film with changes that may be cuts, or may not; and model servers to be asked about them."""

from fractions import Fraction
from pathlib import Path

import celstream_renderer as renderer
import pytest

DOUBTFUL = (69, 87)  # frames before which the detector sees a change that it gives a chance of 0.3


@pytest.fixture(scope="session")
def doubtful_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight seconds, 320x180, 24 frames/s, without sound."""
    path = tmp_path_factory.mktemp("footage") / "film.mp4"
    renderer.render(renderer.random_film(seed=8, seconds=8, fps=Fraction(24), size=(320, 180), sound=False), path)
    return path
