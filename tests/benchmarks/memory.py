"""Memory: the largest process of `celstream run` on films of hours, as the kernel counts it.

A film of two hours is a minute of it after itself, not encoded again. Its first minutes are read, then the run is asked
to end: what depends on the length (where each packet lies) is in memory from the start, and what a chapter takes is
given back after it. `python -m tests.benchmarks.memory whole` reads the small film to its end.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import celstream_renderer as renderer
import imageio_ffmpeg

from tests.benchmarks import segmentation
from tests.benchmarks.recording import record

FPS = 24
MIB = 1024  # KiB
READ_MINUTES = 4


@dataclass(frozen=True, slots=True)
class Film:
    """A film of so many hours; read: minutes of it."""

    name: str
    once: Path
    hours: int
    read: float


@dataclass(slots=True)
class Peak:
    """MiB. largest: of one process, at any time. together: of all processes of a run at one time."""

    largest: int = 0
    together: int = 0

    def look(self, root: int) -> None:
        """Take in what the processes below `root` hold now and held at most."""
        resident = 0
        for process in _tree(root):
            try:
                lines = Path(f"/proc/{process}/status").read_text().splitlines()
            except OSError:
                continue  # it has ended
            fields = dict(line.split(":", 1) for line in lines)
            if "VmHWM" in fields:
                self.largest = max(self.largest, int(fields["VmHWM"].split()[0]) // MIB)
                resident += int(fields["VmRSS"].split()[0]) // MIB
        self.together = max(self.together, resident)


def _tree(root: int) -> list[int]:
    """A process and all below it."""
    below: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
            below.setdefault(parent, []).append(int(entry.name))
    found = [root]
    for process in found:
        found += below.get(process, [])
    return found


def looped(once: Path, path: Path, hours: int) -> Path:
    """A minute of film, again and again, not encoded anew."""
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-stream_loop", str(60 * hours - 1)]
    subprocess.run([*ffmpeg, "-i", once, "-map", "0:v", "-map", "0:a?", "-c", "copy", path], check=True)
    return path


def peak_of(footage: Path, out: Path, frames: int | None) -> Peak:
    """Run over a film, or over its first `frames`. Raises RuntimeError where the run fails."""
    command = [str(segmentation.BIN / "celstream"), "run", str(footage), "--out", str(out), "--json"]
    peak = Peak()
    asked = False
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        assert run.stdout
        assert run.stderr
        for line in run.stdout:
            peak.look(run.pid)
            event = json.loads(line)
            if frames is not None and not asked and event["event"] == "progress" and event["done"] >= frames:
                run.send_signal(signal.SIGTERM)
                asked = True
        errors = run.stderr.read()
    if run.returncode != (128 + signal.SIGTERM if asked else 0):
        raise RuntimeError(f"celstream run ended with {run.returncode}: {errors}")
    return peak


def main() -> None:
    whole = sys.argv[1:] == ["whole"]
    with tempfile.TemporaryDirectory(prefix="celstream-bench-") as name:
        folder = Path(name)
        small = folder / "minute.mp4"
        renderer.render(renderer.random_film(seed=60, seconds=60, fps=Fraction(FPS), size=(320, 180)), small)
        large = segmentation.film(folder)
        films = [
            Film("2 h of 320x180", small, 2, 120 if whole else READ_MINUTES),
            Film("6 h of 320x180", small, 6, READ_MINUTES),
            Film("2 h of 1080p", large, 2, READ_MINUTES),
        ]
        rows = []
        for number, film in enumerate(films):
            path = looped(film.once, folder / f"film-{number}.mp4", film.hours)
            peak = peak_of(path, folder / f"out-{number}", round(film.read * 60 * FPS) if film.read < 120 else None)
            path.unlink()
            rows.append(
                {
                    "footage (a minute, looped)": film.name,
                    "minutes read": film.read,
                    "largest process, MiB": peak.largest,
                    "all processes, MiB": peak.together,
                }
            )
        record(
            "memory",
            "Memory of `celstream run` on long films",
            rows,
            [
                f"{len(os.sched_getaffinity(0))} processors: as many processes read the film. A process: VmHWM of the "
                "largest one; all: the sum of VmRSS, in which shared libraries count for each.",
                "Where only the first minutes were read, the run was asked to end then.",
            ],
        )


if __name__ == "__main__":
    main()
