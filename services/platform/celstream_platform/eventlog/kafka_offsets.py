"""Where topics end and groups stand, exactly: what was committed when one asks counts, what is still open does not.

A commit returns before its markers are written, so its events may not be readable yet. Whoever asks for the end waits
for the transactions that are open at that moment: milliseconds, or until the broker aborts one whose worker died.
"""

import time
from collections.abc import Iterable
from typing import Any

from kafka import IsolationLevel, KafkaAdminClient, KafkaConsumer, OffsetSpec

from celstream_platform.errors import Unavailable
from celstream_platform.eventlog.kafka_connection import TRANSACTION_SECONDS

LOOK_SECONDS = 0.005
PATIENCE_SECONDS = TRANSACTION_SECONDS + 15.0  # a broker looks for abandoned transactions every ten seconds
COUNT_AT_MOST = 200  # offsets; past it their difference is near enough, and reading so many would take long


def ends(admin: KafkaAdminClient, partitions: Iterable[Any]) -> dict[Any, int]:
    """The offset after the last committed event of each partition. Raises Unavailable, KafkaError."""
    wanted = dict.fromkeys(partitions, OffsetSpec.LATEST)
    if not wanted:
        return {}
    written = _list(admin, wanted, IsolationLevel.READ_UNCOMMITTED)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        readable = _list(admin, wanted, IsolationLevel.READ_COMMITTED)
        if all(readable[partition] >= written[partition] for partition in wanted):
            return written
        if time.monotonic() > deadline:
            raise Unavailable("A transaction stays open. Look for its producer, and at the brokers' coordinators.")
        time.sleep(LOOK_SECONDS)


def beginnings(admin: KafkaAdminClient, partitions: Iterable[Any]) -> dict[Any, int]:
    """The oldest offset of each partition."""
    return _list(admin, dict.fromkeys(partitions, OffsetSpec.EARLIEST), IsolationLevel.READ_UNCOMMITTED)


def committed(consumer: KafkaConsumer, partitions: Iterable[Any], seconds: float) -> dict[Any, int]:
    """Where the consumer's group stands in partitions where it ever was; waits for transactions that end just now."""
    asked = list(partitions)
    found = consumer._coordinator.fetch_committed_offsets(asked, timeout_ms=int(seconds * 1000)) if asked else {}
    return {partition: at.offset for partition, at in found.items()}


def count(consumer: KafkaConsumer, begin: dict[Any, int], end: dict[Any, int], seconds: float) -> int:
    """How many events lie between two offsets: markers of transactions and aborted events are none.

    An upper bound where more than `COUNT_AT_MOST` offsets lie between.
    """
    left = {partition for partition in begin if begin[partition] < end[partition]}
    span = sum(end[partition] - begin[partition] for partition in left)
    if span == 0 or span > COUNT_AT_MOST:
        return span
    consumer.assign(sorted(left))
    consumer.resume(*left)  # it may have counted here before
    for partition in left:
        consumer.seek(partition, begin[partition])
    found = 0
    deadline = time.monotonic() + seconds
    while left:
        for partition, records in consumer.poll(timeout_ms=50).items():
            found += sum(record.offset < end[partition] for record in records)
        left = {partition for partition in left if (consumer.position(partition) or 0) < end[partition]}
        consumer.pause(*(consumer.assignment() - left))
        if time.monotonic() > deadline:
            raise Unavailable(f"Counting {span} events did not end in {seconds:.0f} s. Check that the brokers run.")
    return found


def _list(admin: KafkaAdminClient, wanted: dict[Any, Any], level: Any) -> dict[Any, int]:
    found = admin.list_partition_offsets(wanted, isolation_level=level)
    return {partition: at.offset for partition, at in found.items()}
