"""The camera's move: what a clip's steps amount to, and the name of it."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from celstream_segmenter.camera_motion import CameraSight
from celstream_segmenter.camera_path import BORDER, camera_path
from celstream_segmenter.measured import CameraKind, CameraMove, CameraStep

# What a clip must show to be named a move; sizes are shares of the picture's height.
LEAST_MOVE = 0.012  # how far the picture, or its border under a zoom or a turn, goes in all
FEW_STEPS = 3  # frames; see `_alone`
FAINT_STEP = 0.0012  # a camera that creeps is seen to move now and then only; no character drawn anew moves so little
LEAST_BROKEN_PAN = 0.08  # as LEAST_MOVE, of a pan that stands every other frame …
STRAIGHT = 0.6  # … and gets so far of the way it goes: a head that bobs comes back
MOVING_SHARE, TRUSTED = 0.25, 0.4  # of the frames, and of the corners in them: a walking character has fewer
STEADY, LAYER_TRUSTED = 0.9, 0.25  # of a zoom or a turn behind lines that stand every other frame: nobody sways so
SMOOTH_REACH = 2  # frames to both sides: a step unlike these is a character's that filled the view
SHAKE_STEP = 0.0012  # mean step of a shaking camera
SHAKE_DETOUR = 3.0  # length of its way by how far it gets
SHAKE_TURNS = 0.3  # of the frames it turns back
SURELY_SEEN, FEWEST_SHAKES = 0.3, 6  # of the corners in a frame, and frames, that tell of it: others are filled in
LEAST_CREEP = 0.02  # as LEAST_MOVE, of a camera too slow to be seen from frame to frame …
CREEP_STRAIGHT = 0.8  # … and gets so far of the way it goes: what moves else goes to and fro
CREEP_KNOWN = 0.6  # of the time that is so seen
CREEP_UNCHANGED = 0.4  # of the frames are like the one before, at most: a camera that creeps changes each a little
CREEP_SPANS = 3  # a shorter time tells nothing
FASTEST_CREEP = 0.0012  # of the picture's height in a frame; a faster camera is seen from frame to frame


def camera_move(steps: Sequence[CameraStep]) -> CameraMove:
    """Sum up the steps of a clip, without the first frame's, which leads into the clip from outside."""
    if not steps:
        return CameraMove("static", 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)
    values = np.array([(step.dx, step.dy, step.zoom, step.turn) for step in steps])
    known = np.array([step.trust > 0 for step in steps])
    if known.any():  # a step that was not found is like those beside it
        places = np.arange(len(steps))
        values = np.stack([np.interp(places, places[known], column[known]) for column in values.T], 1)
    right, down, zoom, turn = (float(v) for v in values.sum(0))
    reach = _reach(values[:, :2])
    lengths = np.hypot(values[:, 0], values[:, 1])
    standing = np.array([step.still for step in steps]) & known
    share = float(known.mean())
    step = float(lengths.mean())

    def named(kind: CameraKind) -> CameraMove:
        return CameraMove(kind, right, down, zoom, turn, step, share)

    if _shakes(values[np.array([step.trust >= SURELY_SEEN for step in steps])]):
        return named("shake")
    step_sizes = np.maximum(lengths, BORDER * np.abs(values[:, 2:]).max(1))
    lasting = _smoothed(np.where(_alone(standing, step_sizes)[:, None], 0.0, values))
    ways = np.vstack([np.zeros(4), np.cumsum(lasting, axis=0)])
    sizes: dict[CameraKind, float] = {
        "pan": float(np.hypot(*np.ptp(ways[:, :2], axis=0))),
        "zoom": BORDER * float(np.ptp(ways[:, 2])),
        "rotate": BORDER * float(np.ptp(ways[:, 3])),
    }
    kind = max(sizes, key=lambda name: sizes[name])
    if sizes[kind] >= LEAST_MOVE:
        return named(kind)
    straight = reach >= max(LEAST_BROKEN_PAN, STRAIGHT * float(lengths.sum()))
    trusts = [step.trust for step in steps if step.trust > 0 and not step.still]
    trust = float(np.median(trusts)) if len(trusts) >= MOVING_SHARE * len(steps) else 0.0
    if straight and trust >= TRUSTED:
        return named("pan")
    got, went = np.abs(values[:, 2:].sum(0)), np.abs(values[:, 2:]).sum(0)
    column = int(got.argmax())
    steady = BORDER * got[column] >= LEAST_CREEP and got[column] >= STEADY * went[column]
    return named(("zoom", "rotate")[column] if steady and trust >= LAYER_TRUSTED else "static")


