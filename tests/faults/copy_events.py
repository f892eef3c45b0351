"""A worker for the tests to kill: copies events from one topic to another for ever.

Mode `transaction` is how a worker works. Mode `separate` publishes first and commits the position afterwards, with a
halt between the two: the mistake that the fault test must be able to find.
"""

import sys
from collections.abc import Callable
from typing import TypeVar

from celstream_platform.errors import Fenced, Unavailable
from celstream_platform.eventlog import open_event_log
from celstream_platform.events import Event

T = TypeVar("T")


def insist(operation: Callable[[], T]) -> T:
    """Do it, however often the event log is away; each try waits by itself."""
    while True:
        try:
            return operation()
        except Unavailable as error:
            print(error, file=sys.stderr)


def main() -> None:
    url, source, sink, member, mode = sys.argv[1:]
    log = insist(lambda: open_event_log(url))
    session = insist(lambda: log.session(f"copy-{source}", [source], member))
    print("joined", flush=True)
    while True:
        deliveries = insist(lambda: session.poll(20, 1.0))
        events = [Event(sink, d.event.key, d.event.value, d.event.headers) for d in deliveries]
        if mode == "separate" and deliveries:
            log.publish(events)
            print("published", flush=True)
            sys.stdin.readline()
            events = []
        try:
            insist(lambda: session.commit(deliveries, events))  # noqa: B023 - done with before the next round
        except Fenced:
            continue


if __name__ == "__main__":
    main()
