"""What becomes a clip, and what is refused with which measured value."""

from fractions import Fraction

import numpy as np
import pytest
from celstream_segmenter.chapter import Chapter
from celstream_segmenter.clip_measurements import ClipMeasurer
from celstream_segmenter.clip_plan import PlannedClip, Refusal, damaged_ranges, plan
from celstream_segmenter.full_picture import FullPicture
from celstream_segmenter.measurements import FrameMeasurer
from celstream_segmenter.rules import SegmentationRules
from celstream_segmenter.shots import Shot
from celstream_segmenter.small_pictures import SmallPicture
from numpy.typing import NDArray


def analysis_of(
    pictures: list[NDArray[np.uint8]], shots: list[tuple[int, int]], corrupt: frozenset[int] = frozenset()
) -> Chapter:
    measurer, clips = FrameMeasurer(), ClipMeasurer(0)
    chroma = np.full((64, 114, 2), 128, np.uint8)
    for number, picture in enumerate(pictures):
        measurer.add(picture)
        clips.add((number + 100) / 24, SmallPicture(picture, chroma), FullPicture((228, 128)))
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
        clips=clips,
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


def moving(frames: int, step: int = 2) -> list[NDArray[np.uint8]]:
    """A block that goes to and fro before a painting, on twos."""
    painting = drawing(5, level=90)
    pictures = []
    for frame in range(frames):
        picture = painting.copy()
        at = 20 + 7 * abs(frame // step % 20 - 10)
        picture[40:90, at : at + 40] = 220
        pictures.append(picture)
    return pictures


def test_a_hold_longer_than_the_longest_clip_is_refused_as_static_and_the_rest_of_its_shot_is_kept() -> None:
    before, after = moving(72), moving(48)
    held = [before[-1]] * 600
    decisions = plan(analysis_of(before + held + after, [(0, 720)]), SegmentationRules(), [])
    refusals = [d for d in decisions if isinstance(d, Refusal)]
    clips = [d for d in decisions if isinstance(d, PlannedClip)]
    (static,) = refusals
    assert (static.reason, static.threshold) == ("STATIC", 20.0)
    assert static.measured_value == pytest.approx(602 / 24, abs=2 / 24)  # the last drawing before it is the same
    assert [(c.part_ordinal, c.part_count) for c in clips] == [(0, 2), (1, 2)]
    assert (clips[0].start_frame, clips[0].end_frame) == (0, static.start_frame)
    assert (clips[1].start_frame, clips[1].end_frame) == (static.end_frame, 720)


def test_a_pan_over_one_painting_is_split_and_not_static() -> None:
    painting = np.random.default_rng(3).integers(16, 235, (32, 200), np.uint8).repeat(4, 0).repeat(4, 1)
    pictures = [np.ascontiguousarray(painting[:, at : at + 228]) for at in range(550)]
    decisions = plan(analysis_of(pictures, [(0, 550)]), SegmentationRules(), [])
    assert len(decisions) > 1
    assert all(isinstance(decision, PlannedClip) for decision in decisions)


def test_a_long_shot_is_split_between_drawings() -> None:
    decisions = plan(analysis_of(moving(720, step=3), [(0, 720)]), SegmentationRules(), [])
    assert len(decisions) > 2
    assert all(isinstance(decision, PlannedClip) and decision.start_frame % 3 == 0 for decision in decisions)


def test_sound_is_asked_for_only_where_a_shot_is_long_and_then_decides() -> None:
    asked: list[NDArray[np.float64]] = []

    def loudness(seconds: NDArray[np.float64]) -> NDArray[np.float64]:
        asked.append(seconds)
        return np.where((seconds % 5 > 4.8) | (seconds % 5 < 0.3), -70.0, -20.0)

    chapter = analysis_of(moving(200) + moving(720), [(0, 200), (200, 920)])
    decisions = plan(chapter, SegmentationRules(), [], loudness)
    (seconds,) = asked
    assert (seconds[0], seconds[-1]) == (pytest.approx(300 / 24), pytest.approx(1019 / 24))
    starts = [(100 + decision.start_frame) / 24 % 5 for decision in decisions[2:]]
    assert all(start > 4.8 or start < 0.3 for start in starts)
