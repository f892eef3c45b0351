"""The worker around a stage: poll → process → commit, written once.

Order of each batch: poll; process one input after the other; store artefacts (before the events that name them); one
transaction with all events and the positions; then the next poll. No transaction is open while computing.

| raised by the stage      | what happens to the input                                                            |
|--------------------------|--------------------------------------------------------------------------------------|
| `Invalid`                | one rejection of all of it, outcome COMPLETED                                        |
| (an unreadable message)  | dead letter; outcome PARKED where its key tells the input's id                       |
| `Unavailable`            | given back, its partition paused with jittered backoff; not ready meanwhile          |
| `Overloaded`             | given back; fewer at a time; a short pause                                           |
| `Stopping`               | given back; the worker ends                                                          |
| anything else, or death  | tried again alone, then dead letter and outcome PARKED; the count outlives a process |
|                          | and begins anew with each checkpoint                                                 |

Every consumed event is processed, in the order of its key, also where a newer version of the same input is at hand:
each has its own outcome, and the newer one replaces what came of the older.
"""

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from celstream_platform import logs, metrics, progress, tally, tracing
from celstream_platform.artefacts.port import ArtefactStore
from celstream_platform.backoff import Backoff
from celstream_platform.checkpoints import Checkpoint
from celstream_platform.checkpoints import topic_of as checkpoints_of
from celstream_platform.errors import Fenced, Overloaded, Unavailable
from celstream_platform.eventlog.port import EventLog, Session
from celstream_platform.events import Delivery
from celstream_platform.outcomes import Input
from celstream_platform.processing import Bug, Processed, process_one
from celstream_platform.shutdown import Shutdown
from celstream_platform.stage import Context, Stage, Stopping
from celstream_platform.topics import OUTCOMES, PROGRESS, REJECTIONS, dead_letters
from celstream_platform.window import Window

log = logs.logger(__name__)
MOST_BUG_SECONDS = 5.0  # a bug rarely goes away by waiting; a race may


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """How a worker works.

    max_events: most events taken at once, and consumed in one transaction. commit_seconds: finished events wait no
    longer than about this for their commit. poll_seconds: longest wait for events, and so for a stop.
    max_attempts: how often an event may fail by a bug or take its worker down. first_backoff_seconds,
    longest_backoff_seconds: between attempts. finish_seconds: once the process shall end, an input may go on for so
    long, to a moment that is good to go on from. progress_seconds: least time between two progress events of one input.
    lag_seconds: how often the lag is measured.
    """

    max_events: int = 100
    commit_seconds: float = 1.0
    poll_seconds: float = 1.0
    max_attempts: int = 3
    first_backoff_seconds: float = 0.2
    longest_backoff_seconds: float = 30.0
    finish_seconds: float = 20.0
    progress_seconds: float = 0.5
    lag_seconds: float = 5.0


@dataclass(slots=True)
class _Batch:
    """Processed and not committed yet."""

    done: list[Processed] = field(default_factory=list)
    events: int = 0  # that came of them
    begun: float = field(default_factory=time.monotonic)

    def add(self, processed: Processed) -> None:
        self.done.append(processed)
        self.events += len(processed.events)

    def is_due(self, settings: WorkerSettings) -> bool:
        return self.events >= settings.max_events or time.monotonic() - self.begun >= settings.commit_seconds


