"""Hints at how a picture is made: flat or textured, outlined or not, how colourful; and whether it may be live action.

They are measured, not judged: which style a work has is said by who offers it. Live action is a suspicion only: its
surfaces are never flat and never still, it has no outlines, and it has fewer vivid colours.
"""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from celstream_segmenter.measured import StyleHints

FLAT_RANGE = 4  # levels between the darkest and the lightest of 3 x 3 pixels: one fill
LINE_DEPTH = 30  # levels by which an outline is darker than both its sides
LINE_PIXELS = 5  # of the small picture: the widest outline
COLOUR_STEP = 16  # levels of U and V that count as one colour
COLOUR_SHARE = 0.005  # of the picture that a colour must cover

# Live action: logistic in the hints below, set by hand between one live-action film and nine cartoon works (2D and 3D).
FLAT_CARTOON, LINES_CARTOON, STILL_CARTOON = 0.35, 0.03, 0.25

Plane = NDArray[Any]


def style_hints(luma: Plane, chroma: Plane) -> StyleHints:
    """Measure one small picture: luma height x width, chroma (height / 2) x (width / 2) x 2, 0-255."""
    square = np.ones((3, 3), np.uint8)
    spread = cv2.morphologyEx(luma, cv2.MORPH_GRADIENT, square)
    reach = np.ones((LINE_PIXELS, LINE_PIXELS), np.uint8)
    lines = cv2.morphologyEx(luma, cv2.MORPH_BLACKHAT, reach)
    away = chroma.astype(np.float32) - 128.0
    cells = (chroma // COLOUR_STEP).astype(np.int32)
    counts = np.bincount((cells[..., 0] * 256 + cells[..., 1]).ravel())
    return StyleHints(
        flat=float(np.mean(spread <= FLAT_RANGE)),
        lines=float(np.mean(lines > LINE_DEPTH)),
        saturation=float(np.hypot(away[..., 0], away[..., 1]).mean() / 128.0),
        colours=float(np.count_nonzero(counts > COLOUR_SHARE * cells[..., 0].size)),
    )


def average_hints(found: Sequence[StyleHints]) -> StyleHints:
    """The mean of the hints of some frames; zeros for none."""
    if not found:
        return StyleHints(0.0, 0.0, 0.0, 0.0)
    rows = np.array([(item.flat, item.lines, item.saturation, item.colours) for item in found])
    return StyleHints(*(float(v) for v in rows.mean(0)))


def live_action_suspicion(hints: StyleHints, still_share: float) -> float:
    """How much a clip looks like live action, 0-1. still_share: of its frames that repeat the drawing before."""
    evidence = (
        2.0 * (1 - hints.flat / FLAT_CARTOON)
        + 1.0 * (1 - hints.lines / LINES_CARTOON)
        + 2.0 * (1 - still_share / STILL_CARTOON)
        - 1.2
    )
    return float(1 / (1 + np.exp(-2.0 * evidence)))
