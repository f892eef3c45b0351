"""The embedded event log: how fast several processes consume and produce, beside a minimal hand-written SQLite loop."""

import json
import random
import sqlite3
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from celstream_platform.eventlog import EventLog, open_event_log, sqlite_url
from celstream_platform.events import Event
from celstream_platform.topics import Topic

from tests.benchmarks.event_log_worker import SINK, SOURCE, TRANSACTION_EVENTS
from tests.benchmarks.processes import go, reports, started
from tests.benchmarks.recording import record

EVENTS = 40_000
LONE_EVENTS = 200
VALUE = random.Random(1).randbytes(1024)
HEADERS = {"ce_specversion": "1.0", "ce_id": "a" * 129, "ce_type": "celstream.v1.Clip", "traceparent": "0" * 55}


def start(mode: str, url: str, number: int) -> list[subprocess.Popen[str]]:
    """`number` workers, all ready."""
    module = "tests.benchmarks.event_log_worker"
    return started([(module, mode, url, f"worker-{member}", str(LONE_EVENTS)) for member in range(number)])


def publish(log: EventLog) -> float:
    """Publish all events in transactions of 100; events per second."""
    begin = time.monotonic()
    for first in range(0, EVENTS, TRANSACTION_EVENTS):
        numbers = range(first, first + TRANSACTION_EVENTS)
        log.publish([Event(SOURCE, f"key-{number}", VALUE, HEADERS) for number in numbers])
    return EVENTS / (time.monotonic() - begin)


def copies(folder: Path, processes: int) -> tuple[float, float]:
    """(published, consumed and produced) events per second. Checks that every event arrived once."""
    url = sqlite_url(folder / f"events-{processes}.sqlite")
    log = open_event_log(url)
    log.ensure_topics([Topic(SOURCE), Topic(SINK)])
    published = publish(log)
    workers = start("copy", url, processes)
    begin = go(workers)
    ends = [report["end"] for report in reports(workers)]
    reader = log.reader([SINK], {})
    keys: list[str] = []
    while not reader.at_end():
        keys += [delivery.event.key for delivery in reader.poll(1000, 1.0)]
    assert sorted(keys) == sorted(f"key-{number}" for number in range(EVENTS))
    reader.close()
    log.close()
    return published, EVENTS / (max(ends) - begin)


def minimal(folder: Path) -> float:
    """Events per second of one process without groups, leases or headers' meaning: read 100, write 100, move on."""
    connection = sqlite3.connect(folder / "minimal.sqlite", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE events (id INTEGER PRIMARY KEY, topic TEXT, key TEXT, headers TEXT, value BLOB)")
    connection.execute("CREATE TABLE position (next INTEGER)")
    connection.execute("CREATE INDEX by_topic ON events (topic)")
    insert = "INSERT INTO events (topic, key, headers, value) VALUES (?, ?, ?, ?)"
    headers = json.dumps(HEADERS)
    with connection:
        connection.execute("BEGIN")
        connection.execute("INSERT INTO position VALUES (1)")
        connection.executemany(insert, ((SOURCE, f"key-{number}", headers, VALUE) for number in range(EVENTS)))
    begin = time.monotonic()
    while True:
        connection.execute("BEGIN IMMEDIATE")
        (position,) = connection.execute("SELECT next FROM position").fetchone()
        rows = connection.execute(
            "SELECT id, key, headers, value FROM events WHERE topic = ? AND id >= ? ORDER BY id LIMIT ?",
            (SOURCE, position, TRANSACTION_EVENTS),
        ).fetchall()
        if not rows:
            break
        connection.executemany(insert, ((SINK, *row[1:]) for row in rows))
        connection.execute("UPDATE position SET next = ?", (rows[-1][0] + 1,))
        connection.execute("COMMIT")
    seconds = time.monotonic() - begin
    connection.close()
    return EVENTS / seconds


def lone_events(url: str, log: EventLog) -> tuple[list[float], float]:
    """(seconds from publication to delivery, sorted; share of a core that the waiting worker uses)."""
    (worker,) = start("time", url, 1)
    go([worker])
    log.publish([Event(SOURCE, "first", str(time.monotonic()).encode())])
    assert worker.stdout is not None
    assert worker.stdout.readline() == "joined\n"
    pauses = random.Random(2)
    for number in range(LONE_EVENTS):
        time.sleep(pauses.uniform(0.02, 0.1))
        log.publish([Event(SOURCE, f"key-{number}", str(time.monotonic()).encode())])
    (report,) = reports([worker])
    return sorted(report["seconds"]), report["busy_share"]


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        baseline = minimal(folder)
        published, four = copies(folder, 4)
        _, one = copies(folder, 1)
        url = sqlite_url(folder / "lone.sqlite")
        log = open_event_log(url)
        log.ensure_topics([Topic(SOURCE), Topic(SINK)])
        latencies, busy = lone_events(url, log)
        log.close()
    rows = [
        ("consume-produce, 4 processes, transactions of 100 (must reach 2,000)", four, "events/s"),
        ("consume-produce, 1 process, transactions of 100", one, "events/s"),
        ("minimal hand-written SQLite loop, 1 process, transactions of 100", baseline, "events/s"),
        ("publish, 1 process, transactions of 100", published, "events/s"),
        ("lone event, publication to delivery in another process, median", 1e3 * statistics.median(latencies), "ms"),
        ("lone event, 99th percentile", 1e3 * latencies[int(0.99 * len(latencies))], "ms"),
        ("a worker that waits and gets 17 lone events a second uses", 100 * busy, "% of a core"),
    ]
    record(
        "event_log",
        "The embedded event log",
        [{"what": what, "figure": round(figure, 1), "unit": unit} for what, figure, unit in rows],
        [
            f"{EVENTS:,} events of 1 KiB and four headers; every event is checked to arrive once.",
            "Every commit is durable (fsync) before it returns, in the minimal loop as well.",
            "The minimal loop has no groups, no leases, no order by key over many workers: the price of SQLite alone.",
        ],
    )


if __name__ == "__main__":
    main()
