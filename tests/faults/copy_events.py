"""A worker for the tests to kill: copies events from one topic to another for ever.

Mode `transaction` is how a worker works. Mode `separate` publishes first and commits the position afterwards, with a
halt between the two: the mistake that the fault test must be able to find.
"""

import sys

from celstream_platform.errors import Fenced
from celstream_platform.eventlog import open_event_log
from celstream_platform.events import Event


def main() -> None:
    url, source, sink, member, mode = sys.argv[1:]
    log = open_event_log(url)
    session = log.session(f"copy-{source}", [source], member)
    print("joined", flush=True)
    while True:
        deliveries = session.poll(20, 1.0)
        events = [Event(sink, d.event.key, d.event.value, d.event.headers) for d in deliveries]
        if mode == "separate" and deliveries:
            log.publish(events)
            print("published", flush=True)
            sys.stdin.readline()
            events = []
        try:
            session.commit(deliveries, events)
        except Fenced:
            continue


if __name__ == "__main__":
    main()
