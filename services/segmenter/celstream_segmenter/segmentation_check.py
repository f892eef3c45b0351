"""A second look at the shots: two that are one (over-segmentation), and one that is two (under-segmentation).

The first, last and key frames of neighbouring shots, and of one shot among themselves, are compared by their shapes
(what is found again after motion and exposure) and by their vivid colours: a cartoon's figures and places keep their
paints, while its greys, whites and outlines are everybody's. What is doubtful is marked with its reason; nothing is
changed here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from celstream_segmenter.shots import Doubt, Shot
from celstream_segmenter.transition_features import HEIGHT, WIDTH, Sample, is_blank, novelty

KEY_SECONDS = 0.5  # between key frames; a whip pan is over in less, and then its ends are all there is to compare
ONE_SHAPE, ONE_COLOUR = 0.9, 0.9  # from here on two frames beside a cut show one picture; other figures: 0.75 at most
ONE_PLACE = 0.5  # the shape's similarity of the middles of two shots that are one; action goes on between them
OTHER_SHAPE, OTHER_COLOUR = 0.2, 0.65  # below, two frames have neither a picture nor paints in common
AT_ONCE = 0.6  # share of new blocks from one frame to the next, where a cut was missed; a fast pan has less
GREY = 6  # weight of a pixel without colour; a vivid one has 100 and more

_BINS = 8  # of U and of V
_COLUMNS = np.arange(256, dtype=np.uint8) // (256 // _BINS)
_ROWS = _COLUMNS * np.uint8(_BINS)
_NO_COLOUR = np.full((HEIGHT, WIDTH), 128, np.uint8)


def key_frames(shot: Shot, fps: float) -> list[int]:
    """The first frame, the last one, and some between at equal distances of at most KEY_SECONDS."""
    last = shot.end_frame - 1
    count = max(1, int(np.ceil((last - shot.start_frame) / (KEY_SECONDS * fps))))
    return sorted({round(shot.start_frame + (last - shot.start_frame) * step / count) for step in range(count + 1)})


def doubts(shots: Sequence[Shot], picture: Callable[[int], Sample], fps: float) -> list[Doubt]:
    """All doubtful places of a footage, in order.

    shots: in order. picture: any frame of any of them, reduced by transition_features.sample; asked for key frames
    mostly, and for all frames between two key frames that have nothing in common.
    """
    found = [doubt for shot in shots for doubt in _within(shot, picture, fps)]
    for before, after in pairwise(shots):
        if after.opening is not None and after.opening.kind == "cut" and before.end_frame == after.start_frame:
            found += _between(before, after, picture)
    return sorted(found, key=lambda doubt: doubt.frame)


def shape_similarity(first: Sample, second: Sample) -> float:
    """Share 0..1 of the pictures found in one another, after motion and exposure, in the direction that has more."""
    return 1.0 - novelty(first, second).both


def colour_similarity(first: Sample, second: Sample) -> float:
    """Common share 0..1 of two pictures' colours, pixels counted by how vivid they are."""
    return _common(_vivid_colours(first), _vivid_colours(second))


def _common(first: NDArray[Any], second: NDArray[Any]) -> float:
    return float(np.minimum(first, second).sum())


def _vivid_colours(item: Sample) -> NDArray[Any]:
    u, v = (cv2.extractChannel(item.picture, channel) for channel in (1, 2))
    weights = cv2.add(cv2.absdiff(u, _NO_COLOUR), cv2.absdiff(v, _NO_COLOUR), dtype=cv2.CV_64F) + GREY
    bins = cv2.add(cv2.LUT(u, _ROWS), cv2.LUT(v, _COLUMNS))
    colours = np.bincount(bins.ravel(), weights.ravel(), _BINS * _BINS)
    return np.asarray(colours / colours.sum())


def _between(before: Shot, after: Shot, picture: Callable[[int], Sample]) -> list[Doubt]:
    """Doubt about the cut between two shots: their nearest frames, and those in their middles, show one picture."""
    last, first = picture(before.end_frame - 1), picture(after.start_frame)
    colour = colour_similarity(last, first)  # which costs a tenth of what the shape does
    if colour < ONE_COLOUR or is_blank(last) or is_blank(first):
        return []
    shape = shape_similarity(last, first)
    if shape < ONE_SHAPE:
        return []
    middles = [picture((shot.start_frame + shot.end_frame) // 2) for shot in (before, after)]
    if colour_similarity(*middles) < ONE_COLOUR or shape_similarity(*middles) < ONE_PLACE:
        return []
    reason = (
        f"the frames beside the cut at {after.start_frame}, and those in the middles of both shots, show one picture"
    )
    return [Doubt("merge", after.ordinal, after.start_frame, shape, colour, reason)]


def _within(shot: Shot, picture: Callable[[int], Sample], fps: float) -> list[Doubt]:
    """Doubts about one shot: two key frames have nothing in common, and between them all changes at once."""
    found = []
    keys = ((frame, picture(frame)) for frame in key_frames(shot, fps))
    coloured = ((frame, key, _vivid_colours(key)) for frame, key in keys)
    for (first, old, old_colours), (last, new, new_colours) in pairwise(coloured):
        colour = _common(old_colours, new_colours)
        if colour > OTHER_COLOUR:
            continue
        shape = shape_similarity(old, new)
        if shape > OTHER_SHAPE:
            continue
        changes = [novelty(picture(frame - 1), picture(frame)).both for frame in range(first + 1, last + 1)]
        at = int(np.argmax(changes))
        if changes[at] >= AT_ONCE:
            frame = first + 1 + at
            reason = f"frames {first} and {last} have neither shapes nor paints in common, and all changes at {frame}"
            found.append(Doubt("split", shot.ordinal, frame, shape, colour, reason))
    return found
