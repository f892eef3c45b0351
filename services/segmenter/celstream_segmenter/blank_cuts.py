"""Cuts to and from nothing, and between cards: where there is too little picture for the evidence of `cut_evidence`.

A blank picture (black, white, one colour) has no blocks that could be found again. What tells a cut from a fade there
is that the change is complete in one frame; what tells it from a flash is that another picture, or a long pause,
follows. Title cards share their ground, so that only the few blocks with text are compared.
"""

from __future__ import annotations

import numpy as np

from celstream_segmenter.cut_evidence import distance
from celstream_segmenter.drawing_window import Window
from celstream_segmenter.transition_features import is_blank, is_card

COMPLETE = 0.6  # share of the change over three frames that happens in one; a fade makes a third of it
COMPLETE_MIXED = 0.9  # share of the change over five frames that happens in two, one of them mixed of both pictures
DIP_FRAMES = 4  # a picture is dimmed or lit for so long at most beside a cut
FLASH_FRAMES = 6  # a blank that is longer is a pause between shots, even where the same picture comes back
SAME = 0.5  # share of new blocks up to which the picture after a blank is the one before it
MIN_STEP = 12.0  # levels, mean of Y, U and V, between two plain colours; the steps of a fade in 8 bit are 8 at most
ENOUGH_NEW = 0.35  # share of the shown blocks that appear or vanish; a sign that pops up on flat ground is less
SAME_MOST = 0.8  # and of the direction in which more is new
SHORT_BLANK = 4  # of a blank so short, the first frame alone is the cut
CARD_HELD = 4  # strides that a card stands still for; drawings on threes move sooner
CARD_STILL, CARD_NEW = (
    0.1,
    0.5,
)  # change of a held card by noise; share of text that must go and come
SURE = 0.85  # probability given to what these rules find


def blank_cut(window: Window, frame: int, stride: int = 1) -> float | None:
    """Probability of a cut before `frame` where one side is blank or both are cards; None where neither is so.

    stride: frames of the footage per frame of about 1/24 s. Needs the 11 strides on either side of the frame.
    """
    old, new = window.sample(frame - 1), window.sample(frame)
    blank_before, blank_after = is_blank(old), is_blank(new)
    if blank_before and blank_after:
        return SURE if _colour_change(window, frame) else 0.0
    if not blank_before and not blank_after:
        return SURE if _card_change(window, frame, stride) else None
    if window.novelty(frame - 1, frame).both < ENOUGH_NEW:
        return None
    complete = _complete(window, frame, 1, blank_before) or _complete(window, frame, 2, blank_before)
    if not complete and not _under_a_dip(window, frame, stride, blank_before):
        return 0.0
    length, far = _blank_run(window, frame, backwards=blank_before)
    if length > FLASH_FRAMES:
        return SURE
    near = frame if blank_before else frame - 1
    change = window.novelty(*sorted((near, far)))
    if change.both < SAME and max(change.gone, change.come) < SAME_MOST:
        return 0.0  # a flash
    if blank_before and length <= SHORT_BLANK and _abrupt_start(window, far + 1):
        return 0.0  # the cut was where the blank began
    return SURE


def _complete(window: Window, frame: int, frames: int, blank_before: bool) -> bool:
    """Whether the change ends (or begins, where the blank comes first) within so many frames."""
    more = 2 if frames == 1 else 3
    if blank_before:
        old = window.sample(frame - 1)
        step, whole = (
            distance(old, window.sample(frame - 1 + frames)),
            distance(old, window.sample(frame + frames - 1 + more)),
        )
    else:
        new = window.sample(frame)
        step, whole = (
            distance(window.sample(frame - frames), new),
            distance(window.sample(frame - frames - more), new),
        )
    return step >= (COMPLETE if frames == 1 else COMPLETE_MIXED) * whole


def _under_a_dip(window: Window, frame: int, stride: int, blank_before: bool) -> bool:
    """Whether the picture beside the blank is held dim, or under a flash, and is all there the next moment."""
    near, step = (frame, stride) if blank_before else (frame - 1, -stride)
    blank = window.sample(frame - 1 if blank_before else frame)
    levels = np.array([distance(blank, window.sample(near + k * step)) for k in range(DIP_FRAMES + 3)])
    whole = levels[-1]
    jump = int(np.argmax(np.diff(levels)))
    dim = levels[: jump + 1]
    return bool(
        levels[jump + 1] - levels[jump] >= 0.5 * whole and dim.min() >= 0.1 * whole and np.ptp(dim) <= 0.1 * whole
    )


def _blank_run(window: Window, frame: int, *, backwards: bool) -> tuple[int, int]:
    """Length of the blank beside the change (at most FLASH_FRAMES + 1), and the first frame beyond it."""
    step = -1 if backwards else 1
    at, length = (frame - 1 if backwards else frame), 0
    while length <= FLASH_FRAMES and 0 <= at < window.length and is_blank(window.sample(at)):
        at += step
        length += 1
    if not 0 <= at < window.length:  # blank to the end of the footage
        return FLASH_FRAMES + 1, at
    return length, at


def _abrupt_start(window: Window, frame: int) -> bool:
    """Whether the blank that begins at `frame` begins at once."""
    new = window.sample(frame)
    return distance(window.sample(frame - 1), new) >= COMPLETE * distance(window.sample(frame - 3), new)


def _colour_change(window: Window, frame: int) -> bool:
    """Whether one plain colour gives way to another at once, and stays away."""
    old, new = window.sample(frame - 1), window.sample(frame)
    step = distance(old, new)
    if step < MIN_STEP:
        return False
    over_five = distance(window.sample(frame - 3), window.sample(frame + 2))
    returns = min(distance(old, window.sample(frame + k)) for k in range(1, FLASH_FRAMES + 1))
    seen = min(distance(new, window.sample(frame - 1 - k)) for k in range(1, FLASH_FRAMES + 1))
    return step >= 0.8 * over_five and min(returns, seen) >= 0.5 * step


def _card_change(window: Window, frame: int, stride: int) -> bool:
    """Whether one held card gives way to another: text goes and text comes, and nothing moves on either side."""
    if not (is_card(window.sample(frame - 1)) and is_card(window.sample(frame))):
        return False
    if window.novelty(frame - 1, frame).still_both < CARD_NEW:
        return False
    held = CARD_HELD * stride
    beside = (
        window.novelty(frame - 1 - held, frame - 1).still,
        window.novelty(frame, frame + held).still,
    )
    return max(beside) < CARD_STILL
