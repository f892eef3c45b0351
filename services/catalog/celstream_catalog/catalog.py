"""The catalog: one object over database, event log and artefact store, with all that others ask of it.

`run` projects for ever; `catch_up` projects what is committed by now. Everything else reads the database. Several
processes may have the same catalog open: they take turns.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from celstream_platform import logs
from celstream_platform.artefacts.port import ArtefactStore
from celstream_platform.errors import Invalid, NotFound, Unavailable
from celstream_platform.eventlog.port import EventLog
from celstream_platform.topics import dead_letters
from celstream_protos.v1.catalog_pb2 import FootageState, Funnel, TakeDownResponse
from celstream_protos.v1.envelope_pb2 import ArtefactRef, ItemHeader, Outcome, Progress, Rejection, Review, Takedown
from celstream_protos.v1.evaluation_pb2 import Evaluation
from google.protobuf.message import Message
from sqlalchemy import Connection

from celstream_catalog import offers, queries
from celstream_catalog.balance import check_balance
from celstream_catalog.batch import Batch
from celstream_catalog.completion import Completion, completions
from celstream_catalog.corrections import ReviewStatus, due, review_status
from celstream_catalog.database import open_database, reading, unavailable
from celstream_catalog.evaluations import evaluation_event, evaluations
from celstream_catalog.funnel import funnel, items_by_style
from celstream_catalog.intake import Description, Intake, Submission
from celstream_catalog.levels import CHAIN, Chain
from celstream_catalog.metrics import PROJECTED_EVENTS, SKIPPED_EVENTS
from celstream_catalog.progress import ProgressBoard
from celstream_catalog.projection import Projection, stored_positions
from celstream_catalog.queries import Attached, Parked
from celstream_catalog.removal import removal
from celstream_catalog.served_canaries import REASON, served_canaries
from celstream_catalog.takedowns import new_takedown, takedown_event, takedown_of

log = logs.logger(__name__)
POLL_SECONDS = 0.2  # how long others in this process wait for their turn at most
LOOK_ANYWAY_SECONDS = 1.0  # another process may have projected what a watcher waits for
RETRY_SECONDS = 1.0
PART_BYTES = 1 << 20  # well below what a gRPC message may hold
UNDESCRIBED = Description()


@dataclass(frozen=True, slots=True)
class FootageEntry:
    """One footage that is in, and how far it is."""

    footage: Message
    completion: Completion = field(default_factory=Completion)


class Catalog:
    """The projection of all topics, and what can be asked of it and done through it."""

    def __init__(self, database_url: str, event_log: EventLog, store: ArtefactStore, chain: Chain = CHAIN) -> None:
        """Open the database and bring its tables up to date. database_url: `sqlite:///FILE`.

        Raises Invalid for an address that is none, Unavailable where database or log cannot be reached.
        """
        self.chain = chain
        self._log, self._store = event_log, store
        event_log.ensure_topics([*chain.topics(), *(dead_letters(stage.name) for stage in chain.stages)])
        self._engine = open_database(database_url)
        self._board = ProgressBoard()
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

    # Asking. All of it raises Unavailable where the database cannot be reached, Invalid for an unknown level.

    def footages(self) -> list[FootageEntry]:
        """All footage that is in, by name; without canaries."""
        with self._reading() as connection:
            messages = queries.items(connection, self.chain, self.chain.root.name)
            found = completions(connection, self.chain)
        entries = [FootageEntry(message, found.get(_id(message), Completion())) for message in messages]
        return sorted(entries, key=lambda entry: (getattr(entry.footage, "name", ""), _id(entry.footage)))

    def completion(self, footage_id: str) -> Completion:
        """How far one footage is. Raises NotFound where it is not in."""
        with self._reading() as connection:
            queries.item(connection, self.chain, footage_id)
            return completions(connection, self.chain, footage_id).get(footage_id, Completion())

    def finished(self) -> bool:
        """Whether every footage that is in is finished."""
        with self._reading() as connection:
            return all(completion.finished for completion in completions(connection, self.chain).values())

    def funnel(self, footage_id: str | None = None, *, canaries: bool = False) -> Funnel:
        """How many inputs, items and rejections there are at each level, of one footage or of all.

        canaries: of all, whether canary footage counts as well; likewise below.
        """
        with self._reading() as connection:
            return funnel(connection, self.chain, footage_id, canaries=canaries)

    def items_by_style(self) -> dict[tuple[str, int], int]:
        """How many current items there are, by level and `FootageStyle` of their footage; without canaries."""
        with self._reading() as connection:
            return items_by_style(connection)

    def check_balance(self, footage_id: str | None = None) -> list[str]:
        """What does not add up, one line each; empty where every input has its outcome and all listed is stored."""
        with self._reading() as connection:
            return check_balance(connection, self.chain, footage_id)

    def items(self, level: str, footage_id: str | None = None, *, canaries: bool = False) -> list[Message]:
        """Current items of a level, in order of footage and frame."""
        with self._reading() as connection:
            return queries.items(connection, self.chain, level, footage_id, canaries=canaries)

    def near_duplicates(self) -> dict[str, str]:
        """Of each current clip that shows the same pictures as an earlier one, the first of them; by clip id."""
        from celstream_catalog.near_duplicates import fingerprint_of, first_of_same  # NumPy: large, and wanted by few

        return first_of_same(dict(map(fingerprint_of, self.items("clips"))))

    def page(
        self, level: str, footage_id: str | None, size: int, token: str, *, canaries: bool = False
    ) -> tuple[list[Message], str]:
        """Up to `size` current items after `token`, and the token of the next page, empty on the last one."""
        with self._reading() as connection:
            return queries.page(connection, self.chain, level, footage_id, size, token, canaries=canaries)

    def item(self, item_id: str) -> Message:
        """One current item. Raises NotFound."""
        with self._reading() as connection:
            return queries.item(connection, self.chain, item_id)

    def rejections(self, level: str | None = None, footage_id: str | None = None) -> list[Rejection]:
        """Current rejections, in order of footage and frame; of all footage, those of canaries are left out."""
        with self._reading() as connection:
            return queries.rejections(connection, level, footage_id)

    def attachments(self, name: str | None = None, footage_id: str | None = None) -> list[Attached]:
        """Attachments of current outcomes; of all footage, those of canaries are left out."""
        with self._reading() as connection:
            return queries.attachments(connection, name, footage_id)

    def attached_bytes(self, footage_id: str, name: str) -> Iterator[bytes]:
        """What current outcomes of a footage attach under a name, in parts. Raises NotFound where there is nothing."""
        found = self.attachments(name, footage_id)
        if not found:
            raise NotFound(f"{footage_id}: nothing called {name!r} is attached to it. Wait until it is finished.")
        for attached in found:
            with self._store.open(attached.artefact) as file:
                while part := file.read(PART_BYTES):
                    yield part

    def evaluations(self, benchmark: str, most: int | None = None) -> list[Evaluation]:
        """The evaluations of a benchmark, the latest first. most: no more than so many."""
        with self._reading() as connection:
            return evaluations(connection, benchmark, most)

    def parked(self, footage_id: str | None = None) -> list[Parked]:
        """Inputs that are in a dead-letter topic."""
        with self._reading() as connection:
            return queries.parked(connection, footage_id)

    def lineage(self, item_id: str) -> list[ItemHeader]:
        """Headers from the footage down to the item. Raises NotFound."""
        with self._reading() as connection:
            return queries.lineage(connection, self.chain, item_id)

    def versions(self, item_id: str) -> list[Message]:
        """History of an item: all its versions, oldest first."""
        with self._reading() as connection:
            return queries.versions(connection, self.chain, item_id)

    def outcomes(self, input_id: str) -> list[Outcome]:
        """History of an input: all its outcomes by stage, oldest first."""
        with self._reading() as connection:
            return queries.outcomes(connection, input_id)

    def removal(self, what: str) -> TakeDownResponse:
        """What a takedown would remove. what: an id, its first digits, or a name. Raises NotFound, Invalid."""
        with self._projection.caught_up() as connection:
            return removal(connection, self.chain, what)

    def reviews(self) -> list[tuple[Review, ReviewStatus]]:
        """Every review, with what has become of it."""
        with self._reading() as connection:
            return review_status(connection, self.chain)

    def progress(self, footage_id: str | None = None) -> list[Progress]:
        """What the stages work on now, as far as this process has seen it."""
        return self._board.of(footage_id)

    def state(self, footage_id: str) -> FootageState:
        """How far one footage is, with funnel and progress; footage that could not be read is finished, and rejected.

        Raises NotFound where it was never offered, or was taken down.
        """
        with self._reading() as connection:
            found = funnel(connection, self.chain, footage_id)
            refused = queries.rejections(connection, self.chain.root.name, footage_id)
            if refused:
                return FootageState(footage_id=footage_id, name=refused[0].footage_name, finished=True, funnel=found)
            footage = queries.item(connection, self.chain, footage_id)
            completion = completions(connection, self.chain, footage_id).get(footage_id, Completion())
        return FootageState(
            footage_id=footage_id,
            name=getattr(footage, "name", ""),
            finished=completion.finished,
            funnel=found,
            progress=self._board.of(footage_id),
        )

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

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with unavailable("catalog"), reading(self._engine) as connection:
            yield connection


def _id(message: Message) -> str:
    header: ItemHeader = message.item  # type: ignore[attr-defined]
    return header.id
