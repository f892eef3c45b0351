"""Preparing what the services stand on: topics, tables, bucket."""

import secrets
from pathlib import Path

import pytest
from celstream_catalog.prepare import all_topics, main
from celstream_platform.artefacts import open_artefact_store
from celstream_platform.eventlog import open_event_log


def test_preparing_makes_what_is_missing_and_may_be_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events = f"sqlite:///{tmp_path / 'events.sqlite'}"
    monkeypatch.setenv("CELSTREAM_EVENTS", events)
    monkeypatch.setenv("CELSTREAM_DATABASE", f"sqlite:///{tmp_path / 'catalog.sqlite'}")
    assert [main(["topics", "tables"]), main(["topics", "tables"])] == [0, 0]
    event_log = open_event_log(events)
    assert set(event_log.topics()) == {topic.name for topic in all_topics()}
    event_log.close()


def test_every_topic_that_a_stage_needs_is_prepared() -> None:
    names = {topic.name for topic in all_topics()}
    needed = {"celstream.footage", "celstream.clips", "celstream.segmenter.dlq", "celstream.segmenter.checkpoints"}
    assert needed <= names


@pytest.mark.parametrize(("arguments", "word"), [([], "nothing"), (["topic"], "topic: no step"), (["bucket"], "ARTE")])
def test_what_cannot_be_prepared_is_one_line(
    arguments: list[str], word: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CELSTREAM_ARTEFACTS", raising=False)
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert word in said
    assert said.count("\n") == 1


@pytest.mark.slow
def test_a_bucket_that_is_there_is_left_as_it_is(bucket_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELSTREAM_ARTEFACTS", bucket_url)
    content = secrets.token_bytes(16)
    store = open_artefact_store(bucket_url)
    reference = store.put(content, "application/octet-stream")
    assert main(["bucket"]) == 0
    with store.open(reference) as stream:
        assert stream.read() == content
