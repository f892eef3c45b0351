"""The toy chain on a bench: event log, store, catalog, and workers that run until nothing is left to do."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from celstream_catalog import Catalog, Chain
from celstream_catalog.database import open_database, reading
from celstream_catalog.tables import METADATA
from celstream_platform import topics
from celstream_platform.artefacts import ArtefactStore, directory_url, open_artefact_store
from celstream_platform.eventlog import EventLog, open_event_log, sqlite_url
from celstream_platform.events import Delivery, Event, encode
from celstream_platform.identity import reference
from celstream_platform.stage import Stage
from celstream_platform.worker import Worker, WorkerSettings
from celstream_protos.v1.envelope_pb2 import Review, ReviewVerdict
from google.protobuf.message import Message
from sqlalchemy import select
from structlog.testing import capture_logs

from tests.chain import toy

QUICK = WorkerSettings(max_events=10, first_backoff_seconds=0.001, longest_backoff_seconds=0.01, progress_seconds=0.0)


@dataclass
class Bench:
    """One event log and store, a catalog over them, and the two stages as they are just now."""

    folder: Path
    log: EventLog
    store: ArtefactStore
    catalog: Catalog
    stages: list[Stage] = field(default_factory=list)

    def offer(self, name: str, says: str, traceparent: str = "") -> str:
        """Offer a text; returns its id."""
        self.log.publish([toy.text_event(name, says, traceparent)])
        return toy.text_id(name)

    def settle(self) -> None:
        """Let stages and catalog work until none of them finds anything to do."""
        while sum(Worker(stage, self.log, self.store, QUICK).run_until_idle() for stage in self.stages):
            self.catalog.catch_up()
        if self.catalog.catch_up():
            self.settle()

    def replace(self, *stages: Stage) -> None:
        """Run these stages from now on, in the place of those of the same name."""
        names = {stage.name for stage in stages}
        self.stages = [stage for stage in self.stages if stage.name not in names] + list(stages)

    def review(
        self, item: Any, verdict: "ReviewVerdict.ValueType", review_id: str, correction: Message | None = None
    ) -> None:
        """Publish a person's review."""
        review = Review(id=review_id, item=reference(item.item), verdict=verdict, reviewer="ada")
        if correction is not None:
            review.correction.Pack(correction)
        event = encode(topics.REVIEWS.name, item.item.id, review, event_id=review_id, source="review")
        self.log.publish([event])

    def word(self, name: str) -> Any:
        """The current word that says `name`."""
        (word,) = [word for word in self.catalog.items("words") if word.name == name]  # type: ignore[attr-defined]
        return word

    def says(self, level: str) -> list[str]:
        """What the current items of a level say, sorted."""
        return toy.says(self.catalog.items(level))

    def on_topic(self, topic: str) -> list[Event]:
        """All events of a topic."""
        return [delivery.event for delivery in deliveries(self.log, [topic])]

    @contextmanager
    def rebuilt(self, name: str = "rebuilt") -> Iterator[Catalog]:
        """Another catalog, built anew from the topics."""
        with Catalog(database_url(self.folder, name), self.log, self.store, self.catalog.chain) as catalog:
            catalog.catch_up()
            yield catalog


@contextmanager
def open_bench(folder: Path, chain: Chain = toy.CHAIN) -> Iterator[Bench]:
    """A bench in a folder."""
    log = open_event_log(sqlite_url(folder / "events.sqlite"))
    store = open_artefact_store(directory_url(folder / "artefacts"))
    try:
        # Logs are kept, not printed: rendering a traceback for people takes more than a second.
        with capture_logs(), Catalog(database_url(folder, "catalog"), log, store, chain) as catalog:
            yield Bench(folder, log, store, catalog, [toy.Splitter(store), toy.Speller()])
    finally:
        log.close()


def database_url(folder: Path, name: str) -> str:
    return f"sqlite:///{folder / name}.sqlite"


def deliveries(log: EventLog, names: Sequence[str]) -> list[Delivery]:
    """Everything that topics hold."""
    reader = log.reader(names, {})
    found: list[Delivery] = []
    while not reader.at_end():
        found += reader.poll(1000, 1.0)
    reader.close()
    return found


def dump(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table of a catalog's database, sorted."""
    engine = open_database(url)
    with reading(engine) as connection:
        rows = {table.name: sorted(map(tuple, connection.execute(select(table)))) for table in METADATA.sorted_tables}
    engine.dispose()
    return rows


def contents(catalog: Catalog) -> dict[str, Any]:
    """What is current, as anybody who asks the catalog sees it."""
    return {
        "items": {level.name: catalog.items(level.name) for level in catalog.chain.levels},
        "rejections": catalog.rejections(),
        "attachments": catalog.attachments(),
        "funnel": catalog.funnel(),
        "finished": catalog.finished(),
        "balance": catalog.check_balance(),
    }
