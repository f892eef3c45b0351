"""Pace: how far a run is in all, how fast it goes, and how long it will take."""

import time
from collections import deque
from dataclasses import dataclass, field

WINDOW_SECONDS = 20.0  # the rate is that of the last while: long enough to be steady, short enough to follow


@dataclass(slots=True)
class FootagePace:
    """One footage: its name, what is being done with it, and how far that is."""

    name: str
    frames: int
    stage: str = ""
    done: int = 0
    unit: str = "frames"
    over: bool = False


@dataclass(slots=True)
class Pace:
    """All footage of a run. Frames are counted once however many stages there are: by the first of them."""

    footage: dict[str, FootagePace] = field(default_factory=dict)
    _samples: deque[tuple[float, int]] = field(default_factory=deque)

    def add(self, footage_id: str, name: str, frames: int) -> None:
        """A footage is to be processed."""
        self.footage[footage_id] = FootagePace(name, frames)

    def move(self, footage_id: str, stage: str, done: int, total: int, unit: str) -> None:
        """A stage is so far; what is unknown is passed over (it belongs to no footage of this run)."""
        if entry := self.footage.get(footage_id):
            entry.stage, entry.done, entry.frames, entry.unit = stage, done, total or entry.frames, unit

    def finish(self, footage_id: str) -> None:
        """A footage is finished."""
        if entry := self.footage.get(footage_id):
            entry.done, entry.over = max(entry.done, entry.frames), True

    @property
    def done(self) -> int:
        """Frames done."""
        return sum(entry.done for entry in self.footage.values())

    @property
    def total(self) -> int:
        """Frames in all, as far as it is known."""
        return sum(max(entry.frames, entry.done) for entry in self.footage.values())

    @property
    def over(self) -> int:
        """Number of footages that are finished."""
        return sum(entry.over for entry in self.footage.values())

    def rate(self) -> float:
        """Frames per second over the last while; 0 while nothing is known."""
        now, done = time.monotonic(), self.done
        self._samples.append((now, done))
        while now - self._samples[0][0] > WINDOW_SECONDS and len(self._samples) > 2:
            self._samples.popleft()
        began, before = self._samples[0]
        return (done - before) / (now - began) if now > began else 0.0

    def seconds_left(self, rate: float) -> float | None:
        """How long it will take at that rate; None while that cannot be said."""
        return (self.total - self.done) / rate if rate > 0 else None
