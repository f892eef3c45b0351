"""A long film under a worker that is asked to end again and again: how much of the work is done twice."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import celstream_renderer as renderer
import imageio_ffmpeg
from celstream_platform.artefacts import directory_url
from celstream_platform.artefacts.directory import DirectoryStore
from celstream_platform.eventlog import EventLog, open_event_log, sqlite_url
from celstream_platform.events import decode, encode
from celstream_platform.footage.probe import fill, probe
from celstream_platform.topics import FOOTAGE, OUTCOMES
from celstream_protos.v1 import envelope_pb2, footage_pb2

WORKER = Path(__file__).with_name("film_worker.py")

Due = Callable[[int, float], bool]
"""Whether a worker shall be asked to end: after so many frames, after so many seconds at work."""


@dataclass(slots=True)
class Interrupted:
    """frames: of the film. last_advance: frames from where the last attempt began to the film's end.

    decoded: frames, in each attempt. seconds: until each one was asked to end, or ended by itself. ending: seconds from
    there to its end. outcomes: of the film.
    """

    frames: int
    last_advance: int = 0
    decoded: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    ending: list[float] = field(default_factory=list)
    outcomes: list[envelope_pb2.Outcome] = field(default_factory=list)

    @property
    def interruptions(self) -> int:
        """How often the worker was asked to end."""
        return len(self.decoded) - 1

    @property
    def repeated(self) -> float:
        """Share of the film's frames that were decoded again."""
        return sum(self.decoded) / self.frames - 1


def looped_film(folder: Path, seconds: int, times: int, size: tuple[int, int]) -> Path:
    """A rendered film with sound, `times` times after itself without being encoded again."""
    once, path = folder / "once.mp4", folder / "film.mp4"
    renderer.render(renderer.random_film(seed=seconds, seconds=seconds, fps=Fraction(24), size=size), once)
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-stream_loop", str(times - 1), "-i", once]
    subprocess.run([*command, "-map", "0:v", "-map", "0:a?", "-c", "copy", path], check=True)
    return path


def interrupt(
    film: Path, folder: Path, due: Due, *, chapter_seconds: float, processes: int, most_attempts: int
) -> Interrupted:
    """Let a worker segment a film, with a SIGTERM whenever it is due.

    Raises AssertionError where a worker does not end in order, or the film never does.
    """
    events, artefacts = sqlite_url(folder / "events.sqlite"), directory_url(folder / "artefacts")
    log = open_event_log(events)
    store = DirectoryStore(folder / "artefacts")
    described = probe(film)
    content = store.adopt(film, "video/mp4")
    item = envelope_pb2.ItemHeader(id=content.sha256, version="1", level="footage", footage_id=content.sha256)
    footage = footage_pb2.Footage(item=item, name=film.name, content=content)
    fill(footage, described)
    log.ensure_topics([FOOTAGE])
    log.publish([encode(FOOTAGE.name, item.id, footage, event_id="1", source="test")])
    done = Interrupted(footage.video.claimed_frames)
    command = [sys.executable, WORKER, events, artefacts, str(chapter_seconds), str(processes)]
    while not done.outcomes:
        _attempt(command, due, done)
        done.outcomes = _outcomes(log)
        assert len(done.decoded) < most_attempts, f"no end after {done.decoded}"
    log.close()
    return done


def _attempt(command: list[str | Path], due: Due, done: Interrupted) -> None:
    """Start a worker and ask it to end when it is due."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        first = last = decoded = 0
        began = time.monotonic()
        asked_after: float | None = None
        made = False
        for line in worker.stdout:
            match line.split():
                case ["began", frame]:
                    first = last = int(frame)
                    began = time.monotonic()
                case ["reached", frame]:
                    last = int(frame)
                case ["made"]:
                    made = True  # what is left is its commit
                case ["decoded", frames]:
                    decoded = int(frames)
            seconds = time.monotonic() - began
            if not made and asked_after is None and due(last - first, seconds):
                worker.send_signal(signal.SIGTERM)
                asked_after = seconds
    seconds = time.monotonic() - began
    assert worker.returncode == 0, f"the worker ended with {worker.returncode}"
    done.last_advance = done.frames - first
    done.decoded.append(decoded)
    done.seconds.append(seconds if asked_after is None else asked_after)
    done.ending.append(0.0 if asked_after is None else seconds - asked_after)


def _outcomes(log: EventLog) -> list[envelope_pb2.Outcome]:
    if OUTCOMES.name not in log.topics():
        return []
    reader = log.reader([OUTCOMES.name], {})
    try:
        return [decode(delivery.event, envelope_pb2.Outcome) for delivery in reader.poll(100, 0.0)]
    finally:
        reader.close()
