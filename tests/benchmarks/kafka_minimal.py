"""The baseline of the Kafka benchmark: the least that consumes and produces exactly once with kafka-python.

No bookmarks, no assignor, no thread that keeps the membership alive, no time limits. It says `ready`, begins at a line
on standard input, copies until nothing has come for a second, and reports a JSON line.
"""

import json
import sys
import time
from urllib.parse import urlsplit

from kafka import KafkaConsumer, KafkaProducer
from kafka.structs import OffsetAndMetadata

from tests.benchmarks.event_log_worker import SINK, SOURCE, TRANSACTION_EVENTS


def main() -> None:
    servers = urlsplit(sys.argv[1]).netloc
    consumer = KafkaConsumer(
        SOURCE,
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
    events, end = 0, time.monotonic()
    while time.monotonic() < end + 1.0:
        records, first = first or consumer.poll(timeout_ms=200, max_records=TRANSACTION_EVENTS), {}
        if not records:
            continue
        producer.begin_transaction()
        for found in records.values():
            for record in found:
                producer.send(SINK, key=record.key, value=record.value, headers=record.headers)
        offsets = {place: OffsetAndMetadata(found[-1].offset + 1, "", -1) for place, found in records.items()}
        producer.send_offsets_to_transaction(offsets, consumer.group_metadata())
        producer.commit_transaction()
        events, end = events + sum(map(len, records.values())), time.monotonic()
    print(json.dumps({"events": events, "end": end}), flush=True)
    producer.close()
    consumer.close()


if __name__ == "__main__":
    main()
