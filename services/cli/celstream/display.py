"""What a run shows while it works: the interface, and the one that shows nothing but keeps what failed.

`terminal.py` draws for a person; `lines.py` writes plain lines or JSON.
"""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Working:
    """How far a stage is with one footage. total: 0 while it is unknown. unit: what is counted, `frames`."""

    footage_id: str
    stage: str
    done: int
    total: int
    unit: str


@dataclass(frozen=True, slots=True)
class Finished:
    """What came of one footage. error: one line for a person where it could not be processed, else empty."""

    footage_id: str
    name: str
    clips: int
    rejections: int
    error: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """How a run ended.

    footage: files that were taken in. failed: files and arguments that could not be used. parked: footage that met a
    fault of the program. out: the dataset folder, as given. changed: whether anything was to be written.
    """

    footage: int
    failed: int
    parked: int
    clips: int
    rejections: int
    seconds: float
    out: str
    report: str
    changed: bool


class Display(Protocol):
    """Told of everything, in order, from one thread; `tick` comes several times a second."""

    def taken_in(self, footage_id: str, name: str, frames: int) -> None:
        """A footage is to be processed; it claims that many frames, 0 where it says nothing."""

    def already_done(self, footage_id: str, name: str) -> None:
        """A footage was processed by an earlier run in the same way: there is nothing to do."""

    def failed(self, name: str, message: str) -> None:
        """A file or argument cannot be used; message is one line for a person."""

    def working(self, progress: Working) -> None:
        """A stage goes on."""

    def finished(self, result: Finished) -> None:
        """Every item below a footage has an outcome."""

    def note(self, message: str) -> None:
        """One line for a person."""

    def tick(self) -> None:
        """Time passes: draw."""

    def close(self, summary: Summary | None) -> None:
        """The run is over; without a summary where it was interrupted or failed."""


class Recording:
    """Shows nothing and keeps what failed: for `celstream.run(…)`."""

    def __init__(self) -> None:
        self.failures: list[str] = []

    def taken_in(self, footage_id: str, name: str, frames: int) -> None:
        """See Display."""

    def already_done(self, footage_id: str, name: str) -> None:
        """See Display."""

    def failed(self, name: str, message: str) -> None:
        """See Display."""
        self.failures.append(message)

    def working(self, progress: Working) -> None:
        """See Display."""

    def finished(self, result: Finished) -> None:
        """See Display."""

    def note(self, message: str) -> None:
        """See Display."""

    def tick(self) -> None:
        """See Display."""

    def close(self, summary: Summary | None) -> None:
        """See Display."""
