"""The contract of the event log where several workers share a group, and where they die."""

import os
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

from celstream_platform.errors import Fenced
from celstream_platform.eventlog import EventLog, open_event_log
from celstream_platform.events import Event

WAIT_SECONDS = 60.0  # a dead worker may be waited for as long as its session lasts
GROUP = f"workers-{os.getpid()}"  # processes of one run share a broker
HOLD_EVENTS = Path(__file__).with_name("hold_events.py")


def hold_and_die(url: str, topic: str, member: str) -> int:
    """Let a process take events and kill it; how many it had in hand."""
    process = subprocess.Popen(
        [sys.executable, HOLD_EVENTS, url, GROUP, topic, member], stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        held = int(process.stdout.readline())
        process.kill()
    return held


def test_workers_in_step_lose_and_double_nothing_and_keep_the_order(
    events_url: str, event_log: EventLog, topic: str, sink: str
) -> None:
    keys, each = 40, 15
    for number in range(each):
        event_log.publish([Event(topic, f"key-{key}", str(number).encode()) for key in range(keys)])
    errors: list[BaseException] = []

    def work(member: str) -> None:
        try:
            log = open_event_log(events_url)
            with log.session(GROUP, [topic], member) as session:
                while log.lag(GROUP, [topic]):
                    deliveries = session.poll(7, 0.1)
                    events = [Event(sink, delivery.event.key, delivery.event.value) for delivery in deliveries]
                    try:
                        session.commit(deliveries, events)
                    except Fenced:
                        continue
            log.close()
        except BaseException as error:
            errors.append(error)

    workers = [threading.Thread(target=work, args=(f"worker-{number}",)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not errors
    reader = event_log.reader([sink], {})
    found: dict[str, list[int]] = {}
    while not reader.at_end():
        for delivery in reader.poll(100, WAIT_SECONDS):
            found.setdefault(delivery.event.key, []).append(int(delivery.event.value))
    reader.close()
    assert len(found) == keys
    assert all(numbers == list(range(each)) for numbers in found.values())


def test_one_worker_does_not_get_what_another_has_in_hand(event_log: EventLog, topic: str) -> None:
    event_log.publish([Event(topic, f"key-{number}", b"") for number in range(12)])
    with event_log.session(GROUP, [topic], "a") as first, event_log.session(GROUP, [topic], "b") as second:
        taken = first.poll(6, WAIT_SECONDS) + second.poll(12, WAIT_SECONDS)
        assert max(Counter(delivery.event.key for delivery in taken).values()) == 1


def test_the_events_of_a_dead_worker_come_again_alone_and_counted(
    events_url: str, event_log: EventLog, topic: str
) -> None:
    event_log.publish([Event(topic, "key", str(number).encode()) for number in range(3)])
    assert hold_and_die(events_url, topic, "dead") == 3
    with event_log.session(GROUP, [topic], "heir") as session:
        for number in range(3):
            (delivery,) = session.poll(10, WAIT_SECONDS)
            assert (int(delivery.event.value), delivery.attempt) == (number, 2)
            session.commit([delivery], [])
