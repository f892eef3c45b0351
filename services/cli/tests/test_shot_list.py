"""`celstream shots` prints what the detector finds, and nothing else."""

import json
from fractions import Fraction
from pathlib import Path

import celstream_renderer as renderer
import pytest
from celstream.commands import app
from celstream.shot_list import print_shots
from celstream_segmenter.rules import SegmentationRules
from typer.testing import CliRunner


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, renderer.Truth]:
    path = tmp_path_factory.mktemp("shots") / "film.mp4"
    film = renderer.random_film(seed=11, seconds=5, fps=Fraction(24), size=(192, 108), sound=False)
    return path, renderer.render(film, path)


def test_shots_come_in_order_and_end_with_the_film(film: tuple[Path, renderer.Truth]) -> None:
    path, truth = film
    lines: list[str] = []
    print_shots(path, SegmentationRules(), as_json=True, say=lines.append)
    found = [json.loads(line) for line in lines]
    shots = [entry for entry in found if "shot" in entry]
    assert [shot["shot"] for shot in shots] == list(range(len(shots)))
    assert shots[-1]["end_frame"] <= truth.frames
    assert shots[-1]["end_seconds"] == pytest.approx(shots[-1]["end_frame"] / 24)


def test_a_table_for_people_and_one_line_for_a_bad_file(film: tuple[Path, renderer.Truth], tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["shots", str(film[0])])
    assert result.exit_code == 0
    assert result.output.splitlines()[0].split() == ["shot", "frames", "from", "seconds", "begins", "with"]
    text = tmp_path / "notes.mp4"
    text.write_text("no film")
    bad = CliRunner().invoke(app, ["shots", str(text)])
    assert bad.exit_code == 2
    assert bad.output.strip() == f"{text}: is not a video (it holds text). Give a file with moving pictures."


def test_shots_are_measured_where_that_is_asked_for(film: tuple[Path, renderer.Truth]) -> None:
    path, _ = film
    lines: list[str] = []
    print_shots(path, SegmentationRules(), as_json=True, say=lines.append, measured=True)
    found = [json.loads(line) for line in lines]
    shots = {entry["shot"]: entry for entry in found if "shot" in entry}
    measured = {entry["measured"]: entry for entry in found if "measured" in entry}
    assert measured.keys() == shots.keys()
    for ordinal, shot in shots.items():
        frames = shot["end_frame"] - shot["start_frame"]
        assert sum(hold["length"] for hold in measured[ordinal]["holds"]) == frames
        assert measured[ordinal]["picture"] == {"left": 0, "top": 0, "width": 192, "height": 108}
    table = CliRunner().invoke(app, ["shots", str(path), "--measure"])
    assert table.exit_code == 0
    assert table.output.count("camera ") == len(shots)
