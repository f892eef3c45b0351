"""How a film is delivered: which film frames each frame of the file shows, and when.

Television and the web seldom deliver a film's frames one by one: fields are interlaced, 24 frames
are pulled down to 30, frames are repeated or blended to reach another rate, repeats are dropped.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

DeliveryKind = Literal["progressive", "interlaced", "telecine", "repeat", "blend", "variable"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """progressive: as drawn. interlaced: two film frames become the two fields of one frame (50 -> 25i).
    telecine: 2-3 pulldown, four film frames become five interlaced frames (24 -> 30i).
    repeat, blend: to the rate `fps` by repeating frames or by mixing neighbours.
    variable: frames equal to the one before are dropped; time stamps tell for how long each is shown.
    """

    kind: DeliveryKind = "progressive"
    fps: Fraction | None = None


@dataclass(frozen=True, slots=True)
class FileFrame:
    """A frame of the file: shows film frame `first`, and where they differ also `second`.

    fields: `first` is the top field, `second` the bottom field. share: of `second` in a blend, 0-1.
    time: in frames of the file's rate (for `variable`: in frames of the film).
    """

    first: int
    second: int
    time: int
    share: float = 0.0
    fields: bool = False


def file_rate(fps: Fraction, delivery: Delivery) -> Fraction:
    """Frames per second of the file. Raises ValueError where the delivery needs a rate and has none."""
    if delivery.kind in ("repeat", "blend"):
        if delivery.fps is None:
            raise ValueError(f"delivery {delivery.kind}: no rate given. Give fps, such as 30.")
        return delivery.fps
    if delivery.kind == "interlaced":
        return fps / 2
    return fps * Fraction(5, 4) if delivery.kind == "telecine" else fps


def file_frames(count: int, fps: Fraction, delivery: Delivery) -> tuple[FileFrame, ...]:
    """The frames of the file for a film of `count` frames (for `variable`: before any is dropped)."""
    last = count - 1
    if delivery.kind in ("progressive", "variable"):
        return tuple(FileFrame(i, i, i) for i in range(count))
    if delivery.kind == "interlaced":
        return tuple(FileFrame(2 * i, min(2 * i + 1, last), i, fields=True) for i in range((count + 1) // 2))
    if delivery.kind == "telecine":
        pattern = ((0, 0), (1, 1), (1, 2), (2, 3), (3, 3))
        frames = []
        for i in range(math.ceil(count * 5 / 4)):
            top, bottom = (min(4 * (i // 5) + step, last) for step in pattern[i % 5])
            frames.append(FileFrame(top, bottom, i, fields=True))
        return tuple(frames)
    rate = file_rate(fps, delivery)
    frames = []
    for i in range(math.ceil(count * rate / fps)):
        place = i * fps / rate
        first = min(math.floor(place), last)
        share = 0.0 if delivery.kind == "repeat" else float(place - first)
        second = min(first + 1, last) if share > 0 else first
        frames.append(FileFrame(first, second, i, share=share if second != first else 0.0))
    return tuple(frames)
