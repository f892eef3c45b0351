"""The demonstration: renders a film with known truth, then runs it."""

from collections.abc import Callable
from pathlib import Path

DEMO_FILE = "demo.mp4"


def demo_footage(out: Path, tell: Callable[[str], None]) -> Path:
    """The demonstration film under the dataset folder; rendered once, then found there.

    Its truth lies beside it. Raises OSError where the folder cannot be written.
    """
    import celstream_renderer  # draws: only this command needs it

    folder = out / "footage"
    film = folder / DEMO_FILE
    truth = film.with_suffix(".truth.json")
    if not (film.is_file() and truth.is_file()):
        folder.mkdir(parents=True, exist_ok=True)
        tell(f"Rendering {film} …")
        part = folder / f".part-{DEMO_FILE}"
        celstream_renderer.render(celstream_renderer.demo_film(), part)
        part.with_suffix(".truth.json").replace(truth)
        part.replace(film)
    return film
