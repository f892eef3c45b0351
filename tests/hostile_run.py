"""A whole `celstream run` over hostile footage: what came of every file, and whom it touched."""

import ctypes
import os
import re
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import imageio_ffmpeg
from celstream.catalog_contents import read_contents
from celstream.contents import FootageContents, rejection_reason
from celstream.folder import DatasetFolder
from celstream.pipeline import open_ports

from tests.end_to_end.command import COMMAND
from tests.hostile_footage import Case, corruptions, film, hostile_footage

IN_OPEN = 0x20
UNCALLED = "127.64.0.1"  # of this machine, and of nobody's server: who calls there has read a playlist
LONGEST_SECONDS = 3600
TIMELESS = 1  # a frame that has lost its time cannot be shown; ffmpeg makes up a time for it
WHOLE_FOOTAGE = ("unreadable", "limit_exceeded")


@dataclass(slots=True)
class Result:
    """What came of one file. frames: as decoded; kept: of them in clips; refusals: complaints about all of it."""

    case: Case
    frames: int = 0
    kept: int = 0
    pieces: int = 0
    refusals: list[str] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    """What is wrong with this result; none where it is as it has to be."""

    @property
    def words(self) -> str:
        """The fate in words."""
        if self.refusals:
            return f"one rejection: {self.refusals[0]}"
        return f"read: {self.kept} of {self.frames} frames in clips, {self.pieces} pieces refused"


@dataclass(slots=True)
class HostileRun:
    """results: of every file; findings: what else is wrong; seconds: of the run."""

    results: list[Result]
    findings: list[str]
    seconds: float


def run_hostile(folder: Path, seeds: Sequence[int], wrapper: Sequence[str] = ()) -> HostileRun:
    """Make the files in `folder`, run the command over all of them, and look at what came of each.

    wrapper: words before the command, such as `strace` and its options.
    """
    secret = film(folder / "secret.mp4")
    with socket.create_server((UNCALLED, 0)) as server, closing(Watch(secret)) as watch:
        server.setblocking(False)
        files = folder / "files"
        files.mkdir()
        cases = hostile_footage(files, secret, f"http://{UNCALLED}:{server.getsockname()[1]}/film.ts")
        cases += corruptions(files, seeds)
        watch.opened()  # nothing before the run counts
        began = time.monotonic()
        names = [f"files/{case.name}" for case in cases]
        done = subprocess.run(
            [*wrapper, *COMMAND, "run", *names, "--out", "dataset", "--json"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
            check=False,
        )
        seconds = time.monotonic() - began
        findings = [] if done.returncode == 2 else [f"exit code {done.returncode}, expected 2: {done.stderr[-2000:]}"]
        if watch.opened():
            findings.append("the file that a playlist names was opened")
        try:
            server.accept()[0].close()
            findings.append("the address that a playlist names was called")
        except BlockingIOError:
            pass  # nobody called
    logs = "".join(log.read_text(errors="replace") for log in (folder / "dataset/.celstream/logs").iterdir())
    findings += [
        f"a traceback in {place}"
        for place, text in (("what it printed", done.stdout + done.stderr), ("a worker's log", logs))
        if "Traceback" in text
    ]
    return HostileRun(_results(cases, folder), findings, seconds)


class Watch:
    """Whether any process has opened a file (inotify)."""

    def __init__(self, path: Path) -> None:
        libc = ctypes.CDLL(None)
        self._descriptor = libc.inotify_init1(os.O_NONBLOCK)
        if libc.inotify_add_watch(self._descriptor, bytes(path), IN_OPEN) < 0:
            raise OSError(f"{path}: cannot be watched")

    def opened(self) -> bool:
        """Whether it was, since this was asked last."""
        try:
            return bool(os.read(self._descriptor, 65536))
        except BlockingIOError:
            return False

    def close(self) -> None:
        """Stop watching."""
        os.close(self._descriptor)


def _results(cases: list[Case], folder: Path) -> list[Result]:
    with open_ports(DatasetFolder(folder / "dataset"), {}) as ports:
        ports.catalog.catch_up()
        dataset = {contents.footage.name: contents for contents in read_contents(ports.catalog, ports.store)}
    return [_result(case, dataset.get(f"files/{case.name}"), folder / "files" / case.name) for case in cases]


def _result(case: Case, contents: FootageContents | None, path: Path) -> Result:
    result = Result(case)
    if contents is None:
        result.findings.append("neither read nor refused")
        return result
    if contents.error:
        result.findings.append(f"parked: {contents.error}")
    whole = [entry for entry in contents.rejections if not entry.HasField("range")]
    result.refusals = [entry.detail for entry in whole]
    if whole:
        if len(contents.rejections) > 1 or contents.clips or rejection_reason(whole[0]) not in WHOLE_FOOTAGE:
            result.findings.append("refused, and not by one rejection alone")
        if "\n" in whole[0].detail or not whole[0].detail.startswith(f"files/{case.name}: "):
            result.findings.append(f"not a line about this file: {whole[0].detail!r}")
        if case.words not in whole[0].detail:
            result.findings.append(f"not said: {case.words}")
        # What is too large, or of a kind that is not taken, is refused although a decoder could read it.
        if case.what.startswith("random") and (frames := frames_by_ffmpeg(path)) > TIMELESS:
            result.findings.append(f"refused, though {frames} frames decode")
    elif contents.analysis is None:
        result.findings.append("no analysis and no refusal")
    else:
        _account(result, contents)
    if case.fate == "refused" and not whole:
        result.findings.append("not refused")
    if case.fate == "kept" and not contents.clips:
        result.findings.append("nothing kept")
    return result


def _account(result: Result, contents: FootageContents) -> None:
    """Every decoded frame is in one clip, or one rejection, or inside a transition."""
    assert contents.analysis is not None
    ranges = [(clip.range.start_frame, clip.range.end_frame) for clip in contents.clips]
    result.kept = sum(end - start for start, end in ranges)
    result.pieces = len(contents.rejections)
    result.frames = contents.analysis.frames
    ranges += [(entry.range.start_frame, entry.range.end_frame) for entry in contents.rejections]
    ranges += [(t.start_frame, t.end_frame + 1) for t in contents.analysis.transitions if t.start_frame < t.end_frame]
    frames = sorted(frame for start, end in ranges for frame in range(start, end))
    if frames != list(range(result.frames)):
        result.findings.append(f"{result.frames} frames decoded, {len(frames)} accounted for")


def frames_by_ffmpeg(path: Path) -> int:
    """How many frames of its video ffmpeg decodes, damage or not."""
    done = subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "quiet", "-i", path, "-map", "0:v:0", "-f", "framemd5", "-"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return len(re.findall(r"^\d", done.stdout, re.MULTILINE))
