"""The segmenter behind the worker: footage in, clips and one outcome out."""

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from celstream_platform.artefacts import open_artefact_store
from celstream_platform.eventlog import open_event_log
from celstream_platform.events import decode, encode
from celstream_platform.footage.limits import Limits
from celstream_platform.footage.probe import fill, probe
from celstream_platform.stage import Context
from celstream_platform.topics import CLIPS, FOOTAGE, OUTCOMES, REJECTIONS
from celstream_platform.worker import Worker
from celstream_protos.v1 import clip_pb2, envelope_pb2, footage_pb2
from celstream_segmenter.recipe import ANALYSIS
from celstream_segmenter.rules import SegmentationRules
from celstream_segmenter.stage import SegmenterStage

Rendered = tuple[Path, dict[str, Any]]


def footage_event(path: Path, store: Any) -> footage_pb2.Footage:
    content = store.adopt(path, "video/mp4")
    item = envelope_pb2.ItemHeader(
        id=content.sha256, version="1", level="footage", footage_id=content.sha256, work="film"
    )
    footage = footage_pb2.Footage(item=item, name=path.name, content=content)
    if path.suffix == ".mp4" and path.stat().st_size > 100:
        fill(footage, probe(path))
    return footage


def test_footage_through_the_worker_gives_clips_and_one_outcome_that_lists_them(
    rendered: Rendered, tmp_path: Path
) -> None:
    path, truth = rendered
    store = open_artefact_store(f"file://{tmp_path}/store")
    log = open_event_log(f"sqlite:///{tmp_path}/events.sqlite")
    stage = SegmenterStage(store, SegmentationRules(), Limits())
    log.ensure_topics([FOOTAGE])
    footage = footage_event(path, store)
    log.publish([encode(FOOTAGE.name, footage.item.id, footage, event_id="1", source="test")])
    assert Worker(stage, log, store).run_until_idle() == 1

    reader = log.reader([CLIPS.name, OUTCOMES.name, REJECTIONS.name], {})
    events = [delivery.event for delivery in reader.poll(1000, 0.0)]
    clips = [decode(e, clip_pb2.Clip) for e in events if e.topic == CLIPS.name]
    rejections = [decode(e, envelope_pb2.Rejection) for e in events if e.topic == REJECTIONS.name]
    (outcome,) = [decode(e, envelope_pb2.Outcome) for e in events if e.topic == OUTCOMES.name]
    assert {i.id for i in outcome.items} == {c.item.id for c in clips}
    assert {i.id for i in outcome.rejections} == {r.id for r in rejections}
    assert clips

    analysis_ref = next(a.artefact for a in outcome.attachments if a.name == ANALYSIS)
    analysis = clip_pb2.FootageAnalysis.FromString(store.open(analysis_ref).read())
    assert analysis.frames == truth["frames"]
    kept = sorted(
        [(c.range.start_frame, c.range.end_frame) for c in clips]
        + [(r.range.start_frame, r.range.end_frame) for r in rejections]
    )
    gradual = [t for t in analysis.transitions if t.kind != clip_pb2.TRANSITION_KIND_CUT]
    left_out = {frame for t in gradual for frame in range(t.start_frame, t.end_frame + 1)}
    covered = [frame for start, end in kept for frame in range(start, end)]
    assert sorted(covered) == sorted(set(range(truth["frames"])) - left_out)
    log.close()


def test_a_clip_shows_exactly_its_frames_and_its_stills_are_the_first_and_last(
    rendered: Rendered, tmp_path: Path
) -> None:
    path, _ = rendered
    store = open_artefact_store(f"file://{tmp_path}/store")
    footage = footage_event(path, store)
    stage = SegmenterStage(store, SegmentationRules(), Limits())
    result = stage.process(footage, Context(lambda *_: None, lambda: False))
    with av.open(path) as container:
        source = [frame.to_ndarray() for frame in container.decode(video=0)]
    clip = result.items[0].message
    assert isinstance(clip, clip_pb2.Clip)
    with store.local(clip.video) as file, av.open(str(file)) as container:
        shown = [frame.to_ndarray() for frame in container.decode(video=0)]
    wanted = source[clip.range.start_frame : clip.range.end_frame]
    assert len(shown) == len(wanted)
    assert all(np.array_equal(a, b) for a, b in zip(shown, wanted, strict=True))
    with av.open(path) as container:
        colours = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    for ref, number in ((clip.first_frame, clip.range.start_frame), (clip.last_frame, clip.range.end_frame - 1)):
        with store.local(ref) as file, av.open(str(file)) as container:
            still = next(container.decode(video=0)).to_ndarray(format="rgb24")
        assert np.abs(colours[number].astype(int) - still).mean() < 2  # bilinear chroma here, bicubic there
    assert clip.fps.numerator == 24
    assert clip.fps.denominator == 1


def test_the_same_footage_under_the_same_rules_gives_the_same_ids_versions_and_bytes(
    rendered: Rendered, tmp_path: Path
) -> None:
    path, _ = rendered
    runs = []
    for name in ("a", "b"):
        store = open_artefact_store(f"file://{tmp_path}/{name}")
        stage = SegmenterStage(store, SegmentationRules(), Limits())
        result = stage.process(footage_event(path, store), Context(lambda *_: None, lambda: False))
        runs.append([item.message.SerializeToString(deterministic=True) for item in result.items])
    assert runs[0] == runs[1]


def test_other_rules_are_another_recipe(tmp_path: Path) -> None:
    store = open_artefact_store(f"file://{tmp_path}/store")
    one = SegmenterStage(store, SegmentationRules(), Limits())
    other = SegmenterStage(store, SegmentationRules(min_seconds=0.5), Limits())
    assert one.recipe != other.recipe


def test_rules_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="expected 0 < min <= target <= max"):
        SegmentationRules(min_seconds=6.0)


@pytest.mark.parametrize("content", [b"", b"just a text", b"#EXTM3U\nhttp://127.0.0.1:1/x.ts\n"])
def test_footage_that_cannot_be_read_is_one_rejection_with_its_name(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "holiday.mp4"
    path.write_bytes(content)
    store = open_artefact_store(f"file://{tmp_path}/store")
    log = open_event_log(f"sqlite:///{tmp_path}/events.sqlite")
    log.ensure_topics([FOOTAGE])
    footage = footage_event(path, store)
    log.publish([encode(FOOTAGE.name, footage.item.id, footage, event_id="1", source="test")])
    Worker(SegmenterStage(store, SegmentationRules(), Limits()), log, store).run_until_idle()
    events = [delivery.event for delivery in log.reader([REJECTIONS.name, OUTCOMES.name], {}).poll(100, 0.0)]
    (rejection,) = [decode(e, envelope_pb2.Rejection) for e in events if e.topic == REJECTIONS.name]
    assert rejection.reason == envelope_pb2.REJECTION_REASON_UNREADABLE
    assert rejection.detail.startswith("holiday.mp4: ")
    assert sum(e.topic == OUTCOMES.name for e in events) == 1
    log.close()
