"""Segmentation: `celstream run --until clips` beside `scenedetect detect-content split-video`, in one run.

60 s of rendered 1080p H.264 with sound. Both commands as a user types them, in turns, whole process, best of `ROUNDS`.
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import celstream_renderer as renderer
import imageio_ffmpeg

from tests.benchmarks.recording import record

ROUNDS = 3
SECONDS = 60
BIN = Path(sys.executable).parent


def timed(command: list[str], cwd: Path) -> tuple[float, float, int]:
    """(wall seconds, processor seconds, peak MiB of the largest process) of a command that must succeed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment(cwd)
    )
    assert process.stderr
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    if status:
        raise RuntimeError(f"{command}: exit {status}: {errors.decode(errors='replace')[-2000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, processor, usage.ru_maxrss // 1024


def environment(folder: Path) -> dict[str, str]:
    """PySceneDetect calls `ffmpeg` by name: the one of the imageio-ffmpeg wheel."""
    link = folder / "ffmpeg"
    if not link.exists():
        link.symlink_to(imageio_ffmpeg.get_ffmpeg_exe())
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}


def film(folder: Path) -> Path:
    """The footage: drawn at 640x360, scaled up and encoded as films are, with key frames at cuts."""
    small, path = folder / "small.mp4", folder / "film.mp4"
    renderer.render(renderer.random_film(seed=60, seconds=SECONDS, fps=Fraction(24), size=(640, 360)), small)
    scale = ["-vf", "scale=1920:1080", "-c:v", "libx264", "-crf", "20", "-preset", "medium", "-c:a", "copy"]
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", small, *scale, path], check=True)
    return path


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="celstream-bench-") as name:
        folder = Path(name)
        source = film(folder)
        ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y"]
        commands = {
            "celstream run --until clips": [
                str(BIN / "celstream"),
                "run",
                str(source),
                "--out",
                "ours",
                "--until",
                "clips",
                "--json",
            ],
            "celstream shots (transitions alone)": [str(BIN / "celstream"), "shots", str(source)],
            "celstream shots --measure (all analyses)": [str(BIN / "celstream"), "shots", "--measure", str(source)],
            "scenedetect detect-content split-video": [
                *(str(BIN / "scenedetect"), "-q", "-i", str(source), "-o", "theirs", "detect-content", "split-video"),
            ],
            "scenedetect detect-content": [
                str(BIN / "scenedetect"),
                "-q",
                "-i",
                str(source),
                "-o",
                "theirs",
                "detect-content",
            ],
            "ffmpeg -f null (plain decode)": [*ffmpeg, "-i", str(source), "-map", "0:v", "-f", "null", "-"],
        }
        runs: dict[str, list[tuple[float, float, int]]] = {label: [] for label in commands}
        for _ in range(ROUNDS):
            for label, command in commands.items():
                for output in ("ours", "theirs"):
                    shutil.rmtree(folder / output, ignore_errors=True)
                runs[label].append(timed(command, folder))
        best = {label: min(wall for wall, _, _ in values) for label, values in runs.items()}
        ours = best["celstream run --until clips"]
        rows = [
            {
                "command": label,
                "wall seconds (best)": best[label],
                "processor seconds (best)": min(cpu for _, cpu, _ in values),
                "largest process, MiB": max(peak for _, _, peak in values),
                "by `celstream run`": best[label] / ours,
                "by plain decode": best[label] / best["ffmpeg -f null (plain decode)"],
            }
            for label, values in runs.items()
        ]
        record(
            "segmentation",
            f"Footage to clips: {SECONDS} s of 1920x1080 H.264, 24 frames/s",
            rows,
            [f"Best of {ROUNDS} rounds in turns; whole commands, interpreter start included."],
        )


if __name__ == "__main__":
    main()
