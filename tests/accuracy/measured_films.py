"""Rendered films measured as the decoding pass measures them, beside their truth."""

import json
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import celstream_renderer as renderer
import imageio_ffmpeg
import numpy as np
from celstream_segmenter.clip_measurements import ClipMeasurer
from celstream_segmenter.full_picture import FullPictureReader, luma_plane
from celstream_segmenter.measured import ClipMeasurements
from celstream_segmenter.measurements import FrameMeasurements, FrameMeasurer
from celstream_segmenter.rules import SegmentationRules
from celstream_segmenter.small_pictures import small_picture
from numpy.typing import NDArray

from tests.accuracy.held_drawings import held_lumas

PROGRESSIVE = renderer.Delivery()
LEAST_CHANGE = 2.0  # levels; less is the rounding of colours
MARGIN_SHARE = 0.05  # of the picture's height: a body reaches so far beyond its joints


@dataclass(frozen=True, slots=True)
class MeasuredFilm:
    """A file that was decoded once; any range of its frames can be summed up."""

    clips: ClipMeasurer
    frames: FrameMeasurements

    def clip(self, start_frame: int, end_frame: int) -> ClipMeasurements:
        """What is measured over frames [start_frame, end_frame)."""
        rules = SegmentationRules()
        return self.clips.clip(
            start_frame,
            end_frame,
            self.frames.part(start_frame, end_frame),
            black_mean_luma=rules.black_mean_luma,
            black_peak_luma=rules.black_peak_luma,
        )


def measure(path: Path) -> MeasuredFilm:
    """Decode a file and measure every frame."""
    clips, frames = ClipMeasurer(0), FrameMeasurer()
    with av.open(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "FRAME"
        reader = FullPictureReader(Fraction(stream.average_rate or 24))
        for number, frame in enumerate(container.decode(stream)):
            picture = small_picture(frame)
            frames.add(picture.luma)
            full = reader.read(number, frame, *picture.luma.shape[::-1])
            clips.add(float(frame.pts * stream.time_base), picture, full)
    return MeasuredFilm(clips, frames.finish())


def truth_of(path: Path) -> dict[str, Any]:
    """The truth beside a rendered file."""
    truth: dict[str, Any] = json.loads(path.with_suffix(".truth.json").read_text())
    return truth


def render(film: renderer.Film, path: Path, **delivery: Any) -> Path:
    """Render a film once; lossless, unless an encoding is given."""
    renderer.render(film, path, **(delivery or {"codec": "ffv1"}))
    return path


def encoded(
    source: Path, target: Path, crf: int, *filters: str, skip_seconds: float = 0.0, interlaced: bool = False
) -> Path:
    """A film encoded by x264 at that quality, through filters of ffmpeg; the truth goes along where it still holds."""
    chain = ["-vf", ",".join(filters)] if filters else []
    chain += ["-flags", "+ilme+ildct", "-x264-params", "tff=1"] if interlaced else []
    command = [
        *(imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-ss", str(skip_seconds), "-i", str(source), *chain),
        *("-an", "-c:v", "libx264", "-preset", "veryfast", "-threads", "1", "-crf", str(crf), "-pix_fmt", "yuv420p"),
        str(target),
    ]
    subprocess.run(command, check=True)
    if not filters and not skip_seconds:
        target.with_suffix(".truth.json").write_bytes(source.with_suffix(".truth.json").read_bytes())
    return target


def hold_ranges(shot: dict[str, Any], lengths: Sequence[int]) -> list[tuple[int, int]]:
    """Holds of a shot of the truth as ranges of frames, as far as they lie outside transitions."""
    edges = shot["start"] + np.concatenate(([0], np.cumsum(lengths)))
    first, last = shot["clean_start"], shot["clean_end"]
    found = [(max(int(a), first), min(int(b), last)) for a, b in pairwise(edges) if a < last and b > first]
    return [(a, b) for a, b in found if a < b]


def kept_changes(
    path: Path, clean: Path, film: renderer.Film, delivery: renderer.Delivery = PROGRESSIVE
) -> NDArray[np.bool_]:
    """For each frame of an encoded film's file, whether it shows what is new in it; clean: the same without loss.

    It does where, over the pixels that its new drawing changes, the encoded frame is nearer to its own clean frame than
    to that frame with the drawing before (`held_lumas`). A quantiser keeps a faint change back, for a few frames or for
    good. What changes no pixel, as behind a white flash, is not shown.
    """
    kept, before = [], None
    for seen, true, held in zip(lumas(path), lumas(clean), held_lumas(film, delivery), strict=True):
        old = held if held is not None else before
        change = np.zeros_like(true) if old is None else true - old
        change[np.abs(change) < LEAST_CHANGE] = 0.0
        made = 0.0 if old is None else float(np.vdot(seen - old, change))
        kept.append(bool(change.any()) and made >= 0.5 * float(np.vdot(change, change)))
        before = true
    return np.array(kept)


def lumas(path: Path) -> Iterator[NDArray[np.float32]]:
    """The luma of each frame of a file, height x width, 0-255."""
    with av.open(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "FRAME"
        for frame in container.decode(stream):
            yield luma_plane(frame).astype(np.float32)


def seen_lengths(shot: dict[str, Any], size: tuple[int, int], kept: NDArray[np.bool_] | None = None) -> list[int]:
    """Lengths of the holds of a shot, without the drawings that change nothing which the file shows.

    The truth counts a drawing wherever the camera looks in the shot; under a whip pan most of it is out of sight.
    kept: see `kept_changes`, of the whole film; None: encoding is not asked about.
    """
    lengths: list[int] = list(shot["holds"])
    placed = shot["transforms"] is not None and len(shot["drawing_starts"]) == len(lengths)
    merged = lengths[:1]
    at = 0
    for number in range(1, len(lengths)):
        at += lengths[number - 1]
        frame = shot["start"] + at
        passing = any(start <= frame <= end for start, end in shot["passing"])
        in_sight = passing or not placed
        if not in_sight:
            in_sight = _seen(shot, number, np.array(shot["transforms"][at]).reshape(2, 3), size)
        if in_sight and (kept is None or kept[frame]):
            merged.append(lengths[number])
        else:
            merged[-1] += lengths[number]
    return merged


def _seen(shot: dict[str, Any], number: int, transform: np.ndarray[Any, Any], size: tuple[int, int]) -> bool:
    """Whether what changes with a drawing lies in the picture; where only a face does, whether any head does."""
    width, height = size
    margin = MARGIN_SHARE * height
    moved = [c for c in shot["characters"] if c["drawings"][number] != c["drawings"][number - 1]]
    for character in moved or shot["characters"]:
        for drawing in (number - 1, number):
            points = np.array(character["drawings"][drawing]) @ transform[:, :2].T + transform[:, 2]
            low, high = points.min(0) - margin, points.max(0) + margin
            if low[0] < width and high[0] > 0 and low[1] < height and high[1] > 0:
                return True
    return False
