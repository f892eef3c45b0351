"""Field matching: undoes interlacing and 3:2 telecine before drawings are compared. The clip stays as the source.

An interlaced frame holds two moments, one in its even lines (top field) and one in its odd lines. Telecine spreads four
frames of film over five such frames: the film's frames are put together again by giving each top field the bottom field
that shows the same moment, its own frame's or that of the frame before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

CYCLE = 5  # frames of the file per four of film
LATE = (2, 3)  # places in the cycle whose top field belongs to the bottom field of the frame before
REPEATED = 2  # place in the cycle whose top field has been shown already
AGREEMENT = 0.85  # of the matches (by weight) that must follow the cycle
LEAST_WEIGHT = 0.02  # levels: a smaller difference is the codec's
ALIKE = 0.15  # of the agreement: phases that fit so nearly as well as the best are told apart by more than it
CYCLE_REACH = 240  # frames before and after a clip that may tell where the cycle stands …
AROUND = 0.5  # … and what their agreement counts for beside the clip's own
NEWS_ENOUGH = 40.0  # levels; a change that is larger says no more
TELLING_SHARE = 0.1  # of the clip's strongest: weaker ones are noise beside them
LEAST_MATCHES = 4  # frames with something moving; fewer say nothing
LINES, LEAST_APART = 36, 10  # so many lines of a frame are looked at, at least so far apart
COMB_STEP, COMB_SAME = 24, 10  # levels: a line differs from both neighbours by more, and these among them by less
LINE_MOVED = 10  # levels by which a line differs from the frame before
COMBED_SHARE = 0.001  # of the samples
OWN_BY_LATE = 0.7  # the comb of a frame by that with the bottom field of the frame before

Plane = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Match:
    """Which bottom field fits a frame's top field better: that of the frame before (late) or its own.

    weight: by how much it fits better than the other, mean absolute luma difference.
    """

    late: bool
    weight: float


def is_woven(luma: Plane, before: Plane) -> bool:
    """Whether a frame's luma (height x width, 0-255) holds two moments, line by line. before: the frame before it.

    Such a frame shows a comb where something moves, and the bottom field of the frame before fits it as well or better:
    in a progressive frame that one makes a comb, whatever thin lines are drawn in it.
    """
    apart = max(LEAST_APART, luma.shape[0] // LINES // 2 * 2)
    height = luma.shape[0] // apart * apart
    above, line, below = luma[0:height:apart], luma[1:height:apart], luma[2:height:apart]
    old_line = before[1:height:apart]
    least = COMBED_SHARE * line.size
    even = cv2.absdiff(line, old_line) > LINE_MOVED
    if int(np.count_nonzero(even)) < least:
        return False
    even &= cv2.absdiff(above, below) < COMB_SAME
    own = _combed(above, line, below, even)
    return own >= least and own >= OWN_BY_LATE * _combed(above, old_line, below, even)


def _combed(above: Plane, line: Plane, below: Plane, even: NDArray[np.bool_]) -> int:
    """How many samples of lines stand out from both neighbours. even: where these are alike."""
    return int(np.count_nonzero(even & (cv2.min(cv2.absdiff(above, line), cv2.absdiff(line, below)) > COMB_STEP)))


def fields(luma: Plane, width: int, height: int) -> tuple[Plane, Plane]:
    """The top and the bottom field of a frame's luma, both shrunk to width x height by averaging."""
    even = luma.shape[0] // 2 * 2
    return (
        cv2.resize(luma[0:even:2], (width, height), interpolation=cv2.INTER_AREA),
        cv2.resize(luma[1:even:2], (width, height), interpolation=cv2.INTER_AREA),
    )


def compared(top: Plane, bottom: Plane, bottom_before: Plane) -> Match:
    """What a frame's fields tell by themselves, each height x width, 0-255; which they are, `FieldMatcher` decides."""
    own = float(cv2.norm(top, bottom, cv2.NORM_L1)) / top.size
    before = float(cv2.norm(top, bottom_before, cv2.NORM_L1)) / top.size
    return Match(before < own, abs(own - before))


def telecine_phase(
    matches: Sequence[Match], news: Sequence[float], start: int = 0, end: int | None = None
) -> int | None:
    """Where in the cycle frame `start` of a footage is, 0-4; None where the matches follow no cycle.

    Frames [start, end) are the clip that is asked about. Where too little moves in it, or several phases fit it about
    as well, as they do on twos and threes, the frames around it tell: the cycle mostly runs on through cuts.
    news: how much each frame, put together, differs from the one before, 0-255; a repeated moment shows nothing new.
    """
    end = len(matches) if end is None else end
    first = max(0, start - CYCLE_REACH)
    around = agreements(matches[first : end + CYCLE_REACH])
    if around is None:
        return None
    around = np.roll(around, start - first)
    own = agreements(matches[start:end])
    if own is None or own.max() < AGREEMENT:
        return int(np.argmax(around)) if around.max() >= AGREEMENT else None
    seen = np.minimum(news[start:end], NEWS_ENOUGH)
    seen[:1] = 0.0  # leads into the clip from outside
    places = np.arange(end - start)
    again = np.array([seen[(places + phase) % CYCLE == REPEATED].sum() for phase in range(CYCLE)])
    fit = own + AROUND * around - again / max(1.0, float(seen.sum()))
    return int(np.argmax(np.where(own >= own.max() - ALIKE, fit, -np.inf)))


def agreements(
    matches: Sequence[Match], *, least_weight: float = LEAST_WEIGHT, telling_share: float = TELLING_SHARE
) -> NDArray[np.float64] | None:
    """Share 0-1 of the matches, by weight, that follow the cycle from each of its phases; None where too few tell.

    least_weight, telling_share: smaller weights do not count, the second by `telling_weight`.
    """
    weights = np.array([match.weight for match in matches])
    late = np.array([match.late for match in matches])
    most = telling_weight(matches)  # cuts outweigh nothing
    weights = np.where(weights < max(least_weight, telling_share * most), 0.0, np.minimum(weights, most))
    if np.count_nonzero(weights) < LEAST_MATCHES or not (late & (weights > 0)).any():
        return None
    places = np.arange(len(matches))
    return np.array(
        [weights[np.isin((places + phase) % CYCLE, LATE) == late].sum() / weights.sum() for phase in range(CYCLE)]
    )


def telling_weight(matches: Sequence[Match]) -> float:
    """The weight of the frames in which the most moves, a cut's apart; 0 where nothing does."""
    weights = np.array([match.weight for match in matches])
    weights = weights[weights >= LEAST_WEIGHT]
    return float(np.percentile(weights, 90)) if len(weights) else 0.0


def repeats(frames: int, phase: int) -> NDArray[np.bool_]:
    """Which frames of a clip only repeat the moment of the frame before; phase: see `telecine_phase`."""
    return np.asarray((np.arange(frames) + phase) % CYCLE == REPEATED)


def film_lengths(starts: Sequence[int], frames: int, phase: int) -> list[int]:
    """How many frames of film each drawing is shown for; starts: frames of the clip where drawings begin."""
    shown = np.concatenate(([0], np.cumsum(~repeats(frames, phase))))
    edges = shown[np.append(np.asarray(starts, int), frames)]
    return [max(1, int(length)) for length in np.diff(edges)]
