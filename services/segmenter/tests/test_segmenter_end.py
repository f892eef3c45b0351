"""The end of a segmenter: a service that is asked to end finishes what it reads, if it may."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from celstream_platform.artefacts import directory_url
from celstream_platform.artefacts.directory import DirectoryStore
from celstream_platform.eventlog import open_event_log, sqlite_url
from celstream_platform.events import decode, encode
from celstream_platform.footage.probe import fill, probe
from celstream_platform.topics import FOOTAGE, OUTCOMES, PROGRESS
from celstream_protos.v1 import envelope_pb2, footage_pb2

Rendered = tuple[Path, dict[str, Any]]
COMMAND = [sys.executable, "-m", "celstream_segmenter"]


def settings(folder: Path, **more: str) -> dict[str, str]:
    return {
        **os.environ,
        "CELSTREAM_EVENTS": sqlite_url(folder / "events.sqlite"),
        "CELSTREAM_ARTEFACTS": directory_url(folder / "store"),
        "CELSTREAM_GRPC_ADDRESS": "127.0.0.1:0",
        "CELSTREAM_METRICS_ADDRESS": "127.0.0.1:0",
        **more,
    }


@pytest.mark.slow
def test_a_service_that_is_asked_to_end_finishes_the_chapter_at_hand(rendered: Rendered, tmp_path: Path) -> None:
    """The film is one chapter. Time enough to finish it, also on a busy machine."""
    path, _ = rendered
    content = DirectoryStore(tmp_path / "store").adopt(path, "video/mp4")
    item = envelope_pb2.ItemHeader(id=content.sha256, version="1", level="footage", footage_id=content.sha256)
    footage = footage_pb2.Footage(item=item, name=path.name, content=content)
    fill(footage, probe(path))
    log = open_event_log(sqlite_url(tmp_path / "events.sqlite"))
    log.ensure_topics([FOOTAGE, OUTCOMES, PROGRESS])
    log.publish([encode(FOOTAGE.name, item.id, footage, event_id="1", source="test")])
    patient = settings(tmp_path, CELSTREAM_FINISH_SECONDS="300", CELSTREAM_DRAIN_SECONDS="400")
    with subprocess.Popen(COMMAND, env=patient, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as service:
        progress = log.reader([PROGRESS.name], {})
        try:
            while not progress.poll(1, 1.0):
                assert service.poll() is None, "the service ended by itself"
        finally:
            service.send_signal(signal.SIGTERM)
        assert service.wait(timeout=400) == 0
    (done,) = log.reader([OUTCOMES.name], {}).poll(100, 0.0)
    outcome = decode(done.event, envelope_pb2.Outcome)
    assert outcome.state == envelope_pb2.OUTCOME_STATE_COMPLETED
    assert outcome.items
    log.close()


def test_time_to_finish_that_leaves_none_to_close_is_refused_in_one_line(tmp_path: Path) -> None:
    hasty = settings(tmp_path, CELSTREAM_FINISH_SECONDS="25")
    ended = subprocess.run(COMMAND, env=hasty, capture_output=True, text=True)
    assert ended.returncode == 2
    (line,) = ended.stderr.strip().splitlines()
    assert "FINISH_SECONDS 25 leaves no time to save the work before DRAIN_SECONDS 25 are over. Give less." in line
