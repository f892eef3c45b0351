"""A worker for the tests to kill: joins a group, takes events, says so on standard output, and never commits."""

import sys
import threading

from celstream_platform.eventlog import open_event_log


def main() -> None:
    url, group, topic, member = sys.argv[1:]
    log = open_event_log(url)
    session = log.session(group, [topic], member)
    deliveries = session.poll(10, 30.0)
    print(len(deliveries), flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
