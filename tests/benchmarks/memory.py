"""Memory: the largest process of `celstream run` on films of hours, as the kernel counts it.

A film of hours is a minute of it after itself, not encoded again. Its first minutes are read, then the run is asked to
end: what depends on the length (where each packet lies) is there from the start, and what a chapter takes is given back
after it. `python -m tests.benchmarks.memory whole` reads a small film of two hours to its end instead.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import celstream_renderer as renderer
import imageio_ffmpeg

from tests.benchmarks import segmentation
from tests.benchmarks.recording import record

FPS = 24
MIB = 1024  # KiB
READ_MINUTES = 2
SHORT, LONG = 2, 12  # hours
CONTAINERS = ("mp4", "mkv")
PCM = "mov with PCM"
OTHERS = {"mp4 in fragments": ("mp4", "-movflags", "frag_keyframe+delay_moov"), PCM: ("mov",)}
"""Containers of which libav would keep the place of every packet, as CONTAINERS: ending, and how they are written."""
MOST = 400  # MiB: what a process may hold
LOW_RATE = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "38", "-g", "48", "-pix_fmt", "yuv420p")


@dataclass(frozen=True, slots=True)
class Film:
    """A film of so many hours in a container; read: minutes of it."""

    once: Path
    size: str
    container: str
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


def looped(once: Path, path: Path, hours: int, options: Sequence[str] = ()) -> Path:
    """A minute of film, again and again, not encoded anew."""
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-stream_loop", str(60 * hours - 1)]
    subprocess.run([*ffmpeg, "-i", once, "-map", "0:v", "-map", "0:a?", "-c", "copy", *options, path], check=True)
    return path


def with_pcm(once: Path, path: Path) -> Path:
    """The same with its sound as PCM of 8 kHz: as many packets as of 48 kHz, a twelfth of the bytes."""
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", once, "-c:v", "copy", "-c:a", "pcm_s16le"]
    subprocess.run([*ffmpeg, "-ar", "8000", "-ac", "1", path], check=True)
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


def growth(peaks: dict[tuple[str, str, int], Peak]) -> list[str]:
    """How much an hour adds in each container, and how long a film of 1080p would reach what a process may hold."""
    said = []
    for container in CONTAINERS:
        small = [peaks["320x180", container, hours].largest for hours in (SHORT, LONG)]
        an_hour = (small[1] - small[0]) / (LONG - SHORT)
        large = peaks["1920x1080", container, LONG].largest
        hours = f"{LONG + (MOST - large) / an_hour:.0f} hours" if an_hour > 0 else "never"
        said.append(
            f"{container}: {an_hour:.2f} MiB an hour, from {SHORT} to {LONG} hours of 320x180; a film of 1080p, "
            f"{large} MiB at {LONG} hours, would reach {MOST} MiB after: {hours} (by calculation)."
        )
    return said


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="celstream-bench-") as name:
        folder = Path(name)
        small, large = folder / "minute.mp4", folder / "large.mp4"
        renderer.render(renderer.random_film(seed=60, seconds=60, fps=Fraction(FPS), size=(320, 180)), small)
        if sys.argv[1:] == ["whole"]:
            films = [Film(small, "320x180", "mp4", SHORT, 60.0 * SHORT)]
        else:
            drawn = folder / "drawn.mp4"
            renderer.render(renderer.random_film(seed=60, seconds=60, fps=Fraction(FPS), size=(640, 360)), drawn)
            ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", drawn, "-vf", "scale=1920:1080", *LOW_RATE]
            subprocess.run([*ffmpeg, "-c:a", "copy", large], check=True)
            films = [
                Film(small, "320x180", kind, hours, READ_MINUTES) for kind in CONTAINERS for hours in (SHORT, LONG)
            ]
            others = dict.fromkeys(OTHERS, small) | {PCM: with_pcm(small, folder / "pcm.mov")}
            films += [Film(once, "320x180", kind, LONG, READ_MINUTES) for kind, once in others.items()]
            films += [Film(large, "1920x1080", kind, LONG, READ_MINUTES) for kind in CONTAINERS]
        peaks = {}
        for number, film in enumerate(films):
            ending, *options = OTHERS.get(film.container, (film.container,))
            path = looped(film.once, folder / f"film-{number}.{ending}", film.hours, options)
            whole = film.read >= 60 * film.hours
            peak = peak_of(path, folder / f"out-{number}", None if whole else round(film.read * 60 * FPS))
            peaks[film.size, film.container, film.hours] = peak
            path.unlink()
        record(
            "memory",
            "Memory of `celstream run` on long films",
            [
                {
                    "footage (a minute, looped)": f"{film.hours} h of {film.size}",
                    "container": film.container,
                    "minutes read": film.read,
                    "largest process, MiB": peak.largest,
                    "all processes, MiB": peak.together,
                }
                for film, peak in zip(films, peaks.values(), strict=True)
            ],
            [
                f"{len(os.sched_getaffinity(0))} processors: as many processes read the film. A process: VmHWM of the "
                "largest one; all: the sum of VmRSS, in which shared libraries count for each.",
                "Where only the first minutes were read, the run was asked to end then.",
                *(growth(peaks) if len(films) > 1 else ()),
            ],
        )


if __name__ == "__main__":
    main()
