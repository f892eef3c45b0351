"""Transactions of one producer: short, with a time limit on every step, and certain about how they ended.

Order of a transaction: begin, send, flush, offsets, commit. Up to the commit a failure means that nothing happened: the
broker aborts what was begun, at the latest when a producer with the same id comes up. A failure of the commit itself
leaves its end unknown (it may raise although it happened), so the producer is dropped and the caller must look at the
committed positions.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from kafka import KafkaProducer
from kafka import errors as kafka_errors

from celstream_platform.errors import Fenced, Unavailable
from celstream_platform.eventlog.kafka_connection import TRANSACTION_SECONDS, Connection, make, speaking
from celstream_platform.eventlog.kafka_records import to_records
from celstream_platform.eventlog.kafka_watchdog import Watchdog
from celstream_platform.events import Event

STEP_SECONDS = TRANSACTION_SECONDS  # the broker has aborted it by then
FENCED = (kafka_errors.ProducerFencedError, kafka_errors.InvalidProducerEpochError, kafka_errors.FencedInstanceIdError)


class GroupMoved(Exception):
    """The group has changed since its metadata was taken. Nothing happened; with new metadata it may succeed."""


class Transactions:
    """A transactional producer, made when it is needed and anew after every doubt."""

    def __init__(self, connection: Connection, transactional_id: str) -> None:
        self._connection = connection
        self._id = transactional_id
        self._producer: Any = None
        self._watchdog = Watchdog()

    def open(self) -> None:
        """Make the producer; whoever had this id before is fenced from now on. Raises Unavailable."""
        if self._producer is not None:
            return
        with speaking(self._connection, "opening a transactional producer"):
            producer = make(KafkaProducer, self._connection.producer(self._id))
            try:
                self._watchdog.call(producer.init_transactions, 2 * STEP_SECONDS, "opening a transactional producer")
            except BaseException:
                _drop(producer)
                raise
        self._producer = producer

    def run(self, events: Sequence[Event], offsets: Mapping[Any, Any], group_metadata: Any) -> None:
        """Publish `events` and move the group to `offsets`, both or neither.

        Raises Fenced where another producer has this id by now, or where the end is unknown; GroupMoved or Unavailable
        where nothing happened.
        """
        self.open()
        try:
            self._prepare(events, offsets, group_metadata)
        except GroupMoved:
            self._abort()
            # kafka-python 3.0 sends positions that it could not commit again with the next transaction, whatever that
            # one is about: events whose output was aborted would count as consumed.
            self.drop()
            raise
        except BaseException:
            self.drop()
            raise
        try:
            self._step(self._producer.commit_transaction, "committing")
        except Exception as error:
            self.drop()
            raise Fenced(f"{self._connection}: the end of a transaction is unknown ({error}). Poll again.") from error

    def drop(self) -> None:
        """Let go of the producer; what it has begun is aborted when the next one is opened."""
        producer, self._producer = self._producer, None
        if producer is not None:
            self._watchdog.close()
            self._watchdog = Watchdog()
            _drop(producer)

    def close(self) -> None:
        """Let go for good."""
        producer, self._producer = self._producer, None
        if producer is not None:
            _drop(producer)
        self._watchdog.close()

    def _prepare(self, events: Sequence[Event], offsets: Mapping[Any, Any], group_metadata: Any) -> None:
        producer = self._producer

        def send() -> None:
            producer.begin_transaction()
            sent = [producer.send(**record) for record in to_records(events, producer.partitions_for)]
            if sent:
                producer.flush()
            for future in sent:
                if not future.succeeded():
                    future.get(timeout=0)
            if offsets:
                producer.send_offsets_to_transaction(offsets, group_metadata)

        self._step(send, "sending")

    def _step(self, work: Callable[[], Any], doing: str) -> None:
        """One step. Which error means what: see `run`."""
        try:
            self._watchdog.call(work, STEP_SECONDS, f"{self._connection}: {doing}")
        except FENCED as error:
            raise Fenced(f"{self._connection}: another worker has the place of {self._id} by now.") from error
        except kafka_errors.CommitFailedError as error:
            raise GroupMoved(str(error)) from error
        except kafka_errors.KafkaError as error:
            if "ProducerFenced" in f"{error}":  # fencing at the commit comes as a general error with this in its text
                raise Fenced(f"{self._connection}: another worker has the place of {self._id} by now.") from error
            raise Unavailable(f"{self._connection}: {doing} failed ({type(error).__name__}: {error}).") from error

    def _abort(self) -> None:
        """End what was begun now: readers of the topics would wait for it."""
        with suppress(Fenced, GroupMoved, Unavailable):
            self._step(self._producer.abort_transaction, "aborting")


def _drop(producer: Any) -> None:
    """Close without waiting for what was not sent."""
    try:
        producer.close(timeout=0)
    except kafka_errors.KafkaError:
        producer._sender.force_close()  # close() begins with a flush, and gives up where that fails
