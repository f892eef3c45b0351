"""What waits in the partitions of a worker that is busy for long is done by an idle one meanwhile, each event once."""

import secrets
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from celstream_platform import topics
from celstream_platform.artefacts import directory_url, open_artefact_store
from celstream_platform.eventlog import open_event_log
from celstream_platform.eventlog.kafka_partitions import partitions
from celstream_platform.shutdown import Shutdown
from celstream_platform.topics import Topic
from celstream_platform.worker import Worker, WorkerSettings

from tests.contracts.long_work import Long, offer, outcomes

PARTITIONS = 4
FILMS = 24
SETTINGS = WorkerSettings(max_events=1, poll_seconds=0.2)
WAIT_SECONDS = 60.0


@pytest.mark.slow
def test_an_idle_worker_does_what_waits_in_the_partitions_of_a_busy_one(kafka_url: str, tmp_path: Path) -> None:
    log, store = open_event_log(kafka_url), open_artefact_store(directory_url(tmp_path))
    topic = Topic(f"{topics.PREFIX}behind-{secrets.token_hex(4)}", partitions=PARTITIONS)
    log.ensure_topics([topic, topics.OUTCOMES])
    group, let_go, ends = f"behind-{secrets.token_hex(4)}", threading.Event(), Shutdown()
    stages = [Long(topic, group, lambda: let_go.wait(2 * WAIT_SECONDS)) for _ in range(2)]
    workers = [Worker(stage, log, store, SETTINGS, member=f"{n}") for n, stage in enumerate(stages)]
    threads = [threading.Thread(target=worker.run, args=(ends,)) for worker in workers]
    names = ["long", *(f"film {number}" for number in range(FILMS))]
    places = dict(zip(names, partitions([name.encode() for name in names], PARTITIONS), strict=True))
    behind = {name for name in names[1:] if places[name] == places["long"]}
    others = set(names[1:]) - behind
    assert behind
    assert len({places[name] for name in others}) == PARTITIONS - 1
    try:
        threads[0].start()
        offer(log, topic.name, "long")
        assert stages[0].begun.wait(WAIT_SECONDS)  # it holds all partitions by now
        threads[1].start()
        for name in names[1:]:
            offer(log, topic.name, name)
        deadline = time.monotonic() + WAIT_SECONDS
        while set(stages[1].worked) != others:
            assert time.monotonic() < deadline, sorted(others - set(stages[1].worked))
            time.sleep(0.05)  # a stage tells nobody else
        assert stages[0].worked == ["long"]
        let_go.set()
        while log.lag(group, [topic.name]):
            assert time.monotonic() < deadline + WAIT_SECONDS
            time.sleep(0.1)
    finally:
        let_go.set()
        ends.request()
        for thread in threads:
            thread.join()
    assert Counter(stages[0].worked + stages[1].worked) == Counter(names)
    assert outcomes(log, group) == Counter(names)
    log.close()
