"""A release under load: footage dropped into its inbox, and the troubles that befall it on the way.

Troubles come by progress, not by the clock: each when its share of the footage has its outcome.
"""

import io
import itertools
import json
import secrets
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from celstream_stack.stack import Stack
from minio import Minio
from minio.commonconfig import Tags

from tests.chart.rendered import CHART
from tests.cluster.cluster import Cluster
from tests.cluster.collected import Following

SLICE_SECONDS = 0.5
AT_ONCE = 40  # pieces that are dropped at the beginning; the others go before the troubles, in equal portions
WAIT = ("--wait", "--timeout", "8m")
DRAIN_SECONDS = 40
PATIENCE_SECONDS = 1200.0  # without any progress
# What it writes into a file that has no name counts for the container, but for no process: so the kernel ends the one
# that has most of its own, which is the service, or its decoder and then the service.
EATER = "import os; f = os.memfd_create('x'); b = bytes(1 << 22)\nwhile True: os.write(f, b)"
Trouble = tuple[float, Callable[["Load"], None]]  # (share of the footage that has its outcome, 0-1; what happens then)


@dataclass(frozen=True, slots=True)
class Release:
    """A release of the chart, with the file of values that it was made of."""

    cluster: Cluster
    name: str
    values: Path

    @property
    def selector(self) -> str:
        """Of its services' objects."""
        return f"app.kubernetes.io/instance={self.name},app.kubernetes.io/component in (segmenter, catalog)"

    def upgrade(self, *sets: str) -> None:
        """Make it as the values say, and what is given beside them; also where an autoscaler had its word before."""
        given = [part for one in sets for part in ("--set", one)]
        force = ("--server-side=true", "--force-conflicts")
        self.cluster.helm("upgrade", self.name, CHART, "--values", self.values, *given, *force, *WAIT)

    def roll_back(self) -> None:
        """To the revision before."""
        self.cluster.helm("rollback", self.name, *WAIT)

    def pods(self, service: str) -> list[str]:
        """Names of a service's pods that shall stay, `pod/…`."""
        chosen = f"app.kubernetes.io/instance={self.name},app.kubernetes.io/component={service}"
        found = json.loads(self.cluster.kubectl("get", "pods", "--selector", chosen, "--output", "json").stdout)[
            "items"
        ]
        return [f"pod/{pod['metadata']['name']}" for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def settle(self) -> None:
        """Wait until all its pods are ready."""
        for service in ("segmenter", "catalog"):
            self.cluster.kubectl("rollout", "status", f"deployment/{self.name}-{service}", "--timeout=8m")


class Inbox:
    """A folder of our own in the inbox of the servers' bucket, with the keys of who may drop and nothing else."""

    def __init__(self, servers: Stack, url: str, name: str) -> None:
        place, _, endpoint = url.partition("?endpoint=http://")
        self._bucket, _, inbox = place.removeprefix("s3://").partition("/")
        self._folder = f"{inbox}/{name}-{secrets.token_hex(4)}"
        keys = servers.login("submitter")
        self._client = Minio(
            endpoint, access_key=keys["AWS_ACCESS_KEY_ID"], secret_key=keys["AWS_SECRET_ACCESS_KEY"], secure=False
        )
        self._tags = Tags.new_object_tags()
        self._tags.update({"license": "CC0-1.0", "style": "rendered"})

    def drop(self, piece: Path) -> None:
        """Drop a file."""
        key, content = f"{self._folder}/{piece.name}", piece.read_bytes()
        self._client.put_object(self._bucket, key, io.BytesIO(content), len(content), tags=self._tags)


class Load:
    """Footage on its way through a release. happened: how often each trouble did."""

    def __init__(self, release: Release, servers: Stack, following: Following, number: int) -> None:
        self.release = release
        self.happened: Counter[str] = Counter()
        self.seconds = 0.0
        self._servers, self._following, self._number = servers, following, number
        self._turns = itertools.count()

    def run(self, inbox: Inbox, pieces: Sequence[Path], troubles: Sequence[Trouble]) -> None:
        """Drop the footage, and see the troubles through; returns once each has its outcome and nothing follows.

        Each trouble finds footage that was dropped the moment before, however fast the rest was done.
        """
        begun = time.monotonic()
        portion = (self._number - AT_ONCE) // len(troubles)
        left = iter(pieces)

        def drop(count: int) -> None:
            for piece in itertools.islice(left, count):
                inbox.drop(piece)

        drop(AT_ONCE)
        for turn, (share, trouble) in enumerate(sorted(troubles, key=lambda one: one[0])):
            assert share * self._number <= AT_ONCE + turn * portion, "waits for what is not dropped. Drop more at once."
            self._until(lambda share=share: self.finished >= share * self._number)  # type: ignore[misc]
            drop(portion)
            trouble(self)
        drop(self._number)
        self._until(lambda: self.finished == self._number and self._following.at_end())
        self.seconds = time.monotonic() - begun

    @property
    def finished(self) -> int:
        """Footage with an outcome."""
        return len({footage for footage, _ in self._following.found.outcomes})

    def delete_a_pod(self) -> None:
        """Of the segmenter; each fourth time of the catalog."""
        turn = next(self._turns)
        pods = self.release.pods("catalog" if turn % 4 == 3 else "segmenter")
        if pods:
            self.release.cluster.kubectl("delete", pods[turn % len(pods)], "--wait=false")
            self.happened["pods deleted"] += 1

    def use_up_memory(self) -> None:
        """In a segmenter, until the kernel has ended it."""
        self.release.settle()
        pod = self.release.pods("segmenter")[0]
        self.release.cluster.kubectl("exec", pod, "--", "python3", "-c", EATER, check=False)
        reason = "{.status.containerStatuses[0].lastState.terminated.reason}"
        self._until(lambda: self._field(pod, reason) == "OOMKilled")
        self.happened["segmenters killed for want of memory"] += 1

    def restart_kafka(self) -> None:
        """Down, and up again."""
        self._servers.down(["kafka"])
        self._servers.up(["kafka"])
        self.happened["Kafka restarted"] += 1

    def upgrade(self, *sets: str) -> None:
        """To other values."""
        self.release.upgrade(*sets)
        self.happened["upgrades"] += 1

    def roll_back(self) -> None:
        """To the values before."""
        self.release.roll_back()
        self.happened["rollbacks"] += 1

    def drain(self) -> None:
        """As far as the disruption budgets allow, there being no other node; then the rest; then let pods in again."""
        kubectl = self.release.cluster.kubectl
        (node,) = kubectl("get", "nodes", "--output", "name").stdout.split()
        mine = ("--pod-selector", self.release.selector, "--delete-emptydir-data", "--force")
        held = kubectl("drain", node, *mine, f"--timeout={DRAIN_SECONDS}s", check=False)
        if "violate the pod's disruption budget" in held.stderr + held.stdout:
            self.happened["drains held up by a budget"] += 1
        kubectl("drain", node, *mine, "--disable-eviction", "--timeout=5m")
        assert self.release.pods("segmenter"), "no pod waits for a node"
        kubectl("uncordon", node)
        self.release.settle()
        self.happened["nodes drained"] += 1

    def _field(self, name: str, path: str) -> str:
        return self.release.cluster.kubectl("get", name, "--output", f"jsonpath={path}", check=False).stdout

    def _until(self, holds: Callable[[], bool]) -> None:
        """Follow the topics until something holds."""
        finished, deadline = self.finished, time.monotonic() + PATIENCE_SECONDS
        while not holds():
            self._following.read(SLICE_SECONDS)
            if self.finished > finished:
                finished, deadline = self.finished, time.monotonic() + PATIENCE_SECONDS
            assert time.monotonic() < deadline, f"nothing gets on: {self.finished} of {self._number} have an outcome"
