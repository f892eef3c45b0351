"""The catalog's metrics."""

from celstream_platform import metrics

PROJECTED_EVENTS = metrics.counter(
    "celstream_catalog_projected_events", "Events that the projection has taken in.", unit="events"
)
SKIPPED_EVENTS = metrics.counter(
    "celstream_catalog_skipped_events",
    "Events that the projection could not read, and passed over.",
    unit="events",
    labels=("topic",),
)
BATCH_SECONDS = metrics.histogram(
    "celstream_catalog_batch_seconds",
    "Time of one database transaction of the projection.",
    unit="seconds",
    buckets=metrics.SECONDS_LONG,
)
INBOX_FILES = metrics.counter(
    "celstream_catalog_inbox_files",
    "Files of the inbox that were looked at, by what became of them: taken, known, refused, gone, failed.",
    unit="files",
    labels=("outcome",),
    known=[("taken", "known", "refused", "gone", "failed")],
)
