"""The event log on Kafka: our session and our worker, each beside the least that kafka-python needs for the same."""

import random
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from celstream_platform.eventlog import EventLog, open_event_log
from celstream_platform.events import Event
from celstream_platform.topics import OUTCOMES, Topic
from celstream_stack.places import cache
from celstream_stack.stack import Stack

from tests.benchmarks.event_log import HEADERS, LONE_EVENTS, VALUE, lone_events, start
from tests.benchmarks.event_log_worker import SINK, SOURCE, TRANSACTION_EVENTS
from tests.benchmarks.kafka_job import DONE, JOBS, offer
from tests.benchmarks.processes import go, reports, started
from tests.benchmarks.recording import record

EVENTS = 10_000
ROUNDS = 3  # one after the other, so that all meet the same machine
PARTS = "tests.benchmarks"


@dataclass(frozen=True, slots=True)
class Taken:
    """What a process took. rate: events per second. busy: seconds of processor time for each event."""

    rate: float
    busy: float


def publish(log: EventLog, event: Callable[[int], Event]) -> None:
    for first in range(0, EVENTS, 500):
        log.publish([event(number) for number in range(first, first + 500)])


def taken(report: dict[str, Any], begin: float) -> Taken:
    assert report["events"] == EVENTS, report
    return Taken(EVENTS / (report["end"] - begin), report["busy"] / EVENTS)


def minimal(url: str, mode: str) -> Taken:
    """The minimal loop."""
    processes = started([(f"{PARTS}.kafka_minimal", url, mode)])
    begin = go(processes)
    (report,) = reports(processes)
    return taken(report, begin)


def session(url: str) -> Taken:
    """One session that passes events on."""
    workers = start("copy", url, 1)
    go(workers)
    (report,) = reports(workers)
    return taken(report, report["begin"])


def waiting(url: str, log: EventLog, mode: str) -> float:
    """The share of a core that a session uses while nothing comes (`idle`), or one event takes long (`hold`)."""
    log.publish([Event(SOURCE, "held", VALUE, HEADERS)])
    workers = start(mode, url, 1)
    go(workers)
    (report,) = reports(workers)
    return float(report["busy_share"])


def worker(url: str) -> Taken:
    """One worker."""
    (report,) = reports(started([(f"{PARTS}.kafka_job", url, str(EVENTS))]))
    return taken(report, report["begin"])


def lone_outcomes(url: str, log: EventLog) -> list[float]:
    """Seconds from the publication of a lone event until its outcome, by a worker in between, can be read; sorted."""
    processes = started([(f"{PARTS}.kafka_job", url, str(LONE_EVENTS))])
    reader = log.reader([OUTCOMES.name], {})
    while not reader.at_end():
        reader.poll(1000, 1.0)
    pauses = random.Random(3)
    seconds: list[float] = []
    for number in range(LONE_EVENTS):
        begin = time.monotonic()
        log.publish([offer(-1 - number)])
        while not reader.poll(1, 1.0):
            continue
        seconds.append(time.monotonic() - begin)
        time.sleep(pauses.uniform(0.02, 0.1))
    reader.close()
    reports(processes)
    return sorted(seconds[1:])  # the first waits for the worker to join


def main() -> None:
    found: dict[str, list[Taken]] = {"session": [], "minimal copy": [], "worker": [], "minimal work": []}
    with tempfile.TemporaryDirectory(prefix="celstream-bench-") as folder:
        stack = Stack(Path(folder) / "stack", cache())
        try:
            url = stack.up(["kafka"])["CELSTREAM_EVENTS"]
            log = open_event_log(url)
            log.ensure_topics([Topic(SOURCE), Topic(SINK), JOBS, DONE, OUTCOMES])
            for _ in range(ROUNDS):
                publish(log, lambda number: Event(SOURCE, f"key-{number}", VALUE, HEADERS))
                found["session"].append(session(url))
                found["minimal copy"].append(minimal(url, "copy"))
                publish(log, offer)
                found["worker"].append(worker(url))
                found["minimal work"].append(minimal(url, "work"))
            delivered, busy = lone_events(url, log)
            answered = lone_outcomes(url, log)
            idle, holding = waiting(url, log, "idle"), waiting(url, log, "hold")
            log.close()
        finally:
            stack.remove()
    best = {name: max(one.rate for one in ones) for name, ones in found.items()}
    busy_us = {name: 1e6 * min(one.busy for one in ones) for name, ones in found.items()}
    each = f"1 process, transactions of {TRANSACTION_EVENTS}"
    rows = [
        (f"our worker, an item and an outcome of each event, {each}", best["worker"], "events/s"),
        ("minimal kafka-python loop that does the same", best["minimal work"], "events/s"),
        ("our worker, share of that (must reach 80)", 100 * best["worker"] / best["minimal work"], "%"),
        ("our worker, processor time of an event", busy_us["worker"], "us"),
        ("minimal loop, processor time of an event", busy_us["minimal work"], "us"),
        (f"our session, events passed on as they are, {each}", best["session"], "events/s"),
        ("minimal kafka-python loop that does the same", best["minimal copy"], "events/s"),
        ("our session, share of that (must reach 80)", 100 * best["session"] / best["minimal copy"], "%"),
        ("our session, processor time of an event", busy_us["session"], "us"),
        ("minimal loop, processor time of an event", busy_us["minimal copy"], "us"),
        ("lone event, publication to its outcome, readable, median", 1e3 * answered[len(answered) // 2], "ms"),
        ("lone event, 99th percentile (must stay below 250)", 1e3 * answered[int(0.99 * len(answered))], "ms"),
        ("lone event, publication to delivery, 99th percentile", 1e3 * delivered[int(0.99 * len(delivered))], "ms"),
        ("a session that waits and gets 17 lone events a second uses", 100 * busy, "% of a core"),
        ("a session that waits for what does not come uses", 100 * idle, "% of a core"),
        ("a session whose worker is at one event for long uses", 100 * holding, "% of a core"),
    ]
    record(
        "event_log_kafka",
        "The event log on Kafka",
        [{"what": what, "figure": round(figure, 2 if figure < 10 else 1), "unit": unit} for what, figure, unit in rows],
        [
            f"{EVENTS:,} events of 1 KiB, read committed; the best of {ROUNDS} rounds, side by side.",
            "The minimal loop has no bookmarks, no time limits, no traces, no check of what it was given and made; an"
            " event that takes long costs it its place. What it makes bears the headers of what it got.",
        ],
    )


if __name__ == "__main__":
    main()