def with_creep(steps: Sequence[CameraStep], seen: Sequence[tuple[int, CameraSight]]) -> list[CameraStep]:
    """The steps of a clip whose camera seems to stand, of one that moves too slowly to be seen from frame to frame.

    seen: places in `steps`, in order, and what the frame there tells beside that of the place before; the first one's
    is not looked at. The same steps where these tell of no move.
    """
    spans = list(pairwise([place for place, _ in seen]))
    unchanged = sum(step.still and step.trust == 1.0 for step in steps)
    if len(spans) < CREEP_SPANS or unchanged > CREEP_UNCHANGED * len(steps):
        return list(steps)
    path = camera_path([sight for _, sight in seen[1:]])
    sizes = np.array([(step.dx, step.dy, BORDER * step.zoom, BORDER * step.turn) for step in path])
    got, way = np.abs(sizes.sum(0)), np.abs(sizes).sum(0)
    column = int(got.argmax())
    known = np.array([step.trust > 0 for step in path])
    slow = np.abs(sizes).max() <= FASTEST_CREEP * max(end - start for start, end in spans)
    straight = got[column] >= max(LEAST_CREEP, CREEP_STRAIGHT * way[column])
    if not (slow and straight and known.mean() >= CREEP_KNOWN):
        return list(steps)
    creeping = list(steps)
    for (start, end), step in zip(spans, path, strict=True):
        if step.trust > 0:
            creeping[start:end] = [step.part(end - start)] * (end - start)
    return creeping


def _smoothed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Medians over a few frames of each column."""
    width = 2 * SMOOTH_REACH + 1
    if len(values) < width:
        return values
    padded = np.pad(values, ((SMOOTH_REACH, SMOOTH_REACH), (0, 0)), mode="reflect")
    return np.asarray(np.median(np.lib.stride_tricks.sliding_window_view(padded, width, axis=0), axis=2))


def _alone(standing: NDArray[np.bool_], sizes: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which steps belong to a move of a few frames only, with the camera standing before and after it.

    Such a move is a character's, drawn anew, that fills the picture. sizes: of the steps, in picture heights.
    """
    edges = np.flatnonzero(np.diff(np.concatenate(([True], standing, [True]))))
    alone = np.zeros(len(standing), np.bool_)
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        few = end - start <= FEW_STEPS and (start > 0 or end < len(standing))
        alone[start:end] = few and sizes[start:end].mean() >= FAINT_STEP
    return alone


def _reach(shifts: NDArray[np.float64]) -> float:
    """Diagonal of what the middle of the picture goes through."""
    way = np.vstack([np.zeros(2), np.cumsum(shifts, axis=0)])
    return float(np.hypot(*np.ptp(way, axis=0)))


def _shakes(values: NDArray[np.float64]) -> bool:
    """Whether the camera goes to and fro. values: of the steps that are surely the camera's."""
    if len(values) < FEWEST_SHAKES:
        return False
    shifts = values[:, :2]
    lengths = np.hypot(shifts[:, 0], shifts[:, 1])
    if lengths.mean() < SHAKE_STEP or lengths.sum() < SHAKE_DETOUR * _reach(shifts):
        return False
    turns_back = np.sum(shifts[1:] * shifts[:-1], axis=1) < 0
    return float(turns_back.mean()) >= SHAKE_TURNS
