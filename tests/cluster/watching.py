"""kubectl's watch of a kind of objects: every change, with the time when it was heard of; and how containers ended."""

import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from celstream_cluster import tools

from tests.chart.rendered import Manifest

AGAIN_SECONDS = 0.5
BLOCK = 1 << 16


@dataclass(frozen=True, slots=True)
class Change:
    """One change. kind: ADDED, MODIFIED or DELETED; at: seconds since the epoch."""

    at: float
    kind: str
    object: Manifest


class Watch:
    """A context: watches objects of one kind, chosen by a selector, from its begin to its end."""

    def __init__(self, namespace: str, kind: str, selector: str) -> None:
        self._command = [tools.install().kubectl, "--namespace", namespace, "get", kind, "--selector", selector]
        self._changes: list[Change] = []
        self._ending = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._watch, daemon=True)

    @property
    def changes(self) -> list[Change]:
        """All so far, in order."""
        return list(self._changes)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        if self._process is not None:
            self._process.terminate()
        self._thread.join()

    def _watch(self) -> None:
        """Again where the server ends it: each begins with all objects that there are."""
        while not self._ending.is_set():
            watch = [*self._command, "--watch", "--output-watch-events", "--output", "json"]
            with subprocess.Popen(watch, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as self._process:
                if self._ending.is_set():
                    self._process.terminate()
                assert self._process.stdout is not None
                for found in _objects(self._process.stdout.fileno()):
                    self._changes.append(Change(time.time(), found["type"], found["object"]))
            self._ending.wait(AGAIN_SECONDS)


def _objects(descriptor: int) -> Iterator[Any]:
    """JSON objects, one after the other, as they arrive."""
    decoder, text = json.JSONDecoder(), ""
    while block := os.read(descriptor, BLOCK):
        text += block.decode(errors="replace")
        while text := text.lstrip():
            try:
                found, end = decoder.raw_decode(text)
            except json.JSONDecodeError:
                break
            yield found
            text = text[end:]


@dataclass(frozen=True, slots=True)
class Ending:
    """How a container ended. seconds: from the order to end until it had, None where nobody ordered it."""

    pod: str
    container: str
    exit_code: int
    reason: str
    seconds: float | None
    grace_seconds: float | None


def endings(changes: list[Change]) -> set[Ending]:
    """The containers that ended, once each."""
    found = {}
    for change in changes:
        metadata, status = change.object["metadata"], change.object.get("status", {})
        for container in status.get("containerStatuses", ()):
            for state in (container.get("state", {}), container.get("lastState", {})):
                if ended := state.get("terminated"):
                    key = (metadata["uid"], container["name"], ended.get("containerID", ""))
                    found.setdefault(key, _ending(metadata, container["name"], ended))
    return set(found.values())


def _ending(metadata: Manifest, container: str, ended: Manifest) -> Ending:
    seconds = grace = None
    if "deletionTimestamp" in metadata:
        grace = float(metadata.get("deletionGracePeriodSeconds", 0))
        seconds = _seconds(ended["finishedAt"]) - (_seconds(metadata["deletionTimestamp"]) - grace)
    return Ending(metadata["name"], container, ended["exitCode"], ended.get("reason", ""), seconds, grace)


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
