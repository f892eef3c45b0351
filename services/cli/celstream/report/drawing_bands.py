"""How a film is drawn and shot: its cadence and its camera's moves, summed up and as bands along time."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import atan2, pi

import numpy as np
from celstream_protos.v1 import clip_pb2
from markupsafe import Markup, escape
from numpy.typing import NDArray

from celstream.contents import FootageContents, duration_seconds
from celstream.report.svg import WIDTH, svg
from celstream.report.words import clock

CADENCES = ("ones", "twos", "threes", "longer")
CADENCE_WORDS = {"ones": "on ones", "twos": "on twos", "threes": "on threes", "longer": "held longer"}
MOSTLY = 0.6  # share of a clip's frames from which it is said to be drawn in one way
BAND_BINS = 400  # more is not seen on a page of 1,100 px, and 250 on a phone
ARROWS = "→↘↓↙←↖↑↗"
MOVES = {
    clip_pb2.CAMERA_MOVE_KIND_PAN: "pan",
    clip_pb2.CAMERA_MOVE_KIND_ZOOM: "zoom",
    clip_pb2.CAMERA_MOVE_KIND_ROTATE: "turn",
    clip_pb2.CAMERA_MOVE_KIND_SHAKE: "shake",
    clip_pb2.CAMERA_MOVE_KIND_STATIC: "stands",
}
FILM_SHARE = 4 / 5  # telecine spreads four frames of film over five


@dataclass(frozen=True, slots=True)
class Share:
    """One part of a whole. css: its class; share: 0 to 1; clips: how many it is of, where that is counted."""

    css: str
    words: str
    share: float
    clips: int = 0


def measured_clips(contents: FootageContents) -> list[clip_pb2.Clip]:
    """The clips whose drawings were measured."""
    return [clip for clip in contents.clips if clip.measurements.cadence.hold_frames]


def hold_lengths(clip: clip_pb2.Clip) -> NDArray[np.int64]:
    """For how long each drawing is held: frames, of the film where the clip is telecined."""
    lengths = np.array(clip.measurements.cadence.hold_frames, np.int64)
    if clip.measurements.scan == clip_pb2.SCAN_TELECINED:
        lengths = np.maximum(np.rint(lengths * FILM_SHARE), 1).astype(np.int64)
    return lengths


def cadence_shares(contents: FootageContents) -> list[Share]:
    """Shares of the clips' frames by how long their drawing is held; empty where nothing was measured."""
    clips = measured_clips(contents)
    frames = [clip.range.end_frame - clip.range.start_frame for clip in clips]
    total = sum(frames)
    return [
        Share(
            name,
            CADENCE_WORDS[name],
            sum(getattr(clip.measurements.cadence, name) * count for clip, count in zip(clips, frames, strict=True))
            / total,
        )
        for name in CADENCES
        if total
    ]


def camera_shares(contents: FootageContents) -> list[Share]:
    """Shares of the clips' time by what the camera does, with the number of clips; empty where nothing was measured."""
    seconds: dict[str, float] = defaultdict(float)
    counts: dict[str, int] = defaultdict(int)
    for clip in contents.clips:
        name = MOVES.get(clip.measurements.camera.kind)
        if name is not None:
            seconds[name] += duration_seconds(clip.range)
            counts[name] += 1
    total = sum(seconds.values())
    return [Share(name, name, seconds[name] / total, counts[name]) for name in MOVES.values() if seconds[name]]


def cadence_words(clip: clip_pb2.Clip) -> str:
    """How a clip is drawn: `on twos`, `held longer`, `mixed`; empty where it was not measured."""
    cadence = clip.measurements.cadence
    if not cadence.hold_frames:
        return ""
    name = max(CADENCES, key=lambda name: float(getattr(cadence, name)))
    return CADENCE_WORDS[name] if getattr(cadence, name) >= MOSTLY else "mixed"


def camera_words(clip: clip_pb2.Clip) -> str:
    """What the camera does: `pan →` (where it looks next), `zoom in`, `turn ↻`, `shake`; empty where it stands."""
    camera = clip.measurements.camera
    name = MOVES.get(camera.kind, "stands")
    if name == "pan":  # the picture goes the other way
        return f"pan {ARROWS[round(atan2(-camera.down, -camera.right) / (pi / 4)) % 8]}"
    if name == "zoom":
        return "zoom in" if camera.zoom > 0 else "zoom out"
    if name == "turn":
        return "turn ↺" if camera.turn > 0 else "turn ↻"
    return "" if name == "stands" else name


def cadence_band(contents: FootageContents, first: int, last: int) -> Markup:
    """The frames [first, last) by how long their drawing is held; empty where nothing was measured."""
    held = np.zeros(max(last - first, 0), np.int64)
    for clip in measured_clips(contents):
        start, end = clip.range.start_frame, clip.range.end_frame
        if end <= first or start >= last:
            continue
        raw = np.array(clip.measurements.cadence.hold_frames, np.int64)
        classes = np.repeat(np.minimum(hold_lengths(clip), len(CADENCES)), raw)
        wanted = slice(max(first - start, 0), min(last, end) - start)
        part = classes[wanted]
        place = max(start - first, 0)
        held[place : place + len(part)] = part
    if not held.any():
        return Markup("")
    body = "".join(
        f'<path class="{name}" d="{_boxes(_pooled(held), number)}"/>' for number, name in enumerate(CADENCES, 1)
    )
    return svg(10, body, "How long drawings are held along the film", "cadence")


def camera_band(contents: FootageContents, first: int, last: int) -> Markup:
    """The camera's moves in the frames [first, last), a box a clip; empty where it never moves."""
    scale = WIDTH / max(last - first, 1)
    body = []
    for clip in contents.clips:
        words, frames = camera_words(clip), clip.range
        if not words or frames.end_frame <= first or frames.start_frame >= last:
            continue
        x = (max(frames.start_frame, first) - first) * scale
        width = (min(frames.end_frame, last) - first) * scale - x
        name = MOVES[clip.measurements.camera.kind]
        at = clock(frames.start_ticks * frames.time_base.numerator / max(frames.time_base.denominator, 1))
        body.append(
            f'<rect class="{name}" x="{x:.1f}" y="0" width="{width:.1f}" height="10">'
            f"<title>{escape(words)} at {at}</title></rect>"
        )
    return svg(10, "".join(body), "Camera moves along the film", "camera") if body else Markup("")


def _pooled(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """The most frequent value of each of BAND_BINS stretches."""
    if len(values) <= BAND_BINS:
        return values
    edges = np.linspace(0, len(values), BAND_BINS + 1).astype(int)
    bins = np.repeat(np.arange(BAND_BINS), np.diff(edges))
    counts = np.zeros((BAND_BINS, len(CADENCES) + 1), np.int64)
    np.add.at(counts, (bins, values), 1)
    return np.asarray(counts.argmax(axis=1), np.int64)


def _boxes(values: NDArray[np.int64], wanted: int) -> str:
    """The runs of one value as boxes of a path."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], (values == wanted).view(np.int8), [0]))))
    scale = WIDTH / len(values)
    runs: Sequence[tuple[int, int]] = [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]
    return "".join(f"M{a * scale:.4g} 0h{(b - a) * scale:.3g}v10h-{(b - a) * scale:.3g}z" for a, b in runs)
