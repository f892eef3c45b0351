"""Title cards, credits and other text in the picture.

Lines of text are rows of thin strokes, close together, of one height, on ground that hardly varies. A title card holds
such lines still for the whole clip, large or alone in the picture; credits move them upwards (or downwards) at one
speed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from celstream_segmenter.measured import CameraStep, TextKind

Luma = NDArray[Any]  # height x width uint8; the stubs of cv2 know no closer type

EDGE = 40  # levels across three pixels: the edge of a letter
CONTRAST = 70  # levels between letters and what is right beside them
GAP = 0.04  # of the picture's height: letters and words nearer than this are one line
LOWEST, HIGHEST = 0.025, 0.24  # of the picture's height: lines of text
LEAST_WIDTH = 1.5  # of the line's own height
INK_SHARES = (0.12, 0.75)  # of a line's box covered by the lesser of its two colours
STROKES_PER_HEIGHT = (0.8, 4.5)  # strokes crossed along the line, per line height
EVEN_STROKES = 0.45  # variation of the strokes crossed from row to row, by their mean: letters fill their height
EVEN_GROUND = 10.0  # standard deviation of luma in a thin frame around the line
FRAME = 2  # pixels, of that frame
CREDITS_SPEED = (0.03, 1.2)  # picture heights per second
CREDITS_SIDEWAYS = 0.15  # of the speed
SHOWN = 0.5  # of the frames looked at that must show text
CARD_AREA = 0.02  # of the picture: a title's lines; a fence or a caption in a held scene takes about half of it …
CARD_PLAIN = 0.99  # … and a smaller title has at least so much of the rest to itself
_SQUARE = np.ones((3, 3), np.uint8)


@dataclass(frozen=True, slots=True)
class TextLines:
    """What of a frame is text. lines: how many. area: share 0-1 of the picture in their boxes.

    plain: share 0-1 of the rest of the picture without strokes.
    """

    lines: int
    area: float
    plain: float


def text_lines(luma: Luma) -> TextLines:
    """Find lines of text in a frame's luma (height x width, 0-255; 240 to 480 pixels high serve best)."""
    height, width = luma.shape
    spread = cv2.morphologyEx(luma, cv2.MORPH_GRADIENT, _SQUARE)
    strokes = cv2.threshold(spread, EDGE, 255, cv2.THRESH_BINARY)[1]
    joined = cv2.morphologyEx(strokes, cv2.MORPH_CLOSE, np.ones((1, max(3, round(GAP * height))), np.uint8))
    found = [box for box in _boxes(joined) if _is_line(luma, *box)]
    covered = np.zeros((height, width), np.uint8)
    for left, top, across, down in found:
        covered[top : top + down, left : left + across] = 1
    strokes[covered > 0] = 0
    area = cv2.countNonZero(covered)
    rest = max(1, luma.size - area)
    return TextLines(len(found), area / luma.size, 1.0 - cv2.countNonZero(strokes) / rest)


def _boxes(joined: Luma) -> list[Sequence[int]]:
    """Left, top, width and height of each connected region of a binary picture."""
    outlines, nesting = cv2.findContours(joined, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    if not outlines:
        return []
    return [
        cv2.boundingRect(outline) for outline, (*_, hole_of) in zip(outlines, nesting[0], strict=True) if hole_of < 0
    ]


def _is_line(luma: Luma, left: int, top: int, width: int, height: int) -> bool:
    if not LOWEST * luma.shape[0] <= height <= HIGHEST * luma.shape[0] or width < LEAST_WIDTH * height:
        return False
    box = luma[top : top + height, left : left + width]
    levels = np.sort(box, axis=None)
    dark, light = (int(levels[round(share * (levels.size - 1))]) for share in (0.05, 0.95))
    if light - dark < CONTRAST:
        return False
    ink = box > (dark + light) / 2
    if not INK_SHARES[0] <= min(ink.mean(), 1 - ink.mean()) <= INK_SHARES[1]:
        return False
    middle = ink[round(0.3 * height) : max(round(0.3 * height) + 1, round(0.75 * height))]
    crossed = np.count_nonzero(middle[:, 1:] != middle[:, :-1], axis=1) / 2
    per_height = float(np.mean(crossed)) / (width / height)
    if not STROKES_PER_HEIGHT[0] <= per_height <= STROKES_PER_HEIGHT[1]:
        return False
    if float(np.std(crossed)) > EVEN_STROKES * float(np.mean(crossed)):
        return False
    return _frame_deviation(luma, left, top, width, height) < EVEN_GROUND


def _frame_deviation(luma: Luma, left: int, top: int, width: int, height: int) -> float:
    """Standard deviation of luma in the thin frame around a box."""
    first_row, first_column = max(0, top - FRAME), max(0, left - FRAME)
    outer = luma[first_row : top + height + FRAME, first_column : left + width + FRAME]
    around = np.ones(outer.shape, bool)
    around[top - first_row : top - first_row + height, left - first_column : left - first_column + width] = False
    return float(outer[around].std()) if around.any() else 0.0


def text_kind(found: Sequence[TextLines], steps: Sequence[CameraStep], one_drawing: bool, fps: float) -> TextKind:
    """What a clip's text is. found: of some frames. steps: the camera's, frame by frame, without the first.

    one_drawing: whether the clip holds one drawing throughout.
    """
    if not found:
        return "none"
    showing = sum(item.lines > 0 for item in found) / len(found)
    if steps and showing >= SHOWN and _scrolls(steps, fps):
        return "credits"
    if showing < SHOWN:
        return "none"
    cards = sum(item.area >= CARD_AREA or (item.lines > 0 and item.plain >= CARD_PLAIN) for item in found) / len(found)
    return "title_card" if one_drawing and cards >= SHOWN else "some"


def _scrolls(steps: Sequence[CameraStep], fps: float) -> bool:
    across, down = (np.array([getattr(step, axis) for step in steps]) * fps for axis in ("dx", "dy"))
    speed = float(np.median(down))
    lowest, highest = CREDITS_SPEED
    even = float(np.mean(np.abs(down - speed) <= 0.35 * abs(speed) + 0.005))
    sideways = float(np.median(np.abs(across)))
    return lowest <= abs(speed) <= highest and even >= 0.6 and sideways <= CREDITS_SIDEWAYS * abs(speed)
