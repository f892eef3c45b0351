"""What a limited child asks its parent while it works: it reaches no network, and no file but its own.

def find(path: Path, *, ask: Ask) -> Iterator[Shot]:          # in the child
    answer = ask(Pictures(…), Chances)

limited.stream("…:find", …, answering=Answering(Pictures, judged))   # in the parent
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from celstream_platform.footage import wire

A = TypeVar("A")


class Ask(Protocol):
    """How a function in a child asks; the answer is waited for."""

    def __call__(self, question: object, answer: type[A], /) -> A:
        """The answer. The child ends where the parent has none."""


@dataclass(frozen=True, slots=True)
class Answering:
    """How a parent answers. question: the one type of questions, a dataclass as results are; it is not trusted.

    answer: from a question to a dataclass; what it raises, the caller of the function that asked gets.
    """

    question: type[Any]
    answer: Callable[[Any], object]


class Asking:
    """Asks over a child's two pipes. Not for use from several threads."""

    def __init__(self, questions: int, answers: int) -> None:
        """Descriptors to write to and to read from."""
        self._questions, self._answers = questions, answers

    def __call__(self, question: object, answer: type[A], /) -> A:
        """See `Ask`."""
        data = wire.frame(wire.Kind.QUESTION, b"\0", wire.encode(question))
        view = memoryview(data)
        while view:
            view = view[os.write(self._questions, view) :]
        payload = wire.read_frame(self._answers, wire.Kind.ANSWER)
        if payload is None:
            os._exit(1)  # the parent is gone, or wants no more
        found: A = wire.Decoder([answer]).result(memoryview(payload))
        return found