class Worker:
    """Runs one stage, one input at a time. For more at a time run more workers, in threads or processes.

    member: name in the consumer group, unique and the same after a restart; host and process where empty.
    """

    def __init__(
        self,
        stage: Stage,
        event_log: EventLog,
        store: ArtefactStore,
        settings: WorkerSettings | None = None,
        *,
        member: str = "",
    ) -> None:
        self._stage = stage
        self._log = event_log
        self._store = store
        self._settings = settings or WorkerSettings()
        self._member = member or f"{socket.gethostname()}-{os.getpid()}-{id(self):x}"
        self._window = Window(self._settings.max_events, self._settings.commit_seconds)
        self._backoff = Backoff(self._settings.first_backoff_seconds, self._settings.longest_backoff_seconds)
        self._pauses: dict[tuple[str, int, int], Backoff] = {}
        self._paused_until = 0.0
        self._ready = False
        self._lag_due = 0.0
        self._answers = True  # the event log, when it was asked for the lag
        tally.begin(stage.name, stage.produces)

    @property
    def ready(self) -> bool:
        """Whether it polls and its dependencies answered last time."""
        return self._ready

    def run(self, shutdown: Shutdown) -> None:
        """Work until the process shall end. Returns once everything is committed or given back."""
        with self._joined(shutdown) as session:
            while session is not None and not shutdown.requested():
                self._step(session, shutdown, self._settings.poll_seconds)
                self._measure_lag(shutdown)

    def run_until_idle(self, shutdown: Shutdown | None = None) -> int:
        """Work until the group has consumed all there is; the number of events that this worker consumed."""
        shutdown = shutdown or Shutdown()
        consumed = 0
        with self._joined(shutdown) as session:
            while session is not None and not shutdown.requested():
                done = self._step(session, shutdown, 0.05)
                consumed += done
                if not done and self._ready and self._log.lag(self._stage.name, [self._stage.consumes.name]) == 0:
                    break
        return consumed

    @contextmanager
    def _joined(self, shutdown: Shutdown) -> Iterator[Session | None]:
        """The session, once the log answers; None where the process shall end before."""
        stage = self._stage
        mine = [
            stage.consumes,
            *stage.produces,
            REJECTIONS,
            OUTCOMES,
            PROGRESS,
            dead_letters(stage.name),
            checkpoints_of(stage.name),
        ]
        session: Session | None = None

        def join() -> None:
            nonlocal session
            self._log.ensure_topics(mine)
            session = self._log.session(stage.name, [stage.consumes.name], self._member)

        try:
            self._insist(join, shutdown)
            if session is None:
                yield None
            else:
                yield session
        finally:
            self._set_ready(False)
            if session is not None:
                self._leave(session)

    def _leave(self, session: Session) -> None:
        try:
            session.close()
        except Unavailable as error:
            log.warning("group not left; the leases end with this process", stage=self._stage.name, error=str(error))

    def _step(self, session: Session, shutdown: Shutdown, poll_seconds: float) -> int:
        """Poll once and deal with what came; the number of events consumed."""
        nothing_paused = time.monotonic() >= self._paused_until
        try:
            deliveries = session.poll(self._window.size, poll_seconds)
        except Unavailable as error:
            self._wait(error, shutdown)
            return 0
        if self._answers and ((nothing_paused and not deliveries) or not self._backoff.failures):
            self._set_ready(True)
        in_flight = metrics.EVENTS_IN_FLIGHT.labels(self._stage.name)
        in_flight.inc(len(deliveries))
        try:
            return self._work(session, shutdown, deliveries)
        finally:
            in_flight.dec(len(deliveries))

    def _work(self, session: Session, shutdown: Shutdown, deliveries: list[Delivery]) -> int:
        """Process and commit, in batches; the number of events consumed."""
        consumed, begin, batch = 0, time.monotonic(), _Batch()
        for index, delivery in enumerate(deliveries):
            try:
                batch.add(self._process(delivery, shutdown))
            except (Bug, Unavailable, Overloaded, Stopping) as error:
                consumed += self._commit(session, shutdown, batch)
                self._give_back(session, shutdown, deliveries[index:], error)
                return consumed
            if batch.is_due(self._settings):
                committed = self._commit(session, shutdown, batch)
                if not committed:
                    return consumed
                consumed, batch = consumed + committed, _Batch()
        consumed += self._commit(session, shutdown, batch)
        self._window.took(len(deliveries), time.monotonic() - begin)
        return consumed

    def _process(self, delivery: Delivery, shutdown: Shutdown) -> Processed:
        def context(source: Input, checkpoint: Checkpoint) -> Context:
            return Context(
                progress=progress.publisher(self._log, self._stage.name, source, self._settings.progress_seconds),
                stopping=shutdown.requested,
                load_checkpoint=checkpoint.load,
                save_checkpoint=checkpoint.save,
                stop_at_once=lambda: shutdown.requested(for_seconds=self._settings.finish_seconds),
            )

        def checkpoint(source: Input, attempt: int) -> Checkpoint:
            return Checkpoint(self._log, self._store, self._stage.name, source, self._stage.recipe, attempt)

        if shutdown.requested():
            raise Stopping
        return process_one(self._stage, delivery, self._store, context, checkpoint, self._settings.max_attempts)

    def _commit(self, session: Session, shutdown: Shutdown, batch: _Batch) -> int:
        """One transaction for a batch; the number of events consumed, 0 where nothing may be assumed."""
        if not batch.done:
            return 0
        consumed = [processed.delivery for processed in batch.done]
        events = [event for processed in batch.done for event in processed.events]

        def commit() -> None:
            with (
                tracing.publish(self._stage.name, events=len(events)),
                metrics.COMMIT_SECONDS.labels(self._stage.name).time(),
            ):
                session.commit(consumed, events)

        try:
            if not self._insist(commit, shutdown):
                return 0
        except Fenced as error:
            metrics.RETRIES.labels(self._stage.name, "fenced").inc()
            log.warning("fenced, polling again", stage=self._stage.name, error=str(error))
            return 0
        self._backoff.reset()
        self._set_ready(True)
        for delivery in consumed:
            self._pauses.pop(_place(delivery), None)
        for processed in batch.done:
            if processed.checkpoint is not None:
                self._insist(processed.checkpoint.discard, shutdown)
        tally.count(self._stage.name, batch.done)
        return len(consumed)

    def _give_back(self, session: Session, shutdown: Shutdown, deliveries: list[Delivery], error: Exception) -> None:
        """Release what was not processed; the first of it ended with `error`. Then wait as the error asks for."""
        first, rest = deliveries[0], deliveries[1:]
        pause = self._pause_seconds(first, error)
        self._insist(lambda: session.release([first], failed=isinstance(error, Bug), pause_seconds=pause), shutdown)
        if isinstance(error, Unavailable):  # while nothing comes because it is paused, nothing is known to be well
            self._paused_until = time.monotonic() + pause
        self._insist(lambda: session.release(rest), shutdown)
        metrics.EVENTS_PROCESSED.labels(self._stage.name, "released").inc(len(deliveries))
        if isinstance(error, Bug):
            metrics.RETRIES.labels(self._stage.name, "bug").inc()
            key, attempt = first.event.key, first.attempt
            log.error("stage failed", stage=self._stage.name, key=key, attempt=attempt, exc_info=error)
        elif isinstance(error, Overloaded):
            self._window.shrink()
            self._wait(error, shutdown)
        elif isinstance(error, Unavailable):
            self._wait(error, shutdown)

    def _pause_seconds(self, delivery: Delivery, error: Exception) -> float:
        """How long to leave an input alone; meanwhile others go on, for which the dependency may be there."""
        if isinstance(error, Bug):
            return Backoff(self._settings.first_backoff_seconds, MOST_BUG_SECONDS, delivery.attempt - 1).next_seconds()
        if isinstance(error, Unavailable):
            fresh = Backoff(self._settings.first_backoff_seconds, self._settings.longest_backoff_seconds)
            return self._pauses.setdefault(_place(delivery), fresh).next_seconds()
        return 0.0

    def _insist(self, operation: Callable[[], None], shutdown: Shutdown) -> bool:
        """Do it, however often the event log is away; False where the process shall end before it was done."""
        while True:
            try:
                operation()
            except Unavailable as error:
                if self._wait(error, shutdown):
                    return False
            else:
                return True

    def _wait(self, error: Unavailable | Overloaded, shutdown: Shutdown) -> bool:
        """Wait with growing, jittered times; whether the process shall end."""
        kind = "overloaded" if isinstance(error, Overloaded) else "unavailable"
        if kind == "unavailable":
            self._set_ready(False)
        seconds = self._backoff.next_seconds()
        metrics.RETRIES.labels(self._stage.name, kind).inc()
        log.warning(f"{kind}, waiting", stage=self._stage.name, error=str(error), seconds=round(seconds, 2))
        return shutdown.wait(seconds)

    def _set_ready(self, ready: bool) -> None:
        self._ready = ready
        metrics.WORKER_READY.labels(self._stage.name).set(ready)

    def _measure_lag(self, shutdown: Shutdown) -> None:
        """Ask the event log now and then. Who only polls Kafka does not hear that the brokers are away."""
        if time.monotonic() < self._lag_due:
            return
        try:
            lag = self._log.lag(self._stage.name, [self._stage.consumes.name])
        except Unavailable as error:
            self._answers = False
            self._wait(error, shutdown)
            return
        if not self._answers:
            self._answers = True
            self._backoff.reset()
        self._lag_due = time.monotonic() + self._settings.lag_seconds
        metrics.LAG_EVENTS.labels(self._stage.name).set(lag)


def _place(delivery: Delivery) -> tuple[str, int, int]:
    return delivery.event.topic, delivery.partition, delivery.offset
