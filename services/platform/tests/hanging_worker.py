"""A worker for the tests: takes events, says so, waits for a line, commits, and says how that ended."""

import sys
from pathlib import Path

from celstream_platform.errors import Fenced
from celstream_platform.eventlog.sqlite import SqliteEventLog


def main() -> None:
    path, topic, lease_seconds, supervisor = sys.argv[1:]
    log = SqliteEventLog(Path(path), lease_seconds=float(lease_seconds), supervisor_pid=int(supervisor))
    session = log.session("group", [topic], "hanging")
    deliveries = session.poll(10, 30.0)
    print(len(deliveries), flush=True)
    sys.stdin.readline()
    try:
        session.commit(deliveries, [])
    except Fenced:
        print("fenced", flush=True)
    else:
        print("committed", flush=True)


if __name__ == "__main__":
    main()
