"""Functions that ask while they run in the limited child process, also as an attacker would write them."""

import os
from collections.abc import Iterator
from pathlib import Path

from celstream_platform.footage import wire
from celstream_platform.footage.asking import Ask, Asking
from limited_pictures import Note, Picture


def brightness(path: Path, sides: list[int], ask: Ask) -> Iterator[str]:
    """Asks about one picture of each size."""
    import numpy as np

    for side in sides:
        answer = ask(Picture(side, np.full((side, side), side % 256, np.uint8)), Note)
        yield answer.text


def another_type(path: Path, ask: Ask) -> str:
    return ask(Note("how many?"), Note).text


def too_much(path: Path, ask: Ask) -> str:
    import numpy as np

    return ask(Picture(0, np.zeros((1100, 1100), np.uint8)), Note).text


def does_not_listen(path: Path, ask: Asking) -> None:
    question = wire.frame(wire.Kind.QUESTION, b"\0", wire.encode(Note("hm?")))
    while True:
        os.write(ask._questions, question)
