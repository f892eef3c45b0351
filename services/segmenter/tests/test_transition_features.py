"""What two frames have in common: motion and exposure are no news, another picture is."""

import cv2
import numpy as np
import pytest
from celstream_segmenter.cut_evidence import FEATURES, cut_evidence, quick_evidence
from celstream_segmenter.cut_model import cut_probability
from celstream_segmenter.drawing_window import Window
from celstream_segmenter.transition_features import Sample, is_blank, motion_share, novelty, sample

from tests.transition_pictures import BLACK, HEIGHT, WIDTH, Picture, mixed, picture, shot


def reduced(frame: Picture) -> Sample:
    planes = cv2.cvtColor(frame, cv2.COLOR_BGR2YUV_I420)
    u, v = planes[HEIGHT:].reshape(2, HEIGHT // 2, WIDTH // 2)
    return sample(planes[:HEIGHT], np.dstack((u, v)))


def test_nothing_is_new_in_the_same_frame() -> None:
    item = reduced(shot(1, 1)[0])
    assert novelty(item, item).both == 0


def test_another_picture_is_new_in_both_directions() -> None:
    change = novelty(reduced(shot(1, 1)[0]), reduced(shot(2, 1)[0]))
    assert min(change.gone, change.come) > 0.7


def test_a_camera_move_is_not_new() -> None:
    first, second = shot(1, 2, 4.0)
    change = novelty(reduced(first), reduced(second))
    assert change.both < 0.2
    assert change.still > 0.3


def test_a_darker_exposure_is_not_new() -> None:
    bright = shot(1, 1)[0]
    assert novelty(reduced(bright), reduced(mixed(bright, BLACK, 0.4))).both < 0.15


def test_a_title_on_black_is_all_new() -> None:
    card = BLACK.copy()
    cv2.putText(card, "THE END", (50, 50), 0, 0.5, (255, 255, 255), 1)
    assert novelty(reduced(BLACK), reduced(card)).both > 0.5


def test_bars_of_the_letterbox_do_not_count() -> None:
    pair = []
    for seed in (1, 2):
        frame = shot(seed, 1)[0]
        frame[:20], frame[-20:] = 0, 0
        pair.append(reduced(frame))
    assert novelty(*pair).both > 0.7


def test_motion_explains_a_pan_and_not_a_dissolve() -> None:
    first, second = shot(1, 2, 4.0)
    assert motion_share(reduced(first), reduced(second)) < 0.5
    other = picture(2)[:, :WIDTH]
    assert motion_share(reduced(mixed(first, other, 0.35)), reduced(mixed(first, other, 0.65))) > 0.7


def test_blank_is_a_frame_of_one_colour() -> None:
    assert is_blank(reduced(BLACK))
    assert not is_blank(reduced(shot(1, 1)[0]))


def test_frames_of_another_shape_are_refused_with_the_shape_expected() -> None:
    with pytest.raises(ValueError, match=r"expected \(h, w\) and \(h, w, 2\)"):
        sample(np.zeros((4, 4, 3), np.uint8), np.zeros((2, 2, 2), np.uint8))


def test_a_frame_that_is_no_longer_kept_is_an_error() -> None:
    window = Window(4)
    for frame in shot(1, 6, 1.0):
        window.append(reduced(frame))
    with pytest.raises(IndexError, match="no longer kept"):
        window.sample(0)


def test_the_model_takes_the_evidence_as_it_is() -> None:
    window = Window(100)
    for frame in shot(1, 20) + shot(2, 20):
        window.append(reduced(frame))
    evidence = cut_evidence(window, 20, quick_evidence(window, 20))
    assert evidence.shape == (len(FEATURES),)
    assert cut_probability(evidence) > 0.8
    with pytest.raises(ValueError, match="train it again"):
        cut_probability(evidence[:5])
