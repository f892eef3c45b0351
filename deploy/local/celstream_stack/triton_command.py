"""What the makers of Triton's model repositories share: a command line, and files that are linked, not copied."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from celstream_stack.errors import StackError

PAPERS = ("LICENSE", "README.md")


def main(write: Callable[[Path, Path], list[str]]) -> int:
    """Write what the command line says; 2 where it cannot be done. write: (repository, target) -> names of models."""
    if len(sys.argv) != 3:
        print("Give a model repository and a folder to write.", file=sys.stderr)  # noqa: T201 - a command's answer
        return 2
    try:
        names = write(Path(sys.argv[1]), Path(sys.argv[2]))
    except StackError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    print(f"{len(names)} models: {', '.join(names)}")  # noqa: T201
    return 0


def link_papers(source: Path, target: Path) -> None:
    """A model's licence and card, where it has them, go wherever it goes. source, target: folders of the model."""
    for name in PAPERS:
        if (source / name).exists():
            link(source / name, target / name)


def link(source: Path, target: Path) -> None:
    """Link a file, or copy it where the target lies on another file system."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
