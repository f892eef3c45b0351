"""The second opinion on doubtful cuts: the process that reads footage asks, a model server's real models answer."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
from celstream_platform.errors import Unavailable
from celstream_platform.footage.limits import Limits
from celstream_platform.metrics import REGISTRY
from celstream_platform.models import onnx_url
from celstream_segmenter.found import ChapterRead, Found
from celstream_segmenter.limited_segmentation import detect_limited
from celstream_segmenter.model_opinion import ModelOpinion, open_opinion
from celstream_segmenter.recipe import recipe_of
from celstream_segmenter.rules import SegmentationRules
from celstream_stack.places import cache
from celstream_stack.ports import free_port
from celstream_stack.transnetv2 import kept

from tests.opinion.conftest import DOUBTFUL
from tests.opinion.models import write_opinion

ALONE = SegmentationRules(chapter_seconds=4.0)
SAME = 1e-4  # two versions of onnxruntime, which may add in another order


def opinion_of(folder: Path, chance: float) -> ModelOpinion:
    return open_opinion(onnx_url(write_opinion(folder / f"says-{chance:g}", chance)))


def rules_of(opinion: ModelOpinion) -> SegmentationRules:
    return msgspec.structs.replace(ALONE, second_opinion=opinion.model)


def found_with(path: Path, opinion: ModelOpinion | None, processes: int = 1) -> list[Found]:
    rules = rules_of(opinion) if opinion else ALONE
    answering = opinion.answering() if opinion else None
    return list(detect_limited(path, path.name, rules, Limits(), processes=processes, answering=answering))


def cuts(found: list[Found]) -> set[int]:
    chapters = [one for one in found if isinstance(one, ChapterRead)]
    return {item.frame for chapter in chapters for item in chapter.transitions if item.kind == "cut"}


def asked() -> float:
    return (
        REGISTRY.get_sample_value("celstream_model_inferences_total", {"model": "transnetv2", "outcome": "ok"}) or 0.0
    )


def test_a_model_decides_on_what_is_doubtful_and_on_nothing_else(doubtful_film: Path, tmp_path: Path) -> None:
    alone = cuts(found_with(doubtful_film, None))
    assert not alone & set(DOUBTFUL)
    assert len(alone) >= 3
    before = asked()
    yes, no = (cuts(found_with(doubtful_film, opinion_of(tmp_path, chance))) for chance in (1.0, 0.0))
    assert yes == alone | set(DOUBTFUL)
    assert no == alone
    assert asked() >= before + 2 * len(DOUBTFUL)


@pytest.mark.slow
def test_two_processes_ask_the_same_as_one(doubtful_film: Path, tmp_path: Path) -> None:
    opinion = opinion_of(tmp_path, 1.0)
    one, two = (cuts(found_with(doubtful_film, opinion, processes)) for processes in (1, 2))
    assert one == two


def test_the_recipe_names_the_model(tmp_path: Path) -> None:
    one, other = (opinion_of(tmp_path, chance) for chance in (0.25, 0.75))
    recipes = {recipe_of(ALONE), *(recipe_of(rules_of(opinion)) for opinion in (one, other))}
    assert len(recipes) == 3
    nobody_asks = msgspec.structs.replace(rules_of(one), detector="content")
    assert recipe_of(nobody_asks) == recipe_of(msgspec.structs.replace(ALONE, detector="content"))


@pytest.mark.slow
def test_a_model_that_is_another_by_now_is_not_asked(doubtful_film: Path, tmp_path: Path) -> None:
    model = opinion_of(tmp_path, 0.25).model
    other = open_opinion(onnx_url(tmp_path / "says-0.25"), msgspec.structs.replace(model, sha256="0" * 64))
    with pytest.raises(Unavailable, match="has another file by now"):
        found_with(doubtful_film, other)


@pytest.mark.slow
def test_a_model_that_went_away_is_no_fault_of_the_footage(doubtful_film: Path, tmp_path: Path) -> None:
    opinion = opinion_of(tmp_path, 0.25)
    (tmp_path / "says-0.25" / "transnetv2" / "config.pbtxt").unlink()
    with pytest.raises(Unavailable, match="transnetv2 version 1 cannot be asked"):
        found_with(doubtful_film, opinion)


def test_rules_with_a_second_opinion_need_somebody_who_answers(doubtful_film: Path, tmp_path: Path) -> None:
    rules = rules_of(opinion_of(tmp_path, 0.25))
    with pytest.raises(ValueError, match="nobody answers"):
        list(detect_limited(doubtful_film, "film.mp4", rules, Limits()))


@pytest.mark.slow
def test_the_real_network_is_asked_through_triton_as_in_the_process(doubtful_film: Path, triton_url: str) -> None:
    both = [open_opinion(url) for url in (onnx_url(kept(cache())), triton_url)]
    assert both[0].model == both[1].model
    found = [[one for one in found_with(doubtful_film, opinion) if isinstance(one, ChapterRead)] for opinion in both]
    for here, there in zip(*found, strict=True):
        ranges = [[(one.kind, one.start_frame, one.end_frame) for one in each.transitions] for each in (here, there)]
        assert ranges[0] == ranges[1]
        np.testing.assert_allclose(here.change, there.change, atol=SAME)
    for opinion in both:
        opinion.close()


@pytest.mark.slow
def test_a_model_server_that_is_away_holds_the_work_up(doubtful_film: Path, tmp_path: Path) -> None:
    model = opinion_of(tmp_path, 0.25).model
    nowhere = f"triton://127.0.0.1:{free_port()}"
    with pytest.raises(Unavailable):
        open_opinion(nowhere)
    with pytest.raises(Unavailable, match="transnetv2 version 1"):
        found_with(doubtful_film, open_opinion(nowhere, model))
