"""A Prometheus that is asked by its API."""

import json
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import Any

ANSWER_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Prometheus:
    """Where it answers."""

    url: str

    def series(self, query: str) -> list[dict[str, Any]]:
        """What a query gives now, one element per series."""
        found: list[dict[str, Any]] = self._ask("query", query=query)["result"]
        return found

    def rules(self) -> list[dict[str, Any]]:
        """All rules that it computes, with what it says of each."""
        return [rule for group in self._ask("rules")["groups"] for rule in group["rules"]]

    def targets(self) -> list[dict[str, Any]]:
        """What it scrapes."""
        found: list[dict[str, Any]] = self._ask("targets")["activeTargets"]
        return found

    def _ask(self, what: str, **given: str) -> dict[str, Any]:
        address = f"{self.url}/api/v1/{what}?{urllib.parse.urlencode(given)}"
        with urllib.request.urlopen(address, timeout=ANSWER_SECONDS) as answer:
            said: dict[str, Any] = json.load(answer)["data"]
        return said
