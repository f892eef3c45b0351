"""A process that works one of the two stages of relay.py until it is ended, or killed.

    python -m tests.faults.relay_worker SUFFIX 0|1 MEMBER MODE

The addresses of the servers come from the environment, as for a service. It says `working` once it has events in hand.
Mode `transactions` is how a worker works. Mode `separate` publishes at once and commits positions when it has time, as
a consumer with automatic commits does: the mistake that the fault test must be able to find.
"""

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from celstream_platform import logs
from celstream_platform.artefacts import open_artefact_store
from celstream_platform.errors import Fenced, Unavailable
from celstream_platform.eventlog import EventLog, Session, open_event_log
from celstream_platform.events import Delivery, Event
from celstream_platform.models import open_model_server
from celstream_platform.shutdown import Shutdown
from celstream_platform.stage import Stage
from celstream_platform.worker import Worker, WorkerSettings

from tests.faults.relay import Names, Opener, Sealer

T = TypeVar("T")
# Small transactions, so that a kill finds many places to hit; a death is no fault of the event in hand.
SETTINGS = WorkerSettings(
    max_events=50, poll_seconds=0.2, max_attempts=1000, longest_backoff_seconds=2.0, lag_seconds=3600.0
)


class Watched:
    """A session that says `working`; without transactions where it is told so."""

    def __init__(self, session: Session, log: EventLog, *, transactions: bool) -> None:
        self._session, self._log, self._transactions = session, log, transactions
        self._published: list[Delivery] = []
        self._works = False

    def poll(self, max_events: int, timeout_seconds: float) -> list[Delivery]:
        found = self._session.poll(max_events, timeout_seconds)
        if not found:
            self._commit_positions()
        elif not self._works:
            self._works = True
            print("working", flush=True)
        return found

    def commit(self, consumed: Sequence[Delivery], events: Sequence[Event]) -> None:
        if self._transactions:
            self._session.commit(consumed, events)
            return
        self._log.publish(events)
        self._published += consumed
        if consumed[0].attempt > 1:  # nothing else comes before it is committed
            self._commit_positions()

    def _commit_positions(self) -> None:
        done, self._published = self._published, []
        with suppress(Fenced):  # they come again, and are published again
            self._session.commit(done, [])

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)


class WatchedLog:
    """An event log whose sessions are watched."""

    def __init__(self, log: EventLog, *, transactions: bool) -> None:
        self._log, self._transactions = log, transactions

    def session(self, group: str, topics: Sequence[str], member: str) -> Any:
        return Watched(self._log.session(group, topics, member), self._log, transactions=self._transactions)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)


def insist(operation: Callable[[], T]) -> T:
    """Do it, however often a server is away; each try waits by itself."""
    while True:
        try:
            return operation()
        except Unavailable as error:
            print(error, file=sys.stderr)


def main() -> None:
    suffix, number, member, mode = sys.argv[1:]
    names = Names(suffix)
    logs.configure(f"relay {number}")
    shutdown = Shutdown()
    shutdown.install()
    log = insist(lambda: open_event_log(os.environ["CELSTREAM_EVENTS"]))
    store = insist(lambda: open_artefact_store(os.environ["CELSTREAM_ARTEFACTS"]))
    models = open_model_server(os.environ["CELSTREAM_MODELS"])
    stage: Stage = (Sealer, Opener)[int(number)](names, store, models)
    watched: Any = WatchedLog(log, transactions=mode == "transactions")
    Worker(stage, watched, store, SETTINGS, member=member).run(shutdown)
    models.close()
    log.close()


if __name__ == "__main__":
    main()
