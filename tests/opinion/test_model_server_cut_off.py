"""A model server that goes away in the middle of a question: the footage waits, and is done once, with the answer."""

from pathlib import Path

import msgspec
import pytest
from celstream_platform.artefacts import directory_url, open_artefact_store
from celstream_platform.eventlog import open_event_log, sqlite_url
from celstream_platform.events import decode, encode
from celstream_platform.footage.limits import Limits
from celstream_platform.footage.probe import fill, probe
from celstream_platform.metrics import REGISTRY
from celstream_platform.topics import FOOTAGE, OUTCOMES, REJECTIONS
from celstream_platform.worker import Worker
from celstream_protos.v1 import clip_pb2, envelope_pb2, footage_pb2
from celstream_segmenter.model_opinion import open_opinion
from celstream_segmenter.recipe import ANALYSIS, recipe_of
from celstream_segmenter.rules import SegmentationRules
from celstream_segmenter.stage import SegmenterStage

from tests.cutting_proxy import CuttingProxy

pytestmark = pytest.mark.slow
CUTS = 2
WITHIN_A_QUESTION = 200_000  # bytes: a question has 388,800


def inferences(outcome: str) -> float:
    labels = {"model": "transnetv2", "outcome": outcome}
    return REGISTRY.get_sample_value("celstream_model_inferences_total", labels) or 0.0


def test_footage_waits_for_a_model_server_that_was_cut_off(
    doubtful_film: Path, triton_url: str, tmp_path: Path
) -> None:
    store = open_artefact_store(directory_url(tmp_path / "store"))
    log = open_event_log(sqlite_url(tmp_path / "events.sqlite"))
    log.ensure_topics([FOOTAGE])
    content = store.put(doubtful_film, "video/mp4")
    item = envelope_pb2.ItemHeader(id=content.sha256, version="1", level="footage", footage_id=content.sha256)
    footage = footage_pb2.Footage(item=item, name="film.mp4", content=content)
    fill(footage, probe(doubtful_film))
    log.publish([encode(FOOTAGE.name, footage.item.id, footage, event_id="1", source="test")])
    port = int(triton_url.rpartition(":")[2])
    before = inferences("Unavailable"), inferences("ok")
    with CuttingProxy(port, cuts=CUTS, after_bytes=WITHIN_A_QUESTION, upwards=True) as proxy:
        opinion = open_opinion(f"triton://127.0.0.1:{proxy.port}?shared_memory=off")
        rules = msgspec.structs.replace(SegmentationRules(), second_opinion=opinion.model)
        stage = SegmenterStage(store, rules, Limits(), answering=opinion.answering())
        assert Worker(stage, log, store).run_until_idle() == 1
        assert proxy.cuts_left == 0
        opinion.close()
    assert inferences("Unavailable") > before[0]
    assert inferences("ok") > before[1]
    events = [delivery.event for delivery in log.reader([OUTCOMES.name, REJECTIONS.name], {}).poll(1000, 0.0)]
    (outcome,) = [decode(event, envelope_pb2.Outcome) for event in events if event.topic == OUTCOMES.name]
    assert outcome.recipe == recipe_of(rules) != recipe_of(SegmentationRules())
    assert outcome.state == envelope_pb2.OUTCOME_STATE_COMPLETED
    reference = next(one.artefact for one in outcome.attachments if one.name == ANALYSIS)
    assert len(clip_pb2.FootageAnalysis.FromString(store.open(reference).read()).shots) >= 4
    log.close()
