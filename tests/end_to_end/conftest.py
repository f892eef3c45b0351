"""Films and datasets that the tests share: rendered and run once."""

from pathlib import Path

import pytest

from tests.end_to_end.command import SHOTS, Ended, celstream, film


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `films/a film.mp4`, of all six shots, and `films/more/second.mkv`, of the last three."""
    folder = tmp_path_factory.mktemp("footage")
    film(folder, "films/a film.mp4")
    film(folder, "films/more/second.mkv", SHOTS[3:])
    return folder


@pytest.fixture(scope="session")
def made(films: Path) -> tuple[Path, Ended]:
    """The dataset of both films, and how its run ended."""
    ended = celstream(
        "run", "films", "--out", "dataset", "--json", "--style", "rendered", "--license", "CC0-1.0", cwd=films
    )
    return films / "dataset", ended
