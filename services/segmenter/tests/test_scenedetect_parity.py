"""`--detector content` and `adaptive` cut where PySceneDetect's own command cuts."""

from pathlib import Path
from typing import Any

import pytest
from celstream_segmenter.analysis import DecodingPass
from celstream_segmenter.chapter import Chapter
from celstream_segmenter.packet_index import index_footage
from celstream_segmenter.rules import DetectorName, SegmentationRules
from scenedetect import AdaptiveDetector, ContentDetector, detect

THEIRS: dict[DetectorName, type[Any]] = {"content": ContentDetector, "adaptive": AdaptiveDetector}


def cuts(path: Path, detector: DetectorName) -> list[int]:
    decoding = DecodingPass(path, SegmentationRules(detector=detector), index_footage(path))
    (chapter,) = [step for step in decoding.steps() if isinstance(step, Chapter)]
    return [transition.frame for transition in chapter.transitions]


def their_cuts(path: Path, detector: DetectorName) -> list[int]:
    return [start.frame_num for start, _ in detect(str(path), THEIRS[detector]())][1:]


@pytest.mark.parametrize("detector", ["content", "adaptive"])
def test_cuts_of_rendered_footage_are_the_same(detector: DetectorName, rendered: tuple[Path, dict[str, Any]]) -> None:
    found = cuts(rendered[0], detector)
    assert found
    assert found == their_cuts(rendered[0], detector)


@pytest.mark.slow
@pytest.mark.parametrize("detector", ["content", "adaptive"])
def test_cuts_of_real_footage_are_the_same(detector: DetectorName, real_video: Path) -> None:
    if "av1" not in real_video.name:  # OpenCV, through which PySceneDetect reads, shows no frame of AV1
        assert cuts(real_video, detector) == their_cuts(real_video, detector)
