"""A limited child asks its parent while it works: what the parent answers, and what it does not put up with."""

import sys
from pathlib import Path

import pytest
from celstream_platform.errors import Unavailable
from celstream_platform.footage.asking import Answering
from celstream_platform.footage.limited import ChildFailed

sys.path.insert(0, str(Path(__file__).parent))
from limited_pictures import Note, Picture
from limited_runs import run


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.mp4"
    path.write_bytes(b"0123456789")
    return path


def described(picture: Picture) -> Note:
    return Note(f"{picture.luma.shape} {picture.luma.mean():g}")


def of_pictures(question: Picture) -> Note:
    return described(question)


def of_notes(question: Note) -> Note:
    return Note("4" * 400)


def test_answers_come_between_the_results(film: Path) -> None:
    found = run(
        "limited_questions:brightness", film, {"sides": [3, 1000, 5]}, answering=Answering(Picture, of_pictures)
    )
    assert found == ["(3, 3) 3", "(1000, 1000) 232", "(5, 5) 5"]


def test_what_the_answer_fails_with_is_what_the_caller_gets(film: Path) -> None:
    def away(question: Picture) -> Note:
        raise Unavailable("the model server is away.")

    with pytest.raises(Unavailable, match="the model server is away"):
        run("limited_questions:brightness", film, {"sides": [3]}, answering=Answering(Picture, away))


@pytest.mark.parametrize(
    ("function", "answering", "complaint"),
    [
        ("another_type", Answering(Picture, of_pictures), "asked what cannot be decoded"),
        ("too_much", Answering(Picture, of_pictures), "a question of 12"),
        ("does_not_listen", Answering(Note, of_notes), "does not listen"),
    ],
)
def test_a_captured_child_is_ended(film: Path, function: str, answering: Answering, complaint: str) -> None:
    with pytest.raises(ChildFailed, match=complaint):
        run(f"limited_questions:{function}", film, answering=answering)
