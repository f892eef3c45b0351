"""A second look at the shots finds those that are one, and the one that is two."""

from collections.abc import Callable
from itertools import pairwise

import cv2
import numpy as np
from celstream_segmenter.segmentation_check import colour_similarity, doubts, key_frames, shape_similarity
from celstream_segmenter.shots import Shot
from celstream_segmenter.transition_features import Sample, sample
from celstream_segmenter.transitions import Transition

from tests.transition_pictures import HEIGHT, WIDTH, Picture, shot


def reduced(frame: Picture) -> Sample:
    planes = cv2.cvtColor(frame, cv2.COLOR_BGR2YUV_I420)
    u, v = planes[HEIGHT:].reshape(2, HEIGHT // 2, WIDTH // 2)
    return sample(planes[:HEIGHT], np.dstack((u, v)))


def reader(frames: list[Picture]) -> Callable[[int], Sample]:
    return lambda frame: reduced(frames[frame])


def cut_into(*bounds: int) -> list[Shot]:
    cuts = [Transition("cut", frame, frame, frame, 0.6) for frame in bounds[1:-1]]
    opening, closing = [None, *cuts], [*cuts, None]
    return [
        Shot(ordinal, start, end, opening[ordinal], closing[ordinal])
        for ordinal, (start, end) in enumerate(pairwise(bounds))
    ]


def test_a_right_segmentation_raises_no_doubt() -> None:
    frames = shot(1, 30, 1.0) + shot(2, 30) + shot(3, 30, 2.0)
    assert doubts(cut_into(0, 30, 60, 90), reader(frames), 24) == []


def test_two_shots_that_show_one_picture_may_be_one() -> None:
    frames = shot(1, 40, 0.5) + shot(2, 30)
    found = doubts(cut_into(0, 20, 40, 70), reader(frames), 24)
    assert [(doubt.kind, doubt.ordinal, doubt.frame) for doubt in found] == [("merge", 1, 20)]
    assert "show one picture" in found[0].reason


def test_a_shot_of_two_pictures_may_be_two() -> None:
    frames = shot(1, 40) + shot(2, 30) + shot(3, 30)
    found = doubts(cut_into(0, 40, 100), reader(frames), 24)
    assert [(doubt.kind, doubt.ordinal, doubt.frame) for doubt in found] == [("split", 1, 70)]


def test_a_pan_over_a_painting_is_one_shot() -> None:
    assert doubts(cut_into(0, 60), reader(shot(1, 60, 2.0)), 24) == []


def test_the_same_figures_in_other_paints_are_no_one_picture() -> None:
    frames = shot(1, 20)
    repainted = [frame[..., [2, 0, 1]].copy() for frame in frames]
    first, second = reduced(frames[0]), reduced(repainted[0])
    assert colour_similarity(first, first) > 0.99
    assert colour_similarity(first, second) < 0.9
    assert doubts(cut_into(0, 20, 40), reader(frames + repainted), 24) == []
    assert shape_similarity(first, first) == 1.0


def test_key_frames_begin_and_end_the_shot() -> None:
    assert key_frames(cut_into(10, 11)[0], 24) == [10]
    frames = key_frames(cut_into(10, 110)[0], 24)
    assert (frames[0], frames[-1]) == (10, 109)
    assert all(after - before <= 13 for before, after in pairwise(frames))
