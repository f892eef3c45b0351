"""Transitions on real footage with labels: collected where REAL_FOOTAGE names its folder."""

import json
from pathlib import Path

import av
import pytest
from celstream_evaluator.transition_score import Count, Labels, score
from celstream_segmenter.small_pictures import small_picture
from celstream_segmenter.transition_finder import TransitionFinder
from celstream_segmenter.transitions import Transition


def found_in(path: Path) -> list[Transition]:
    found: list[Transition] = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "FRAME"
        finder = TransitionFinder(float(stream.average_rate or 24))
        for frame in container.decode(stream):
            picture = small_picture(frame)
            found += finder.push(picture.luma, picture.chroma)
    return found + finder.finish()


@pytest.mark.slow
def test_labelled_cuts_and_gradual_transitions_are_found(real_footage: Path) -> None:
    cuts, gradual = Count(), Count()
    for name, label in json.loads((real_footage / "labels.json").read_text()).items():
        if name == "README":
            continue
        zones = tuple((kind, first, last) for kind, first, last in label["gradual"])
        labels = Labels(tuple(label["cuts"]), zones, tuple(label.get("uncertain", ())))
        of_cuts, of_gradual = score(found_in(real_footage / name), labels)
        cuts.add(of_cuts)
        gradual.add(of_gradual)
    assert cuts.f1 >= 0.97, str(cuts)
    assert gradual.f1 >= 0.80, str(gradual)
