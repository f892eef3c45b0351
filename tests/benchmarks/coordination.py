"""Coordination on Kafka: how the rate of a stage that only waits grows with its workers, up to one for each partition.

Each event takes 50 ms of waiting, so that the machine's cores do not matter; what is measured is what the workers cost
each other. Every worker is a process of its own, as a replica is, with the product's worker and transactions of 10.
"""

import secrets
import subprocess
import tempfile
import time
from pathlib import Path

from celstream_platform.eventlog import open_event_log
from celstream_platform.topics import OUTCOMES, Topic
from celstream_stack.places import cache
from celstream_stack.stack import Stack

from tests.benchmarks.coordination_worker import PARTITIONS, TRANSACTION_EVENTS, WAIT_SECONDS, new_topic, offer
from tests.benchmarks.processes import reports, started
from tests.benchmarks.recording import record

WORKERS = (1, 4, 16)
MEASURED_SECONDS = 20.0
SPARE = 3.0  # events offered, by those that could be done in the measured time: the workers come one by one


def start(url: str, topic: Topic, number: int) -> list[subprocess.Popen[str]]:
    """Workers that are all at work, with full transactions."""
    module = "tests.benchmarks.coordination_worker"
    return started([(module, url, topic.name, f"worker-{member}") for member in range(number)], "working")


def rate(commits: list[tuple[float, int]], begin: float, end: float) -> float:
    """Events per second of one worker between two moments. commits: (time, events)."""
    within = [(at, events) for at, events in commits if begin <= at <= end]
    (first, _), (last, _) = within[0], within[-1]
    return sum(events for _, events in within[1:]) / (last - first)


def measure(url: str, workers: int) -> dict[str, float]:
    """What so many workers do."""
    topic = new_topic(f"waits-{secrets.token_hex(4)}")
    log = open_event_log(url)
    log.ensure_topics([topic, OUTCOMES])
    wanted = int(SPARE * workers * MEASURED_SECONDS / WAIT_SECONDS)
    for first in range(0, wanted, 500):
        log.publish([offer(topic, number) for number in range(first, first + 500)])
    log.close()
    processes = start(url, topic, workers)
    begin = time.monotonic()
    time.sleep(MEASURED_SECONDS)
    end = time.monotonic()
    told = reports(processes, "end\n")
    return {
        "rate": sum(rate(report["commits"], begin, end) for report in told),
        "busy": sum(report["busy_share"] for report in told),
        "transaction": max(events for report in told for _, events in report["commits"]),
    }


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="celstream-bench-") as folder:
        stack = Stack(Path(folder) / "stack", cache())
        try:
            url = stack.up(["kafka"])["CELSTREAM_EVENTS"]
            found = {workers: measure(url, workers) for workers in WORKERS}
        finally:
            stack.remove()
    one = found[WORKERS[0]]["rate"]
    record(
        "coordination",
        "Coordination of workers on Kafka",
        [
            {
                "workers": workers,
                "events/s": round(figures["rate"], 1),
                "times the rate of one": round(figures["rate"] / one, 2),
                "of the rate without any coordination, %": round(100 * figures["rate"] * WAIT_SECONDS / workers, 1),
                "processor time of the workers, cores": round(figures["busy"], 2),
            }
            for workers, figures in found.items()
        ],
        [
            f"Each event waits {1000 * WAIT_SECONDS:.0f} ms; {PARTITIONS} partitions; transactions of"
            f" {TRANSACTION_EVENTS} events and their outcomes. 16 workers must reach 14 times the rate of one.",
            f"Measured for {MEASURED_SECONDS:.0f} s, from when the transactions of every worker are full.",
        ],
    )


if __name__ == "__main__":
    main()
