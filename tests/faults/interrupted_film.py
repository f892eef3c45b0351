"""A long film under a worker that is asked to end again and again: how much of the work is done twice."""

import random
import signal
import subprocess
import sys
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


@dataclass(slots=True)
class Interrupted:
    """frames: of the film. decoded: in all attempts, in thousands of frames too. outcomes: of the film."""

    frames: int
    decoded: list[int] = field(default_factory=list)
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
    film: Path, folder: Path, *, chapter_seconds: float, frames_between: tuple[int, int], processes: int, seed: int
) -> Interrupted:
    """Let a worker segment a film, with a SIGTERM whenever it has decoded so many frames more (from, to: at random).

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
    dice = random.Random(seed)
    command = [sys.executable, WORKER, events, artefacts, str(chapter_seconds), str(processes)]
    while not done.outcomes:
        done.decoded.append(_attempt(command, dice.randint(*frames_between)))
        done.outcomes = _outcomes(log)
        assert len(done.decoded) < 3 * done.frames / frames_between[0], f"no end after {done.decoded}"
    log.close()
    return done


def _attempt(command: list[str | Path], frames: int) -> int:
    """Start a worker and ask it to end after so many frames; how many it has decoded."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        first = last = 0
        made = asked = False
        for line in worker.stdout:
            match line.split():
                case ["began", frame]:
                    first = last = int(frame)
                case ["decoded", frame]:
                    last = int(frame)
                case ["made"]:
                    made = True  # what is left is its commit
            if not made and not asked and last - first >= frames:
                worker.send_signal(signal.SIGTERM)
                asked = True
    assert worker.returncode == 0, f"the worker ended with {worker.returncode}"
    return last - first


def _outcomes(log: EventLog) -> list[envelope_pb2.Outcome]:
    if OUTCOMES.name not in log.topics():
        return []
    reader = log.reader([OUTCOMES.name], {})
    try:
        return [decode(delivery.event, envelope_pb2.Outcome) for delivery in reader.poll(100, 0.0)]
    finally:
        reader.close()
