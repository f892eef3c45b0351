"""The catalog: one object over database, event log and artefact store, with all that others ask of it.

`run` projects for ever; `catch_up` projects what is committed by now. What only reads the database is in questions.py.
Several processes may have the same catalog open: they take turns.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from celstream_platform import logs
from celstream_platform.artefacts.port import ArtefactStore
from celstream_platform.errors import Invalid, Unavailable
from celstream_platform.eventlog.port import EventLog
from celstream_platform.topics import dead_letters
from celstream_protos.v1.catalog_pb2 import FootageState, TakeDownResponse
from celstream_protos.v1.envelope_pb2 import ArtefactRef, Takedown
from celstream_protos.v1.evaluation_pb2 import Evaluation

from celstream_catalog import offers
from celstream_catalog.batch import Batch
from celstream_catalog.corrections import due
from celstream_catalog.database import open_database
from celstream_catalog.evaluations import evaluation_event
from celstream_catalog.intake import Description, Intake, Submission
from celstream_catalog.levels import CHAIN, Chain
from celstream_catalog.metrics import PROJECTED_EVENTS, SKIPPED_EVENTS
from celstream_catalog.progress import ProgressBoard
from celstream_catalog.projection import Projection, stored_positions
from celstream_catalog.questions import Questions
from celstream_catalog.removal import removal
from celstream_catalog.served_canaries import REASON, served_canaries
from celstream_catalog.takedowns import new_takedown, takedown_event, takedown_of

log = logs.logger(__name__)
POLL_SECONDS = 0.2  # how long others in this process wait for their turn at most
LOOK_ANYWAY_SECONDS = 1.0  # another process may have projected what a watcher waits for
RETRY_SECONDS = 1.0
UNDESCRIBED = Description()


class Catalog(Questions):
    """The projection of all topics, and what can be asked of it and done through it."""

    def __init__(self, database_url: str, event_log: EventLog, store: ArtefactStore, chain: Chain = CHAIN) -> None:
        """Open the database and bring its tables up to date. database_url: `sqlite:///FILE`.

        Raises Invalid for an address that is none, Unavailable where database or log cannot be reached.
        """
        event_log.ensure_topics([*chain.topics(), *(dead_letters(stage.name) for stage in chain.stages)])
        super().__init__(open_database(database_url), store, chain, ProgressBoard())
        self._log = event_log
        self._changed = threading.Condition()
        self._retry = threading.Event()
        self._revision = 0
        self._projection = Projection(self._engine, event_log, store, chain, self._on_batch)
        self._intake = Intake(self._projection, event_log, store)
        self._look_for_corrections = True  # a process before this one may have ended before it published them

    # Projecting.

    def catch_up(self) -> int:
        """Project all that is committed by now and publish the corrections that are due; returns how many events.

        Raises Unavailable.
        """
        projected = 0
        while True:
            while not self._projection.at_end():
                projected += self._projection.step(POLL_SECONDS).events
                self._look_for_corrections = True
            if not self._look_for_corrections or not self.publish_corrections():
                self._look_for_corrections = False
                return projected

    def wait(self, seconds: float) -> None:
        """Wait until there is something to project, no longer than that, and project it. Raises Unavailable."""
        if self._projection.step(seconds).events:
            self._look_for_corrections = True

    @property
    def revision(self) -> int:
        """Another number whenever something was projected, by whichever call: taking footage in projects as well."""
        with self._changed:
            return self._revision

    def run(self, stopping: Callable[[], bool]) -> None:
        """Project for ever, until `stopping()`; where log, store or database is away, try again."""
        look_for_corrections = True
        while not stopping():
            try:
                if look_for_corrections:
                    self.publish_corrections()
                look_for_corrections = self._projection.step(POLL_SECONDS).events > 0
            except Unavailable as error:
                log.warning("the catalog waits", error=str(error))
                self._retry.wait(RETRY_SECONDS)

    def publish_corrections(self) -> int:
        """Publish the corrections that are due, each exactly once; returns how many."""
        with self._reading() as connection:
            if not due(connection, self.chain):
                return 0
        with self._projection.caught_up() as connection:
            corrections = due(connection, self.chain)
            self._log.publish([correction.event for correction in corrections])
        return len(corrections)

    def answers(self) -> bool:
        """Whether database and event log can be reached. Raises Unavailable where not, with the reason."""
        with self._reading() as connection:
            stored_positions(connection)
        return bool(self._log.topics())

    def close(self) -> None:
        """Let go of the database. Event log and store belong to the caller."""
        self._projection.close()
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Watching.

    def watch(self, footage_id: str, stopping: Callable[[], bool]) -> Iterator[FootageState]:
        """The state of one footage now and whenever it changes, until it is finished. Raises NotFound."""
        last: FootageState | None = None
        while not stopping():
            with self._changed:
                revision = self._revision
            state = self.state(footage_id)
            if state != last:
                yield state
                last = state
            if state.finished:
                return
            with self._changed:
                self._changed.wait_for(lambda seen=revision: self._revision != seen, LOOK_ANYWAY_SECONDS)  # type: ignore[misc]

    # Doing.

    def submit(
        self,
        path: Path,
        *,
        name: str = "",
        description: Description = UNDESCRIBED,
        adopt: bool = True,
        licence_required: bool = False,
    ) -> Submission:
        """Take a local file in. name: as given; the path where empty.

        adopt: the store may refer to the file, which must stay as it is then; else it is copied.
        licence_required: refuse it where no licence is stated, now or before.

        Raises NotFound where there is no such file, Invalid (LimitExceeded, RightsUnknown) where it is not footage or
        was taken down, each in one line; what is no footage leaves a rejection of level `footage` as well.
        """
        with self._seen_at_once():
            return self._intake.submit_file(
                path, name or str(path), description, adopt=adopt, licence_required=licence_required
            )

    def refuse(self, path: Path, *, name: str, error: Invalid) -> None:
        """Leave a rejection of level `footage` for a file that is not taken in."""
        self._intake.refuse(path, name, error)
        self.catch_up()

    def submit_stored(self, content: ArtefactRef, *, name: str, description: Description = UNDESCRIBED) -> Submission:
        """Take in what the store holds. Raises as `submit` does."""
        with self._seen_at_once():
            return self._intake.submit_stored(content, name, description)

    def removal(self, what: str) -> TakeDownResponse:
        """What a takedown would remove. what: an id, its first digits, or a name. Raises NotFound, Invalid."""
        with self._projection.caught_up() as connection:
            return removal(connection, self.chain, what)

    def take_down(self, item_id: str, *, reason: str, requested_by: str) -> Takedown:
        """Remove an item and all that was derived from it; footage stays out for good. The second time is no error.

        Raises NotFound where the item is unknown, Invalid without a reason.
        """
        with self._seen_at_once(), self._projection.caught_up() as connection:
            known = takedown_of(connection, item_id)
            takedown = known or new_takedown(connection, item_id, reason=reason, requested_by=requested_by)
            if known is None:
                self._log.publish([takedown_event(takedown)])
            return takedown

    def take_down_served_canaries(self, before_seconds: float) -> list[str]:
        """Take down the canaries that were scored, the last time before a moment, seconds since 1970; their footage."""
        with self._reading() as connection:
            if not served_canaries(connection, before_seconds):
                return []
        with self._seen_at_once(), self._projection.caught_up() as connection:
            served = served_canaries(connection, before_seconds)
            made = [new_takedown(connection, one, reason=REASON, requested_by="catalog") for one in served]
            self._log.publish([takedown_event(takedown) for takedown in made])
        return served

    def offer_again(self, stage: str, *, parked: bool = False, footage_id: str | None = None) -> int:
        """Offer a stage again what it did under another recipe than the chain names; returns how many inputs.

        parked: what it gave up, too.
        """
        spec = self.chain.stage(stage)
        with self._projection.caught_up() as connection:
            events = offers.offers_again(connection, self.chain, spec, parked=parked, footage_id=footage_id)
            self._log.publish(events)
        return len(events)

    def record_evaluation(self, evaluation: Evaluation) -> None:
        """Keep an evaluation; one of the same id replaces the one before. Raises Invalid for one that is incomplete."""
        with self._seen_at_once():
            self._log.publish([evaluation_event(evaluation)])

    @contextmanager
    def _seen_at_once(self) -> Iterator[None]:
        """Project what is published inside, so that the caller finds it; also what a refusal leaves."""
        try:
            yield
        except Invalid:
            self.catch_up()
            raise
        self.catch_up()

    def _on_batch(self, batch: Batch) -> None:
        PROJECTED_EVENTS.inc(batch.events)
        for skipped in batch.skipped:
            SKIPPED_EVENTS.labels(skipped["topic"]).inc()
            log.error("an event could not be read", **skipped)
        self._board.take(batch)
        with self._changed:
            self._revision += 1
            self._changed.notify_all()
