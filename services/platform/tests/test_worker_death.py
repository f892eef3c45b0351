"""An input that takes its worker down ends in the dead-letter topic, however often the process has to be started."""

import subprocess
import sys
from pathlib import Path

from celstream_platform import dead_letters, events, identity, topics
from celstream_platform.artefacts import directory_url
from celstream_platform.eventlog import EventLog, open_event_log, sqlite_url
from celstream_protos.v1 import envelope_pb2, footage_pb2

LONG = 6  # checkpoints of `long`
DEADLY_WORKER = Path(__file__).with_name("deadly_worker.py")
MAX_ATTEMPTS = 2


def test_an_input_that_kills_its_worker_is_parked_and_takes_nobody_with_it(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "events.sqlite")
    log = open_event_log(url)
    log.ensure_topics([topics.FOOTAGE])
    names = ["a", "b", "bad", "c"]
    offer(log, names)
    deaths = deaths_of(url, tmp_path)

    assert deaths == MAX_ATTEMPTS
    (letter,) = dead_letters.pending(log, "deadly")
    assert (letter.event.key, letter.attempts) == ("bad", MAX_ATTEMPTS)
    assert "worker's death" in letter.error
    outcomes = outcomes_of(log)
    log.close()
    assert sorted(outcomes) == names
    assert {name for name, state in outcomes.items() if state == envelope_pb2.OUTCOME_STATE_PARKED} == {"bad"}


def test_an_input_that_gets_on_between_deaths_is_finished_and_one_that_does_not_is_parked(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "events.sqlite")
    log = open_event_log(url)
    offer(log, ["long", "stuck"])
    deaths = deaths_of(url, tmp_path)
    (letter,) = dead_letters.pending(log, "deadly")
    outcomes = outcomes_of(log)
    log.close()
    assert outcomes == {
        "long": envelope_pb2.OUTCOME_STATE_COMPLETED,
        "stuck": envelope_pb2.OUTCOME_STATE_PARKED,
    }
    # The death at the checkpoint itself is the first without progress since.
    assert deaths == LONG + MAX_ATTEMPTS
    assert letter.attempts == MAX_ATTEMPTS


def offer(log: EventLog, names: list[str]) -> None:
    log.ensure_topics([topics.FOOTAGE])
    for name in names:
        header = envelope_pb2.ItemHeader(id=name, version="v1", level="footage", footage_id=name)
        event_id = identity.event_id(name, "v1")
        footage = footage_pb2.Footage(item=header)
        log.publish([events.encode(topics.FOOTAGE.name, name, footage, event_id=event_id, source="test")])


def deaths_of(url: str, folder: Path) -> int:
    """Start the worker until it ends by itself; how often it died."""
    command = [sys.executable, DEADLY_WORKER, url, directory_url(folder / "artefacts"), str(MAX_ATTEMPTS)]
    deaths = 0
    while subprocess.run(command).returncode != 0:
        deaths += 1
    return deaths


def outcomes_of(log: EventLog) -> dict[str, int]:
    reader = log.reader([topics.OUTCOMES.name], {})
    outcomes = [events.decode(delivery.event, envelope_pb2.Outcome) for delivery in reader.poll(100, 1.0)]
    reader.close()
    found = {outcome.input_id: int(outcome.state) for outcome in outcomes}
    assert len(found) == len(outcomes)
    return found
