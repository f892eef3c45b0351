"""One process of the event log's benchmark: `copy` consumes and produces until nothing is left, `time` times lone
ones, `idle` waits for what does not come, `hold` keeps one in hand.

It says `ready`, begins at a line on standard input, and reports a JSON line.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

from celstream_platform.eventlog import Session, open_event_log
from celstream_platform.events import Delivery, Event

SOURCE, SINK = "celstream.bench-source", "celstream.bench-sink"
TRANSACTION_EVENTS = 100
IDLE_SECONDS = 8.0
JOIN_SECONDS = 30.0  # a broker's group takes a while to settle; that is not what is measured


def copy(session: Session) -> dict[str, float]:
    """Consume and produce in transactions of 100; how many events, when the first came and the last commit ended."""
    events, begin, end, busy = 0, 0.0, time.monotonic(), time.process_time()
    while deliveries := session.poll(TRANSACTION_EVENTS, 1.0 if events else JOIN_SECONDS):
        begin = begin or time.monotonic()
        session.commit(deliveries, [Event(SINK, d.event.key, d.event.value, d.event.headers) for d in deliveries])
        events, end = events + len(deliveries), time.monotonic()
    return {"events": events, "begin": begin, "end": end, "busy": time.process_time() - busy}


def time_lone_events(session: Session, number: int) -> dict[str, object]:
    """Seconds from before the publication to the delivery of each event; and the processor time of the whole wait."""
    seconds: list[float] = []
    session.commit(session.poll(1, JOIN_SECONDS), [])
    print("joined", flush=True)
    begin, busy = time.monotonic(), sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    while len(seconds) < number:
        for delivery in session.poll(1, 1.0):
            seconds.append(time.monotonic() - float(delivery.event.value))
            session.commit([delivery], [])
    busy = sum(resource.getrusage(resource.RUSAGE_SELF)[:2]) - busy
    return {"seconds": seconds, "busy_share": busy / (time.monotonic() - begin)}


def idle(session: Session, *, holding: bool) -> dict[str, object]:
    """The processor time of a wait in which nothing comes, or which one event takes; before it all others are done."""
    held: list[Delivery] = []
    while deliveries := session.poll(1 if holding else TRANSACTION_EVENTS, 1.0 if held else JOIN_SECONDS):
        held = deliveries
        if holding:
            break
        session.commit(deliveries, [])
    time.sleep(1.0)
    begin, busy = time.monotonic(), time.process_time()
    if holding:
        time.sleep(IDLE_SECONDS)
    else:
        session.poll(1, IDLE_SECONDS)
    busy = time.process_time() - busy
    result = {"busy_share": busy / (time.monotonic() - begin)}
    if holding:
        session.commit(held, [])
    return result


def main() -> None:
    mode, url, member, number = sys.argv[1:]
    log = open_event_log(url)
    with log.session("bench", [SOURCE], member) as session:
        print("ready", flush=True)
        sys.stdin.readline()
        results: dict[str, Callable[[], dict[str, Any]]] = {
            "copy": lambda: copy(session),
            "time": lambda: time_lone_events(session, int(number)),
            "idle": lambda: idle(session, holding=False),
            "hold": lambda: idle(session, holding=True),
        }
        print(json.dumps(results[mode]()), flush=True)
    log.close()


if __name__ == "__main__":
    main()
