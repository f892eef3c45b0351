"""What an autoscaler sees and does on a cluster: lag, pods wanted, pods ready, second by second."""

import json
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from celstream_platform.topics import FOOTAGE
from celstream_segmenter.stage import NAME
from kafka import IsolationLevel, KafkaAdminClient, OffsetSpec, TopicPartition
from kafka.errors import KafkaError

from tests.cluster.load import Release
from tests.cluster.watching import Change, Watch

SAMPLE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One look. at: seconds since the epoch; lags: of each partition in offsets, as the scaler counts them."""

    at: float
    lags: list[int]


class Sampled:
    """A context: looks at the group's lag every second, and watches the segmenter's Deployment."""

    def __init__(self, release: Release, events_url: str) -> None:
        self.samples: list[Sample] = []
        self._admin: Any = KafkaAdminClient(bootstrap_servers=urlsplit(events_url).netloc)
        chosen = f"app.kubernetes.io/instance={release.name},app.kubernetes.io/component=segmenter"
        self._deployment = Watch(release.cluster.namespace, "deployments", chosen)
        self.pods = Watch(release.cluster.namespace, "pods", chosen)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._deployment.__enter__()
        self.pods.__enter__()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        self._thread.join()
        self.pods.__exit__(kind, error, trace)
        self._deployment.__exit__(kind, error, trace)
        self._admin.close()

    @property
    def wanted(self) -> list[tuple[float, int]]:
        """(time, pods that there shall be) at each change."""
        return _changes(self._deployment.changes, lambda found: found["spec"]["replicas"])

    @property
    def ready(self) -> list[tuple[float, int]]:
        """(time, pods that are ready) at each change."""
        return _changes(self._deployment.changes, lambda found: found["status"].get("readyReplicas", 0))

    def _look(self) -> None:
        partitions = [TopicPartition(FOOTAGE.name, number) for number in range(FOOTAGE.partitions)]
        latest = dict.fromkeys(partitions, OffsetSpec.LATEST)
        earliest = dict.fromkeys(partitions, OffsetSpec.EARLIEST)
        first: dict[Any, int] = {}
        due = time.monotonic()
        while not self._ending.wait(max(0.0, due - time.monotonic())):
            due += SAMPLE_SECONDS
            with suppress(KafkaError):
                first = first or self._offsets(earliest)
                end = self._offsets(latest)
                at = self._admin.list_group_offsets(NAME)
                at = at.get(NAME, at)
                done = {p: at[p].offset if p in at and at[p].offset >= 0 else first[p] for p in partitions}
                self.samples.append(Sample(time.time(), [max(0, end[p] - done[p]) for p in partitions]))

    def _offsets(self, asked: dict[Any, Any]) -> dict[Any, int]:
        found = self._admin.list_partition_offsets(asked, isolation_level=IsolationLevel.READ_UNCOMMITTED)
        return {partition: one.offset for partition, one in found.items()}


def _changes(changes: list[Change], value: Any) -> list[tuple[float, int]]:
    found: list[tuple[float, int]] = []
    for change in changes:
        if (now := value(change.object)) != (found[-1][1] if found else None):
            found.append((change.at, now))
    return found


def start_seconds(changes: list[Change]) -> list[float]:
    """From when each pod was made until it was ready."""
    made: dict[str, float] = {}
    ready: dict[str, float] = {}
    for change in changes:
        name = change.object["metadata"]["name"]
        made.setdefault(name, change.at)
        conditions = {one["type"]: one["status"] for one in change.object.get("status", {}).get("conditions", ())}
        if conditions.get("Ready") == "True":
            ready.setdefault(name, change.at)
    return sorted(ready[name] - made[name] for name in ready if ready[name] > made[name])


def hpa(release: Release) -> Any:
    """The HPAs of the release's namespace, as they are."""
    return json.loads(release.cluster.kubectl("get", "horizontalpodautoscalers", "--output", "json").stdout)["items"]
