"""Rhythm: what the holds of a clip that are plain to see say of those that are not.

Whoever draws on twos hardly ever shows one drawing for a frame; a faint change right after a plain one is then rather
the second half of it, which the encoder mixed of the two neighbours, and a faint change where a drawing is due is one.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SURE = 6.0  # no change says more (logarithm of the odds): the rhythm may be broken anywhere
TRUST = 0.5  # what the rhythm counts for: a mouth keeps to it for a while only
DOUBT = 8.0  # holds without a rhythm that every clip is taken to have shown: a few that are alike make no rhythm
LONGEST = 8  # frames; longer holds are one class: nobody counts them
ROUNDS = 4  # of telling the rhythm from the holds and the holds from the rhythm; more change next to nothing
SLOWEST, FASTEST = 0.02, 0.9  # drawings per frame, of holds without a rhythm


def drawing_starts(odds: NDArray[np.float64]) -> list[int]:
    """Frames at which drawings begin, of a clip of one frame more than there are odds; the first is 0.

    odds: of each frame but the first, logarithm of the odds that it shows a new drawing, without any rhythm. The
    likeliest series of holds by their lengths and the odds is found by dynamic programming (Viterbi 1967, over holds
    instead of frames), the lengths' shares are counted anew, and so on.
    """
    odds = np.clip(odds, -SURE, SURE)
    starts = [0, *(1 + np.flatnonzero(odds > 0)).tolist()]
    if not len(odds) or float(np.abs(odds).min()) >= SURE:
        return starts
    for _ in range(ROUNDS):
        found = _likeliest(odds.tolist(), _gains(starts, len(odds) + 1))
        if found == starts:
            break
        starts = found
    return starts


def _gains(starts: Sequence[int], frames: int) -> list[float]:
    """What a hold of 1, 2, … LONGEST and of more frames gains (logarithm of odds) over one without a rhythm.

    Without a rhythm each frame is as likely as the next to be new. The first and the last hold may be cut short by the
    clip, and do not count.
    """
    rate = min(max(len(starts) / frames, SLOWEST), FASTEST)
    usual = rate * (1 - rate) ** np.arange(LONGEST + 1)
    usual[LONGEST] = (1 - rate) ** LONGEST
    lengths = np.minimum(np.diff(starts)[1:], LONGEST + 1)
    counts = np.bincount(lengths, minlength=LONGEST + 2)[1:]
    gains: list[float] = (TRUST * np.log((counts / usual + DOUBT) / (counts.sum() + DOUBT))).tolist()
    return gains


def _likeliest(odds: Sequence[float], gains: Sequence[float]) -> list[int]:
    """Starts of the series of holds with the largest sum of the odds of its starts and the gains of its lengths."""
    best, hold_before = [0.0], [0]
    long_before, long_sum = 0, -math.inf
    for frame in range(1, len(odds) + 1):
        most, before = 0.0, 0  # the first hold's length says nothing
        out_of_reach = frame - LONGEST - 1
        if out_of_reach >= 1 and best[out_of_reach] > long_sum:
            long_before, long_sum = out_of_reach, best[out_of_reach]
        if long_sum + gains[LONGEST] > most:
            most, before = long_sum + gains[LONGEST], long_before
        for length in range(1, min(LONGEST, frame - 1) + 1):
            value = best[frame - length] + gains[length - 1]
            if value > most:
                most, before = value, frame - length
        best.append(most + odds[frame - 1])
        hold_before.append(before)
    place = max(range(len(best)), key=best.__getitem__)
    starts = [place]
    while place > 0:
        place = hold_before[place]
        starts.append(place)
    return starts[::-1]
