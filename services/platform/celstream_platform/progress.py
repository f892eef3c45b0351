"""Progress of long work, published a few times a second at most. For display only: nothing is rebuilt from it."""

import time
from collections.abc import Callable

from celstream_protos.v1 import envelope_pb2

from celstream_platform import logs, topics
from celstream_platform.errors import Unavailable
from celstream_platform.eventlog.port import EventLog
from celstream_platform.events import encode
from celstream_platform.outcomes import Input

log = logs.logger(__name__)


def publisher(event_log: EventLog, stage: str, source: Input, every_seconds: float) -> Callable[[int, int, str], None]:
    """A function of (done, total, unit) that publishes the first call, and others once `every_seconds` have passed."""
    due = 0.0

    def progress(done: int, total: int, unit: str) -> None:
        nonlocal due
        if time.monotonic() < due:
            return
        due = time.monotonic() + every_seconds
        message = envelope_pb2.Progress(
            stage=stage, input_id=source.id, footage_id=source.footage_id, done=done, total=total, unit=unit
        )
        event = encode(topics.PROGRESS.name, source.id, message, event_id=f"{source.id}.{stage}.{done}", source=stage)
        try:
            event_log.publish([event])
        except Unavailable as error:
            # The work itself needs no event log before its commit, which meets the same trouble and waits for its end.
            log.debug("progress not published", error=str(error))

    return progress
