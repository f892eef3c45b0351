"""Intake from an inbox: what was dropped there, and told of on `celstream.inbox`, becomes footage.

Order: fetch exactly the bytes that were told of → read tags and side-car → probe, store, publish (intake.py) → commit
the notice, with a note of the tags that were read. A notice that comes twice does no harm: footage is known by its
bytes. One file is taken at a time; for more at a time run more catalogs.

| what was dropped                          | what becomes of it                                                       |
|-------------------------------------------|--------------------------------------------------------------------------|
| a film                                    | footage, with the rights, style and work that are stated with it         |
| the same bytes again                      | known; what is stated anew makes a new version                           |
| a side-car, before or after its film      | the film is looked at again                                              |
| no film, no licence where one is required | one rejection, one line of the log; it counts until it can be taken      |
| what is gone or replaced by now           | nothing: what came instead is told of too                                |
| what fails by a fault of ours             | tried again alone, then a dead letter of stage `inbox`                   |
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from celstream_platform import logs
from celstream_platform.backoff import Backoff
from celstream_platform.dead_letters import letter
from celstream_platform.errors import Fenced, Invalid, LimitExceeded, NotFound, Overloaded, Unavailable
from celstream_platform.eventlog.port import EventLog, Session
from celstream_platform.events import Delivery, Event
from celstream_platform.identity import digest
from celstream_platform.inbox import Inbox, Offered
from celstream_platform.inbox.notices import parse, seen
from celstream_platform.shutdown import Shutdown
from celstream_platform.stage import Stopping
from celstream_platform.topics import INBOX, dead_letters

from celstream_catalog.catalog import Catalog
from celstream_catalog.inbox_description import SIDE_CAR, SIDE_CAR_BYTES, said_of
from celstream_catalog.intake import RightsUnknown
from celstream_catalog.metrics import INBOX_FILES

log = logs.logger(__name__)
NAME = "inbox"  # the stage that dead letters name
MOST_ATTEMPTS = 3
POLL_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
MOST_REMEMBERED = 10_000  # to look at a film twice costs time alone
GIB = 1 << 30


class InboxIntake:
    """Takes in what an inbox is told to hold; `run` for ever, or one notice by `take`.

    licence_required: refuse what has no licence stated. most_bytes: a larger file is refused unread.
    """

    def __init__(
        self, catalog: Catalog, inbox: Inbox, *, licence_required: bool = False, most_bytes: int = 64 * GIB
    ) -> None:
        self._catalog, self._inbox = catalog, inbox
        self._licence_required, self._most_bytes = licence_required, most_bytes
        self._side_cars: dict[str, str] = {}  # of the last films that were looked at: which side-car was read with it

    @property
    def group(self) -> str:
        """The consumer group: one for each inbox, as its notices are nobody else's to consume."""
        return f"{NAME}-{digest(self._inbox.root)[:16]}"

    def run(self, event_log: EventLog, member: str, shutdown: Shutdown) -> None:
        """Take in until the process shall end; where something is away, try again. member: this replica's name."""
        backoff = Backoff(0.2, LONGEST_PAUSE_SECONDS)
        while not shutdown.requested():
            try:
                event_log.ensure_topics([INBOX, dead_letters(NAME)])
                with event_log.session(self.group, [INBOX.name], member) as session:
                    while not shutdown.requested():
                        self._step(session, backoff, shutdown)
            except Unavailable as error:
                log.warning("the inbox waits for the event log", error=str(error))
                shutdown.wait(backoff.next_seconds())

    def take(self, event: Event, stopping: Callable[[], bool] = lambda: False) -> list[Event]:
        """Take in the files that a notice tells of; the notes of their tags, to be committed with the notice.

        Raises Invalid for what is no notice; Unavailable, Stopping.
        """
        notes: list[Event] = []
        for told in parse(event):
            if not told.path.startswith(self._inbox.root) or told.path.endswith("/"):
                continue  # another part of the bucket, or a folder's mark
            offered = self._film_beside(told) if told.path.endswith(SIDE_CAR) else told
            if offered is not None:
                self._take_in(offered, stopping, notes)
        return notes

    def _film_beside(self, side_car: Offered) -> Offered | None:
        """The film that a side-car speaks of; None where it is not there yet, or was looked at with this side-car."""
        path = side_car.path.removesuffix(SIDE_CAR)
        return None if self._side_cars.get(path) == side_car.etag else self._inbox.find(path)

    def _step(self, session: Session, backoff: Backoff, shutdown: Shutdown) -> None:
        for delivery in session.poll(1, POLL_SECONDS):
            try:
                events = self._processed(delivery, shutdown.requested)
            except Stopping:
                session.release([delivery])
            except (Unavailable, Overloaded) as error:
                seconds = backoff.next_seconds()
                log.warning("the inbox waits", object=delivery.event.key, error=str(error), seconds=round(seconds, 1))
                session.release([delivery], pause_seconds=seconds)
            except Exception as error:
                log.exception("a file failed", object=delivery.event.key, attempt=delivery.attempt, error=str(error))
                session.release([delivery], failed=True)
            else:
                backoff.reset()
                try:
                    session.commit([delivery], events)
                except Fenced as error:
                    log.warning("fenced, polling again", error=str(error))

    def _processed(self, delivery: Delivery, stopping: Callable[[], bool]) -> Sequence[Event]:
        """The events that go with the end of a notice: notes of tags, or its dead letter."""
        if delivery.attempt > MOST_ATTEMPTS:
            died = Invalid(f"{delivery.event.key}: given up after {MOST_ATTEMPTS} attempts. The log says why.")
            return [_dead(delivery, died, MOST_ATTEMPTS)]
        try:
            return self.take(delivery.event, stopping)
        except Invalid as error:
            return [_dead(delivery, error, delivery.attempt)]

    def _take_in(self, offered: Offered, stopping: Callable[[], bool], notes: list[Event]) -> None:
        try:
            if offered.size > self._most_bytes:
                raise LimitExceeded(f"{offered.path}: {offered.size} bytes, at most {self._most_bytes} are taken.")
            with self._inbox.fetch(offered, stopping) as path:
                self._submit(offered, path, notes)
        except NotFound as error:
            log.info("gone", object=offered.path, reason=str(error))
            INBOX_FILES.labels("gone").inc()
        except Invalid as error:
            log.warning("refused", object=offered.path, reason=str(error))
            INBOX_FILES.labels("refused").inc()

    def _submit(self, offered: Offered, path: Path, notes: list[Event]) -> None:
        """Described after it was fetched, which may take minutes: what is said meanwhile counts."""
        try:
            beside = self._inbox.find(offered.path + SIDE_CAR)
            self._remember(offered, beside)
            side_car = self._inbox.read(beside, SIDE_CAR_BYTES) if beside else None
            tags = self._inbox.tags(offered)
            if self._inbox.knows_tags:
                notes.append(seen(offered, tags))
            description = said_of(offered.path, tags, side_car)
        except NotFound:
            raise
        except Invalid as error:
            self._catalog.refuse(path, name=offered.path, error=RightsUnknown(str(error)))
            raise
        taken = self._catalog.submit(
            path, name=offered.path, description=description, adopt=False, licence_required=self._licence_required
        )
        how = "known" if taken.already_known else "taken"
        log.info(how, object=offered.path, footage_id=taken.footage.item.id)
        INBOX_FILES.labels(how).inc()

    def _remember(self, film: Offered, side_car: Offered | None) -> None:
        self._side_cars.pop(film.path, None)
        if side_car is not None:
            self._side_cars[film.path] = side_car.etag
        if len(self._side_cars) > MOST_REMEMBERED:
            del self._side_cars[next(iter(self._side_cars))]


def _dead(delivery: Delivery, error: Invalid, attempts: int) -> Event:
    log.warning("a notice could not be processed", object=delivery.event.key, error=str(error))
    INBOX_FILES.labels("failed").inc()
    return letter(NAME, delivery, error, attempts)
