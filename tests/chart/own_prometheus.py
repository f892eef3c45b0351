"""A Prometheus of a test's own, with rules, that scrapes what it is told; and what it finds."""

import json
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml
from celstream_stack.places import cache
from celstream_stack.ports import free_port
from celstream_stack.prometheus import Prometheus

NAMESPACE = "films"
WAIT_SECONDS = 120.0  # at most
STARTING = 503  # what it answers until it has read its data
LOOK_SECONDS = 0.25  # between two scrapes nothing changes


class OwnPrometheus:
    """Runs as long as the context lasts. targets: job -> `HOST:PORT` or `HOST:PORT/path`. rules: files."""

    def __init__(self, folder: Path, targets: Mapping[str, str], rules: Sequence[Path], interval: str = "1s") -> None:
        self._folder = folder
        self._url = f"http://127.0.0.1:{free_port()}"
        settings = {
            "global": {"scrape_interval": interval, "evaluation_interval": interval},
            "rule_files": [str(path) for path in rules],
            "scrape_configs": [_scraping(job, place) for job, place in targets.items()],
        }
        (folder / "prometheus.yml").write_text(yaml.safe_dump(settings))

    def __enter__(self) -> Self:
        command = [
            Prometheus().install(cache()) / "prometheus",
            f"--config.file={self._folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self._folder / 'data'}",
            f"--web.listen-address={urllib.parse.urlsplit(self._url).netloc}",
        ]
        with (self._folder / "log").open("w") as log:
            self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait()

    def find(self, query: str) -> list[dict[str, str]] | None:
        """The labels of the series that a query gives; None where it does not answer yet."""
        given = urllib.parse.urlencode({"query": query})
        try:
            with urllib.request.urlopen(f"{self._url}/api/v1/query?{given}", timeout=60) as answer:
                found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        except urllib.error.HTTPError as refused:
            if refused.code != STARTING:
                raise
            return None
        except OSError:
            assert self._process.poll() is None, (self._folder / "log").read_text()
            return None
        return [one["metric"] for one in found]

    def count(self, query: str) -> int:
        """How many series a query gives; -1 where it does not answer yet."""
        found = self.find(query)
        return -1 if found is None else len(found)

    def wait_for(self, query: str, enough: Callable[[int], bool] = lambda found: found > 0) -> None:
        """Until a query gives data, or as many series as are enough."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not enough(found := self.count(query)):
            assert time.monotonic() < deadline, f"{found} series: {query}"
            time.sleep(LOOK_SECONDS)

    def firing(self) -> set[str]:
        """The names of the alerts that fire."""
        return {labels["alertname"] for labels in self.find('ALERTS{alertstate="firing"}') or []}


def _scraping(job: str, place: str) -> dict[str, Any]:
    address, slash, path = place.partition("/")
    labels = {"namespace": NAMESPACE, "pod": f"{job}-1"}
    return {
        "job_name": job,
        "metrics_path": f"/{path}" if slash else "/metrics",
        "static_configs": [{"targets": [address], "labels": labels}],
    }
