"""Memory: a film of 2 GB through the artefact store on S3 and the segmenter's service; the largest process of each.

Beside it a film of a seventh of that, so that a reader sees what depends on the size.
"""

import os
import sys
import tempfile
from pathlib import Path

from celstream_stack.places import PASSABLE_FOLDER, cache
from celstream_stack.stack import Stack

from tests.benchmarks.recording import record
from tests.large_films import large_film, segmented, stored
from tests.peak import Peak

MEGABYTES = (300, 2000)
MOST_MIB = 500


def measure(film: Path, store: str, folder: Path) -> dict[str, Peak]:
    """Step -> what its largest process held. The film must not be stored yet."""
    python = sys.executable
    peaks = {"stored as a file": stored(python, "put", store, film)}
    sha256 = peaks["stored as a file"].said.strip()
    peaks["stored as a stream"] = stored(python, "pipe", store, film)
    assert peaks["stored as a stream"].said.strip() == sha256
    peaks["read back, checked"] = stored(python, "get", store, sha256)
    peaks["segmenter"], (outcome,) = segmented(python, store, film, sha256, folder)
    assert len(outcome.items) > 1, outcome
    return peaks


def memory_of(pid: int | None) -> float:
    """The most that a process held so far, MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def main() -> None:
    rows = []
    with tempfile.TemporaryDirectory(prefix="celstream-bench-") as name:
        root = Path(name)
        root.chmod(PASSABLE_FOLDER)
        stack = Stack(root / "stack", cache())
        try:
            variables = stack.up(["minio"])
            os.environ |= {name: value for name, value in variables.items() if name.startswith("AWS_")}
            for megabytes in MEGABYTES:
                folder = root / str(megabytes)
                folder.mkdir()
                film = large_film(folder / "film.mp4", megabytes)
                for step, peak in measure(film, variables["CELSTREAM_ARTEFACTS"], folder).items():
                    rows.append(
                        {
                            "film, MB": film.stat().st_size / 1e6,
                            "step": step,
                            "largest process, MiB": peak.mib,
                            "processor, s": peak.processor_seconds,
                            "wall, s": peak.seconds,
                        }
                    )
                film.unlink()
            server = memory_of(stack.pid("minio"))
        finally:
            stack.remove()
    record(
        "large_files",
        "Memory of the processes that store and segment large films",
        rows,
        [
            "The films: 320x180 in H.264 at a constant 400 Mbit/s, filled up, with AAC; cuts every three seconds.",
            "The segmenter as its service, with one process that decodes, on SQLite and MinIO.",
            f"MinIO itself held {server:.0f} MiB at most.",
            f"Each of our processes has to stay below {MOST_MIB} MiB.",
        ],
    )


if __name__ == "__main__":
    main()
