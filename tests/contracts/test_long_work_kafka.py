"""An event that takes far longer than Kafka lets a consumer be silent: its worker keeps it, and commits it once.

In earnest a film takes 12 minutes and more: 72 times as long as a session lasts (SESSION_SECONDS, 10 s), and 12 times
as long as the members wait for each other when the group changes (REBALANCE_SECONDS, 60 s: max.poll.interval.ms).
Here the work is as many of the latter, and they are shorter; a session is as short as a broker allows.
"""

import secrets
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from celstream_platform import topics
from celstream_platform.artefacts import directory_url, open_artefact_store
from celstream_platform.eventlog import open_event_log
from celstream_platform.eventlog.kafka_connection import REBALANCE_SECONDS
from celstream_platform.shutdown import Shutdown
from celstream_platform.topics import Topic
from celstream_platform.worker import Worker, WorkerSettings

from tests.contracts.long_work import Long, offer, outcomes

REAL_WORK_SECONDS = 12 * 60.0
SESSION_SECONDS = 6.0
SHORT_REBALANCE_SECONDS = 2.0
WORK_SECONDS = REAL_WORK_SECONDS * SHORT_REBALANCE_SECONDS / REBALANCE_SECONDS
SETTINGS = WorkerSettings(max_events=1, poll_seconds=0.2, lag_seconds=3600.0)
FILMS = 8  # for each visitor; some are on the partition of the long one, and wait
VISITS = 2  # at least, while the long one is worked on
MOST_SECONDS = 300.0  # for them


@pytest.mark.slow
def test_work_of_twelve_minutes_keeps_its_partition_and_commits_once(kafka_url: str, tmp_path: Path) -> None:
    settings = f"session_seconds={SESSION_SECONDS}&rebalance_seconds={SHORT_REBALANCE_SECONDS}"
    url = f"{kafka_url.partition('?')[0]}?{settings}"
    log = open_event_log(url)
    store = open_artefact_store(directory_url(tmp_path))
    topic = Topic(f"{topics.PREFIX}long-{secrets.token_hex(4)}", partitions=4)
    log.ensure_topics([topic, topics.OUTCOMES])
    offer(log, topic.name, "long")
    group = f"long-{secrets.token_hex(4)}"
    visited = threading.Event()  # enough others have come and gone: however slow the machine, the work ends no earlier

    def work() -> None:
        time.sleep(WORK_SECONDS)  # the work itself
        assert visited.wait(MOST_SECONDS)

    stage, ends = Long(topic, group, work), Shutdown()
    worker = threading.Thread(target=Worker(stage, log, store, SETTINGS, member="long").run, args=(ends,))
    worker.start()
    assert stage.begun.wait(60.0)
    others = Long(topic, group, work)
    films: list[str] = []
    visits = 0
    while not stage.ended.is_set():  # others come, work and go, all that time without the long one
        new = [f"film {visits}-{number}" for number in range(FILMS)]
        for name in new:
            offer(log, topic.name, name)
        films += new
        leaves = Shutdown()
        visitor = Worker(others, log, store, SETTINGS, member=f"visitor-{visits}")
        visit = threading.Thread(target=visitor.run, args=(leaves,))
        visit.start()
        while not (set(new) & set(others.worked) or stage.ended.is_set()):
            time.sleep(0.05)
        leaves.request()
        visit.join()
        visits += 1
        if visits == VISITS:
            visited.set()
    while log.lag(group, [topic.name]):
        time.sleep(0.1)
    ends.request()
    worker.join()
    found = outcomes(log, group)
    log.close()
    assert visits >= VISITS
    assert "long" not in others.worked, "nobody else was given it"
    assert stage.worked.count("long") == 1
    assert found == Counter(["long", *films])
