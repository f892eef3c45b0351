"""Rendered footage with truth, made once."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import celstream_renderer as renderer
import pytest


@pytest.fixture(scope="session")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A film of about 14 s, 320x180, 24 frames/s, with sound, and its truth."""
    path = tmp_path_factory.mktemp("footage") / "film.mp4"
    film = renderer.random_film(seed=7, seconds=14, fps=Fraction(24), size=(320, 180))
    renderer.render(film, path)
    return path, json.loads(path.with_suffix(".truth.json").read_text())
