"""The baseline of the Kafka benchmark: the least that consumes and produces exactly once with kafka-python.

    python -m tests.benchmarks.kafka_minimal URL copy|work

`copy` passes records on as they are; `work` does the job of kafka_job.py: of each record an item and an outcome. No
bookmarks, no assignor, no thread that keeps the membership alive, no time limits, no traces. It says `ready`, begins at
a line on standard input, goes on until nothing has come for a second, and reports a JSON line.
"""

import json
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from celstream_protos.v1.envelope_pb2 import ItemRef, Outcome
from celstream_protos.v1.footage_pb2 import Footage
from kafka import KafkaConsumer, KafkaProducer
from kafka.structs import OffsetAndMetadata

from tests.benchmarks.event_log_worker import SINK, SOURCE, TRANSACTION_EVENTS
from tests.benchmarks.kafka_job import DONE, JOBS, RECIPE, done

OUTCOMES = "celstream.outcomes"
Send = dict[str, Any]  # arguments of the producer's `send`


def copy(record: Any) -> Iterator[Send]:
    """The record as it is."""
    yield {"topic": SINK, "key": record.key, "value": record.value, "headers": record.headers}


def work(record: Any) -> Iterator[Send]:
    """An item and an outcome that lists it."""
    source = Footage.FromString(record.value)
    item = done(source)
    header = item.item
    outcome = Outcome(
        stage="minimal",
        input_id=source.item.id,
        input_version=source.item.version,
        input_level=source.item.level,
        footage_id=source.item.footage_id,
        recipe=RECIPE,
        items=[ItemRef(level=header.level, id=header.id, version=header.version)],
    )
    yield {"topic": DONE.name, "key": header.id.encode(), "value": item.SerializeToString(), "headers": record.headers}
    key = f"{source.item.id}/minimal".encode()
    yield {"topic": OUTCOMES, "key": key, "value": outcome.SerializeToString(), "headers": record.headers}


def main() -> None:
    servers = urlsplit(sys.argv[1]).netloc
    topic, answer = {"copy": (SOURCE, copy), "work": (JOBS.name, work)}[sys.argv[2]]
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=servers,
        group_id="minimal",
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        metrics_enabled=False,
    )
    producer = KafkaProducer(
        bootstrap_servers=servers,
        transactional_id="minimal",
        acks="all",
        linger_ms=2,
        batch_size=128 * 1024,
        retry_backoff_ms=5,
        metrics_enabled=False,
    )
    producer.init_transactions()
    first = {}
    while not first:  # until it has joined
        first = consumer.poll(timeout_ms=2000, max_records=TRANSACTION_EVENTS)
    print("ready", flush=True)
    sys.stdin.readline()
    events, end, busy = 0, time.monotonic(), time.process_time()
    while time.monotonic() < end + 1.0:
        records, first = first or consumer.poll(timeout_ms=200, max_records=TRANSACTION_EVENTS), {}
        if not records:
            continue
        producer.begin_transaction()
        for found in records.values():
            for record in found:
                for send in answer(record):
                    producer.send(**send)
        offsets = {place: OffsetAndMetadata(found[-1].offset + 1, "", -1) for place, found in records.items()}
        producer.send_offsets_to_transaction(offsets, consumer.group_metadata())
        producer.commit_transaction()
        events, end = events + sum(map(len, records.values())), time.monotonic()
    print(json.dumps({"events": events, "end": end, "busy": time.process_time() - busy}), flush=True)
    producer.close()
    consumer.close()


if __name__ == "__main__":
    main()
