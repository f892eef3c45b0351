"""One process of the event log's benchmark: `copy` consumes and produces until nothing is left, `time` times lone ones.

It says `ready`, begins at a line on standard input, and reports a JSON line.
"""

import json
import resource
import sys
import time

from celstream_platform.eventlog import Session, open_event_log
from celstream_platform.events import Event

SOURCE, SINK = "celstream.bench-source", "celstream.bench-sink"
TRANSACTION_EVENTS = 100
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


def main() -> None:
    mode, url, member, number = sys.argv[1:]
    log = open_event_log(url)
    with log.session("bench", [SOURCE], member) as session:
        print("ready", flush=True)
        sys.stdin.readline()
        result = copy(session) if mode == "copy" else time_lone_events(session, int(number))
        print(json.dumps(result), flush=True)
    log.close()


if __name__ == "__main__":
    main()
