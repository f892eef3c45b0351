"""What the stack has to know of a server: how it is installed, started, asked whether it is ready, and addressed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start a process. user: name of the user it runs as; None for the one who starts it."""

    command: list[str]
    env: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None


class Server(Protocol):
    """One kind of server. `state` is its own folder in a stack; `settings` are its ports and secrets, which stay."""

    @property
    def name(self) -> str:
        """Name on the command line, in folders and messages."""

    def install(self, cache: Path) -> Path:
        """Install what is missing; the folder with the software. Quick where nothing is. Raises StackError."""

    def new_settings(self) -> dict[str, str]:
        """Ports and secrets of a new stack."""

    def prepare(self, home: Path, state: Path, settings: Mapping[str, str]) -> Launch:
        """Write what the server reads at its start; how to start it. Raises StackError."""

    def is_ready(self, state: Path, settings: Mapping[str, str]) -> bool:
        """Whether it does its work by now: asked, not guessed."""

    def finish(self, settings: Mapping[str, str]) -> None:
        """What is done once it is ready, and harmless when done again: buckets, users. Raises StackError."""

    def variables(self, settings: Mapping[str, str]) -> dict[str, str]:
        """What goes into the env file."""

    def logins(self, settings: Mapping[str, str]) -> dict[str, dict[str, str]]:
        """Service -> what goes into an env file of its own, where it has a user of its own here."""

    def metrics(self, settings: Mapping[str, str]) -> str:
        """Where Prometheus finds its metrics, `HOST:PORT/path`; empty where it has none."""
