"""The event log on Kafka: our session beside the least that kafka-python needs for the same, in the same run."""

import subprocess
import sys
import tempfile
from pathlib import Path

from celstream_platform.eventlog import EventLog, open_event_log
from celstream_platform.events import Event
from celstream_platform.topics import Topic
from celstream_stack.places import cache
from celstream_stack.stack import Stack

from tests.benchmarks.event_log import HEADERS, VALUE, go, lone_events, reports, start
from tests.benchmarks.event_log_worker import SINK, SOURCE, TRANSACTION_EVENTS
from tests.benchmarks.recording import record

EVENTS = 10_000
ROUNDS = 3  # one after the other, so that both meet the same machine
MINIMAL = Path(__file__).with_name("kafka_minimal.py")


def publish(log: EventLog) -> None:
    for first in range(0, EVENTS, 500):
        log.publish([Event(SOURCE, f"key-{number}", VALUE, HEADERS) for number in range(first, first + 500)])


def minimal(url: str) -> float:
    """Events per second of the minimal loop."""
    worker = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.kafka_minimal", url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert worker.stdout is not None
    assert worker.stdout.readline() == "ready\n"
    begin = go([worker])
    (report,) = reports([worker])
    assert report["events"] == EVENTS, report
    return EVENTS / (float(report["end"]) - begin)


def ours(url: str) -> float:
    """Events per second of one session."""
    workers = start("copy", url, 1)
    go(workers)
    (report,) = reports(workers)
    assert report["events"] == EVENTS, report
    return EVENTS / (float(report["end"]) - float(report["begin"]))


def main() -> None:
    rates: dict[str, list[float]] = {"ours": [], "minimal": []}
    with tempfile.TemporaryDirectory(prefix="celstream-bench-") as folder:
        stack = Stack(Path(folder) / "stack", cache())
        try:
            url = stack.up(["kafka"])["CELSTREAM_EVENTS"]
            log = open_event_log(url)
            log.ensure_topics([Topic(SOURCE), Topic(SINK)])
            for _ in range(ROUNDS):
                publish(log)
                rates["ours"].append(ours(url))
                rates["minimal"].append(minimal(url))
            latencies, busy = lone_events(url, log)
            log.close()
        finally:
            stack.remove()
    best = {name: max(found) for name, found in rates.items()}
    rows = [
        (f"our session, 1 process, transactions of {TRANSACTION_EVENTS}", best["ours"], "events/s"),
        (f"minimal kafka-python loop, 1 process, transactions of {TRANSACTION_EVENTS}", best["minimal"], "events/s"),
        ("ours, share of the minimal loop's rate (must reach 80)", 100 * best["ours"] / best["minimal"], "%"),
        ("lone event, publication to delivery in another process, median", 1e3 * latencies[len(latencies) // 2], "ms"),
        ("lone event, 99th percentile (must stay below 250)", 1e3 * latencies[int(0.99 * len(latencies))], "ms"),
        ("a worker that waits and gets 17 lone events a second uses", 100 * busy, "% of a core"),
    ]
    record(
        "event_log_kafka",
        "The event log on Kafka",
        [{"what": what, "figure": round(figure, 1), "unit": unit} for what, figure, unit in rows],
        [
            f"{EVENTS:,} events of 1 KiB and four headers, read committed; the best of {ROUNDS} rounds, side by side.",
            "The minimal loop has no bookmarks, no time limits, and loses its place when an event takes long.",
        ],
    )


if __name__ == "__main__":
    main()
