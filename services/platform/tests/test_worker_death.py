"""An input that takes its worker down ends in the dead-letter topic, however often the process has to be started."""

import subprocess
import sys
from pathlib import Path

from celstream_platform import dead_letters, events, identity, topics
from celstream_platform.artefacts import directory_url
from celstream_platform.eventlog import open_event_log, sqlite_url
from celstream_protos.v1 import envelope_pb2, footage_pb2

DEADLY_WORKER = Path(__file__).with_name("deadly_worker.py")
MAX_ATTEMPTS = 2


def test_an_input_that_kills_its_worker_is_parked_and_takes_nobody_with_it(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "events.sqlite")
    log = open_event_log(url)
    log.ensure_topics([topics.FOOTAGE])
    names = ["a", "b", "bad", "c"]
    for name in names:
        header = envelope_pb2.ItemHeader(id=name, version="v1", level="footage", footage_id=name)
        event_id = identity.event_id(name, "v1")
        footage = footage_pb2.Footage(item=header)
        log.publish([events.encode(topics.FOOTAGE.name, name, footage, event_id=event_id, source="test")])

    command = [sys.executable, DEADLY_WORKER, url, directory_url(tmp_path / "artefacts"), str(MAX_ATTEMPTS)]
    deaths = 0
    while subprocess.run(command).returncode != 0:
        deaths += 1

    assert deaths == MAX_ATTEMPTS
    (letter,) = dead_letters.pending(log, "deadly")
    assert (letter.event.key, letter.attempts) == ("bad", MAX_ATTEMPTS)
    assert "worker's death" in letter.error
    reader = log.reader([topics.OUTCOMES.name], {})
    outcomes = [events.decode(delivery.event, envelope_pb2.Outcome) for delivery in reader.poll(100, 1.0)]
    reader.close()
    log.close()
    assert sorted(outcome.input_id for outcome in outcomes) == names
    assert {o.input_id for o in outcomes if o.state == envelope_pb2.OUTCOME_STATE_PARKED} == {"bad"}
