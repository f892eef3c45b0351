"""What another threshold of a cut would have found: cuts gained and lost, for a table and for the page's slider."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from celstream_protos.v1.clip_pb2 import FootageAnalysis
from markupsafe import Markup

FACTORS = (0.75, 0.5, 0.25, 1.25, 1.5, 1.75)  # outwards
LEAST_FACTOR = 0.1  # of the threshold: what lies below is motion inside shots, and there is a lot of it
NEAR_FRAMES = 2  # two cuts this near are one
MOST_OTHERS = 400  # of the nearest misses; a page stays light


@dataclass(frozen=True, slots=True)
class Place:
    """A frame that begins a shot, or would at another threshold. change: the detector's measure there."""

    frame: int
    seconds: float
    change: float


@dataclass(frozen=True, slots=True)
class Moved:
    """What a threshold would have changed: how many cuts there would be, which ones gained and which lost."""

    threshold: float
    cuts: int
    gained: Sequence[Place]
    lost: Sequence[Place]


@dataclass(frozen=True, slots=True)
class CutPlaces:
    """Where cuts are and where they nearly are, by the measure of the detector.

    cuts: found by that measure; they would be lost at a higher threshold. others: the nearest misses, which a lower one
    would have found. fixed: how many cuts were found in other ways, whatever the threshold.
    """

    threshold: float
    cuts: Sequence[Place]
    others: Sequence[Place]
    fixed: int

    def at(self, threshold: float) -> Moved:
        """What `threshold` would have changed."""
        gained = [place for place in self.others if place.change >= threshold]
        lost = [place for place in self.cuts if place.change < threshold]
        return Moved(threshold, self.fixed + len(self.cuts) + len(gained) - len(lost), gained, lost)

    def steps(self) -> list[Moved]:
        """Some thresholds around the one that there is; each changes something that those nearer do not."""
        now = self.at(self.threshold)
        below, above = [now], [now]
        for factor in FACTORS:
            side = below if factor < 1 else above
            moved = self.at(self.threshold * factor)
            if (len(moved.gained), len(moved.lost)) != (len(side[-1].gained), len(side[-1].lost)):
                side.append(moved)
        return [*reversed(below), *above[1:]]

    def data(self) -> Markup:
        """For the page's script: threshold, fixed, and frames with milliseconds and ten-thousandths of change."""
        rows = [
            [[p.frame, round(1000 * p.seconds), round(10_000 * p.change)] for p in q] for q in (self.cuts, self.others)
        ]
        content = {"threshold": round(10_000 * self.threshold), "fixed": self.fixed, "cuts": rows[0], "others": rows[1]}
        return Markup(json.dumps(content, separators=(",", ":")))  # noqa: S704 - numbers only


def cut_places(analysis: FootageAnalysis) -> CutPlaces | None:
    """The cuts and near misses of a footage; None where the detector gave no measure or no threshold."""
    change = np.asarray(analysis.change, np.float64)
    threshold = float(analysis.change_threshold)
    if not len(change) or threshold <= 0:
        return None
    per_frame = analysis.duration_seconds / max(analysis.frames, 1)

    def place(frame: int) -> Place:
        return Place(frame, frame * per_frame, float(change[frame]))

    found = [t.frame for t in analysis.transitions if t.start_frame == t.end_frame and t.frame < len(change)]
    measured = [frame for frame in found if change[frame] >= threshold]
    free = change < threshold
    for transition in analysis.transitions:
        free[max(0, transition.start_frame - NEAR_FRAMES) : transition.end_frame + NEAR_FRAMES + 1] = False
    low = LEAST_FACTOR * threshold
    left: list[int] = []
    for frame in sorted(np.flatnonzero(free & (change >= low)).tolist(), key=lambda f: (-change[f], f)):
        if len(left) == MOST_OTHERS:
            break
        if all(abs(frame - other) > NEAR_FRAMES for other in left):
            left.append(frame)
    return CutPlaces(
        threshold, [place(f) for f in measured], [place(f) for f in sorted(left)], len(found) - len(measured)
    )
