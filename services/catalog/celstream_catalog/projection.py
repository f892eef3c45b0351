"""The projection: all topics into the database, each event exactly once.

One transaction writes a batch's rows, the states that follow from them, and the positions up to which the topics have
been read. After a crash the reader begins at the stored positions, so nothing is lost and nothing counts twice. Order
between topics does not matter: rows copy what events say, the newest event of a key wins, and states are derived.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

from celstream_platform.artefacts.port import ArtefactStore
from celstream_platform.eventlog.port import EventLog, Reader
from sqlalchemy import Connection, Engine, and_, bindparam, delete, select

from celstream_catalog.batch import Batch, Row, read_batch
from celstream_catalog.database import reading, select_in, unavailable, upsert, writing
from celstream_catalog.levels import Chain
from celstream_catalog.metrics import BATCH_SECONDS, SKIPPED_EVENTS
from celstream_catalog.states import Touched, recompute
from celstream_catalog.tables import (
    ATTACHMENTS,
    EVALUATIONS,
    FACTS,
    ITEM,
    ITEMS,
    LISTINGS,
    OUTCOME_VERSIONS,
    OUTCOMES,
    POSITIONS,
    REJECTIONS,
    REVIEWS,
    SKIPPED,
    TAKEDOWNS,
    VERSIONS,
)

BATCH_EVENTS = 5000  # one transaction: large enough that a rebuild is quick, small enough that readers see progress


class Projection:
    """Reads the topics into the database. Safe for use from several threads and processes: one batch at a time."""

    def __init__(
        self,
        engine: Engine,
        log: EventLog,
        store: ArtefactStore,
        chain: Chain,
        on_batch: Callable[[Batch], None] = lambda _: None,
    ) -> None:
        """on_batch: called with every batch, once it is stored."""
        self._engine, self._log, self._store, self._chain, self._on_batch = engine, log, store, chain, on_batch
        self._turn, self._busy = threading.Lock(), threading.Lock()
        self._positions: dict[tuple[str, int], int] = {}
        self._reader: Reader | None = None
        for topic in chain.topics():
            SKIPPED_EVENTS.labels(topic.name)

    def step(self, timeout_seconds: float, max_events: int = BATCH_EVENTS) -> Batch:
        """Project the next batch, waiting up to `timeout_seconds` for one; empty where nothing came.

        `footage_ids` of the batch is what changed. Raises Unavailable; nothing of the batch is stored then.
        """
        with self._turn_taken() as reader:
            deliveries = reader.poll(max_events, timeout_seconds)
            if not deliveries:
                return Batch()
            batch = read_batch(deliveries, self._chain, self._store)
            with BATCH_SECONDS.time(), unavailable("catalog"), writing(self._engine) as connection:
                ours = stored_positions(connection) == self._positions
                if ours:
                    batch.footage_ids |= apply_batch(connection, batch, self._chain)
            if not ours:  # another process has projected these events; go on from where it is
                self._forget_reader()
                return Batch()
            self._positions |= batch.positions
            self._on_batch(batch)
            return batch

    def at_end(self) -> bool:
        """Whether everything that was committed when this is called has been projected."""
        with self._turn_taken() as reader:
            return reader.at_end()

    @contextmanager
    def caught_up(self) -> Iterator[Connection]:
        """A transaction in which everything that is committed is projected, and no other catalog projects or decides.

        What is published inside, because of what the database says, is therefore published once: whoever comes next
        sees it. Should the process die before the end, the events themselves say that it happened.
        """
        batches: list[Batch] = []
        with self._turn_taken() as reader, unavailable("catalog"), writing(self._engine) as connection:
            positions = stored_positions(connection)
            if positions != self._positions:
                reader = self._open_reader(positions)
            while not reader.at_end():
                batch = read_batch(reader.poll(BATCH_EVENTS, 0.1), self._chain, self._store)
                batch.footage_ids |= apply_batch(connection, batch, self._chain)
                self._positions |= batch.positions
                batches.append(batch)
            yield connection
        for batch in batches:
            self._on_batch(batch)

    def close(self) -> None:
        """Stop reading."""
        with self._turn, self._busy:
            self._forget_reader()

    @contextmanager
    def _turn_taken(self) -> Iterator[Reader]:
        # Two locks make it fair: whoever waits holds the turn, so a loop that steps for ever lets others in.
        with self._turn:
            self._busy.acquire()
        try:
            if self._reader is None:
                with unavailable("catalog"), reading(self._engine) as connection:
                    positions = stored_positions(connection)
                self._open_reader(positions)
            yield cast(Reader, self._reader)
        except BaseException:
            self._forget_reader()  # what it had read is not stored
            raise
        finally:
            self._busy.release()

    def _open_reader(self, positions: dict[tuple[str, int], int]) -> Reader:
        self._forget_reader()
        self._positions = positions
        self._reader = self._log.reader([topic.name for topic in self._chain.topics()], positions)
        return self._reader

    def _forget_reader(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None


def stored_positions(connection: Connection) -> dict[tuple[str, int], int]:
    """Next offset by topic and partition."""
    return {(row.topic, row.partition): row.next_offset for row in connection.execute(select(POSITIONS))}


def apply_batch(connection: Connection, batch: Batch, chain: Chain) -> set[str]:
    """Write a batch, the states that follow from it, and the positions after it. Returns the footage ids concerned."""
    touched = Touched(items=set(batch.items), rejections=set(batch.rejections))
    upsert(connection, VERSIONS, list(batch.item_versions.values()))
    upsert(connection, ITEMS, list(batch.items.values()), keep=["state"])
    upsert(connection, FACTS, list(batch.facts.values()))
    _write_outcomes(connection, batch, touched)
    upsert(connection, REJECTIONS, list(batch.rejections.values()), keep=["current"])
    upsert(connection, REVIEWS, list(batch.reviews.values()))
    touched.items.update(row["item_id"] for row in batch.reviews.values())
    upsert(connection, TAKEDOWNS, list(batch.takedowns.values()))
    _touch_takedowns(connection, batch, touched)
    upsert(connection, EVALUATIONS, list(batch.evaluations.values()))
    upsert(connection, SKIPPED, batch.skipped)
    footage_ids = recompute(connection, touched, chain)
    positions = [{"topic": t, "partition": p, "next_offset": offset} for (t, p), offset in batch.positions.items()]
    upsert(connection, POSITIONS, positions)
    return footage_ids


def _write_outcomes(connection: Connection, batch: Batch, touched: Touched) -> None:
    """Write outcomes. A newer one replaces the older with all that it lists; both listings are touched."""
    upsert(connection, OUTCOME_VERSIONS, list(batch.outcome_versions.values()))
    input_ids = {input_id for _, input_id in batch.outcomes}
    offsets = select(OUTCOMES.c.stage, OUTCOMES.c.input_id, OUTCOMES.c.offset)
    known = {
        (row.stage, row.input_id): row.offset
        for row in select_in(connection, offsets, OUTCOMES.c.input_id, input_ids)
        if (row.stage, row.input_id) in batch.outcomes
    }
    newer = {key: row for key, row in batch.outcomes.items() if known.get(key, -1) < row["offset"]}
    replaced = [{"s": stage, "i": input_id} for stage, input_id in newer.keys() & known.keys()]
    if replaced:
        for row in select_in(connection, select(LISTINGS), LISTINGS.c.input_id, {key["i"] for key in replaced}):
            (touched.items if row.kind == ITEM else touched.rejections).add(row.ref_id)
        for table in (LISTINGS, ATTACHMENTS):
            of_input = and_(table.c.stage == bindparam("s"), table.c.input_id == bindparam("i"))
            connection.execute(delete(table).where(of_input), replaced)
    upsert(connection, OUTCOMES, list(newer.values()))
    listings: list[Row] = [row for key in newer for row in batch.listings[key]]
    upsert(connection, LISTINGS, listings)
    upsert(connection, ATTACHMENTS, [row for key in newer for row in batch.attachments[key]])
    for listing in listings:
        (touched.items if listing["kind"] == ITEM else touched.rejections).add(listing["ref_id"])


def _touch_takedowns(connection: Connection, batch: Batch, touched: Touched) -> None:
    """A takedown touches the item; of footage, all that is known below it, even if the footage itself never came."""
    item_ids = {row["item_id"] for row in batch.takedowns.values()}
    touched.items |= item_ids
    touched.items.update(
        r.item_id for r in select_in(connection, select(ITEMS.c.item_id), ITEMS.c.footage_id, item_ids)
    )
    of_footage = select(REJECTIONS.c.rejection_id)
    touched.rejections.update(
        row.rejection_id for row in select_in(connection, of_footage, REJECTIONS.c.footage_id, item_ids)
    )
