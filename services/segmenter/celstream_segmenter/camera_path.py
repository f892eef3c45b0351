"""The camera's path: which of the steps that two frames at a time allow the camera really made.

A camera moves smoothly and on every frame; a character jumps from drawing to drawing, sways, comes and goes. So the
path is the series of steps that most of the picture makes and that changes least from frame to frame, found by dynamic
programming (Viterbi 1967). A frame in which only the character moves in sight is passed over.
"""

import math
from collections.abc import Sequence

from celstream_segmenter.camera_motion import LOST, STANDING, CameraSight
from celstream_segmenter.measured import CameraStep

BORDER = 0.6  # from the middle of the picture to the middle of its border, in its heights, about
CHANGE = 0.35  # share of the picture that a change of the step counts for, at most
FREE_CHANGE = 0.0008  # how well steps are known: the border's way, in picture heights
WHOLE_CHANGE = 0.005  # a change that counts in full …
BY_SPEED = 0.35  # … and by how much larger it may be the faster the camera is: a whip pan starts within a few frames
PASSED_OVER = 0.1  # share of the picture that a frame without a step counts against
LONGEST_GAP = 3  # frames passed over at once
MIDDLE_ALONE = 0.9  # what a step counts for that only the middle makes while what is around it stands

Node = tuple[float, float, float, float, float, float]  # score so far, dx, dy, border's way by zoom and turn, speed


def camera_path(sights: Sequence[CameraSight]) -> list[CameraStep]:
    """One step for each sight; where the camera's is not known, its trust is 0."""
    if all(sight.layers == (STANDING,) for sight in sights):
        return [STANDING] * len(sights)
    nodes: list[list[Node]] = []
    before: list[list[tuple[int, int]]] = []
    best, end = -math.inf, (-1, -1)
    for frame, sight in enumerate(sights):
        nodes.append([])
        before.append([])
        for number, layer in enumerate(sight.layers):
            node, link = _joined(layer, _weight(sight, layer), nodes, frame)
            nodes[-1].append(node)
            before[-1].append(link)
            if node[0] + PASSED_OVER * frame > best:
                best, end = node[0] + PASSED_OVER * frame, (frame, number)
    path = [LOST] * len(sights)
    frame, number = end
    while frame >= 0:
        path[frame] = sights[frame].layers[number]
        frame, number = before[frame][number]
    return path


def _weight(sight: CameraSight, layer: CameraStep) -> float:
    return layer.trust * (MIDDLE_ALONE if sight.step.still and not layer.still else 1.0)


def _joined(layer: CameraStep, weight: float, nodes: list[list[Node]], frame: int) -> tuple[Node, tuple[int, int]]:
    """A layer at the end of the best path that leads to it, and the frame and number of the layer before it."""
    dx, dy, zoom, turn = layer.dx, layer.dy, BORDER * layer.zoom, BORDER * layer.turn
    speed = math.hypot(dx, dy)
    score, link = -PASSED_OVER * frame, (-1, -1)
    for gap in range(min(LONGEST_GAP + 1, frame)):
        place = frame - 1 - gap
        passed = PASSED_OVER * gap
        for number, other in enumerate(nodes[place]):
            if other[0] - passed <= score:
                continue
            change = math.hypot(dx - other[1], dy - other[2]) + abs(zoom - other[3]) + abs(turn - other[4])
            whole = WHOLE_CHANGE + BY_SPEED * max(speed, other[5]) - FREE_CHANGE
            share = (change / (1 + gap / 2) - FREE_CHANGE) / whole
            value = other[0] - passed - CHANGE * min(max(share, 0.0), 1.0)
            if value > score:
                score, link = value, (place, number)
    return (score + weight, dx, dy, zoom, turn, speed), link
