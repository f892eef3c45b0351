"""Work on a long film is saved chapter by chapter, and goes on to the same result."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from celstream_platform.artefacts import directory_url, open_artefact_store
from celstream_platform.eventlog import open_event_log, sqlite_url
from celstream_platform.events import decode, encode
from celstream_platform.footage.limits import Limits
from celstream_platform.footage.probe import fill, probe
from celstream_platform.shutdown import Shutdown
from celstream_platform.stage import Context, Result, Stopping
from celstream_platform.topics import FOOTAGE, OUTCOMES
from celstream_platform.worker import Worker
from celstream_protos.v1 import envelope_pb2, footage_pb2
from celstream_segmenter.rules import SegmentationRules
from celstream_segmenter.stage import SegmenterStage

Rendered = tuple[Path, dict[str, Any]]
RULES = SegmentationRules(chapter_seconds=2.0, min_seconds=0.5, target_seconds=1.0)


def footage_of(path: Path, store: Any) -> footage_pb2.Footage:
    content = store.adopt(path, "video/mp4")
    item = envelope_pb2.ItemHeader(id=content.sha256, version="1", level="footage", footage_id=content.sha256)
    footage = footage_pb2.Footage(item=item, name=path.name, content=content)
    fill(footage, probe(path))
    return footage


def said(result: Result) -> list[bytes]:
    items = [item.message.SerializeToString(deterministic=True) for item in result.items]
    rejections = [rejection.SerializeToString(deterministic=True) for rejection in result.rejections]
    attachments = [ref.SerializeToString(deterministic=True) for ref in result.attachments.values()]
    return [*items, *rejections, *attachments]


def context(load: Callable[[], Sequence[bytes]], save: Callable[[bytes], None]) -> Context:
    return Context(lambda *_: None, lambda: False, load, save)


@pytest.mark.slow
def test_going_on_from_any_checkpoint_gives_what_an_undisturbed_run_gives(rendered: Rendered, tmp_path: Path) -> None:
    store = open_artefact_store(directory_url(tmp_path / "store"))
    footage = footage_of(rendered[0], store)
    stage = SegmenterStage(store, RULES, Limits())
    parts: list[bytes] = []
    counted: list[int] = []
    watched = Context(lambda done, *_: counted.append(done), lambda: False, save_checkpoint=parts.append)
    undisturbed = stage.process(footage, watched)
    assert counted[-1] == rendered[1]["frames"], "every frame is counted, once where one process reads alone"
    assert len(parts) >= 2, "the film has several chapters"
    for saved in range(1, len(parts) + 1):
        later: list[bytes] = []
        resumed = stage.process(footage, context(lambda saved=saved: parts[:saved], later.append))  # type: ignore[misc]
        assert said(resumed) == said(undisturbed)
        assert later == parts[saved:], "only what is new is saved"


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
def test_a_stage_that_is_asked_to_end_saves_the_chapters_at_hand(
    rendered: Rendered, tmp_path: Path, processes: int
) -> None:
    store = open_artefact_store(directory_url(tmp_path / "store"))
    footage = footage_of(rendered[0], store)
    stage = SegmenterStage(store, RULES, Limits(), processes=processes)
    undisturbed = stage.process(footage, context(lambda: (), lambda _: None))
    asked: list[int] = []
    parts: list[bytes] = []
    stopping = Context(
        lambda done, *_: asked.append(done),
        lambda: bool(asked),
        save_checkpoint=parts.append,
        stop_at_once=lambda: False,
    )
    with pytest.raises(Stopping):
        stage.process(footage, stopping)
    assert 1 <= len(parts) <= processes
    resumed = stage.process(footage, context(lambda: parts, lambda _: None))
    assert said(resumed) == said(undisturbed)


@pytest.mark.slow
def test_a_worker_that_is_stopped_at_every_checkpoint_finishes_and_leaves_no_state(
    rendered: Rendered, tmp_path: Path
) -> None:
    store = open_artefact_store(directory_url(tmp_path / "store"))
    log = open_event_log(sqlite_url(tmp_path / "events.sqlite"))
    footage = footage_of(rendered[0], store)
    log.ensure_topics([FOOTAGE])
    log.publish([encode(FOOTAGE.name, footage.item.id, footage, event_id="1", source="test")])
    chapters: list[int] = []

    class Interrupted(SegmenterStage):
        """Asks its own process to stop after each chapter."""

        def process(self, message: Any, context: Context) -> Result:
            def save(state: bytes) -> None:
                context.save_checkpoint(state)
                chapters.append(len(state))
                raise Stopping

            return super().process(message, Context(context.progress, context.stopping, context.load_checkpoint, save))

    stage = Interrupted(store, RULES, Limits())
    consumed = 0
    for _ in range(20):
        consumed += Worker(stage, log, store).run_until_idle(Shutdown()) if not consumed else 0
        if consumed:
            break
    assert consumed == 1
    assert len(chapters) >= 2
    events = [d.event for d in log.reader([OUTCOMES.name], {}).poll(100, 0.0)]
    (outcome,) = [decode(event, envelope_pb2.Outcome) for event in events]
    assert outcome.state == envelope_pb2.OUTCOME_STATE_COMPLETED
    last = {d.event.key: d.event for d in log.reader(["celstream.segmenter.checkpoints"], {}).poll(1000, 0.0)}
    (end,) = [decode(event, envelope_pb2.Checkpoint) for event in last.values()]
    assert not end.HasField("state")
    log.close()
