"""What becomes a clip, and what is refused with which measured value."""

from fractions import Fraction

import numpy as np
import pytest
from celstream_segmenter.analysis import Chapter
from celstream_segmenter.clip_measurements import ClipMeasurer
from celstream_segmenter.clip_plan import PlannedClip, Refusal, damaged_ranges, plan
from celstream_segmenter.measurements import FrameMeasurer
from celstream_segmenter.rules import SegmentationRules
from celstream_segmenter.shots import Shot
from numpy.typing import NDArray


def analysis_of(
    pictures: list[NDArray[np.uint8]], shots: list[tuple[int, int]], corrupt: frozenset[int] = frozenset()
) -> Chapter:
    measurer = FrameMeasurer()
    for picture in pictures:
        measurer.add(picture)
    count = len(pictures)
    return Chapter(
        first_frame=0,
        time_base=Fraction(1, 24),
        ticks=np.arange(count, dtype=np.int64) + 100,
        end_ticks=count + 100,
        corrupt=np.array([i in corrupt for i in range(count)]),
        transitions=[],
        shots=[Shot(i, a, b, None, None) for i, (a, b) in enumerate(shots)],
        measurements=measurer.finish(),
        change=[0.0] * count,
        change_threshold=0.1,
        clips=ClipMeasurer(0),
    )


def drawing(seed: int, level: int = 200) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(16, level, (128, 228), np.uint8)


def black(noise: int = 3) -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(16, 16 + noise, (128, 228), np.uint8)


def test_a_shot_of_a_second_is_kept_and_one_frame_less_is_not() -> None:
    pictures = [drawing(0)] * 47
    decisions = plan(analysis_of(pictures, [(0, 24), (24, 47)]), SegmentationRules(), [])
    assert decisions[0] == PlannedClip(0, 24, 0, 0, 1)
    refusal = decisions[1]
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "TOO_SHORT"
    assert refusal.measured_value == pytest.approx(23 / 24)
    assert refusal.threshold == 1.0


def test_black_is_refused_and_a_title_on_black_is_not() -> None:
    title = black()
    title[60:70, 100:130] = 220
    pictures = [black()] * 30 + [title] * 30
    decisions = plan(analysis_of(pictures, [(0, 30), (30, 60)]), SegmentationRules(), [])
    assert isinstance(decisions[0], Refusal)
    assert decisions[0].reason == "BLACK"
    assert isinstance(decisions[1], PlannedClip)


def test_one_colour_is_refused_and_a_dim_night_is_not() -> None:
    white = np.full((128, 228), 235, np.uint8)
    pictures = [white] * 30 + [drawing(3, level=60)] * 30
    decisions = plan(analysis_of(pictures, [(0, 30), (30, 60)]), SegmentationRules(), [])
    assert [type(d) for d in decisions] == [Refusal, PlannedClip]
    assert isinstance(decisions[0], Refusal)
    assert (decisions[0].reason, decisions[0].measured_value) == ("PLAIN", 0.0)


def test_damage_is_cut_out_and_what_is_whole_is_kept() -> None:
    pictures = [drawing(0)] * 100
    analysis = analysis_of(pictures, [(0, 100)], corrupt=frozenset({40, 41}))
    damaged = damaged_ranges(analysis, [(41, 50)])
    assert damaged == [(40, 50)]
    decisions = plan(analysis, SegmentationRules(), damaged)
    assert [(d.start_frame, d.end_frame, type(d)) for d in sorted(decisions, key=lambda d: d.start_frame)] == [
        (0, 40, PlannedClip),
        (40, 50, Refusal),
        (50, 100, PlannedClip),
    ]


def test_every_frame_of_a_shot_is_either_kept_or_refused() -> None:
    pictures = [drawing(i % 3) for i in range(700)]
    analysis = analysis_of(pictures, [(0, 600), (600, 610), (610, 700)])
    decisions = plan(analysis, SegmentationRules(), [(20, 30)])
    frames = sorted(frame for d in decisions for frame in range(d.start_frame, d.end_frame))
    assert frames == list(range(700))
