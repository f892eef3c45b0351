"""What the stages work on now: kept in memory alone, as it is true for seconds."""

import threading

from celstream_protos.v1.envelope_pb2 import Progress

from celstream_catalog.batch import Batch


class ProgressBoard:
    """The last progress of every input that has no outcome yet. Safe for use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._latest: dict[tuple[str, str], Progress] = {}

    def take(self, batch: Batch) -> None:
        """Note the progress of a batch; an outcome ends it."""
        with self._lock:
            for progress in batch.progress:
                self._latest[progress.stage, progress.input_id] = progress
            for key in batch.outcomes:
                self._latest.pop(key, None)

    def of(self, footage_id: str | None = None) -> list[Progress]:
        """What is in work, of one footage or of all, by stage and input."""
        with self._lock:
            return [
                progress for _, progress in sorted(self._latest.items()) if footage_id in (None, progress.footage_id)
            ]
