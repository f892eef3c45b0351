"""A stack: a folder with one sub-folder per server, an env file, and the way up and down.

STATE/<server>/settings.json   ports and secrets, drawn once and kept
STATE/<server>/pid, log, data
STATE/env                      what `set -a; . STATE/env` gives to the services
STATE/env.<service>            its own keys, which win over those in env
STATE/targets/<job>.json       what Prometheus scrapes
"""

import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from celstream_stack import processes, settings_file
from celstream_stack.errors import StackError
from celstream_stack.kafka import Kafka
from celstream_stack.minio import MinIO
from celstream_stack.places import PASSABLE_FOLDER, locked
from celstream_stack.ports import LOOPBACK
from celstream_stack.postgres import PostgreSQL
from celstream_stack.prometheus import Prometheus
from celstream_stack.server import Server
from celstream_stack.settings_file import SECRET_FILE
from celstream_stack.targets import FOLDER, write_targets
from celstream_stack.triton import Triton

__all__ = ["SERVERS", "Stack", "StackError"]

SERVERS: dict[str, Server] = {
    server.name: server for server in (Kafka(), MinIO(), PostgreSQL(), Triton(), Prometheus())
}
READY_SECONDS = 120.0  # Kafka takes 4-17 s on two busy cores
LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Status:
    """One server of a stack. pid: None where it does not run."""

    server: str
    pid: int | None
    ready: bool


class Stack:
    """The servers whose state lies in one folder; `cache` holds the software, for all stacks.

    host: the address of this machine that they listen on.
    """

    def __init__(self, state: Path, cache: Path, host: str = LOOPBACK) -> None:
        self._state = state.absolute()
        self._cache = cache.absolute()
        self._host = host

    def install(self, names: Iterable[str]) -> None:
        """Install what is missing of these servers. Raises StackError."""
        for name in names:
            _server(name).install(self._cache)

    def up(self, names: Iterable[str]) -> dict[str, str]:
        """Install, start and make ready; what runs already is left alone. The env file's variables.

        Raises StackError, with the last line of the log where a server died.
        """
        wanted = [_server(name) for name in names]
        homes = {server.name: server.install(self._cache) for server in wanted}
        with locked(self._state / "lock"):
            self._state.chmod(PASSABLE_FOLDER)
            started = [server for server in wanted if self._start(server, homes[server.name])]
            for server in wanted:
                self._await(server, fresh=server in started)
            for server in wanted:
                server.finish(self._settings(server))
            self._write_targets()
            return self._write_env()

    def down(self, names: Iterable[str] = ()) -> list[str]:
        """End these servers, all where none is named; who was running. Data and settings stay. Raises StackError."""
        chosen = [_server(name) for name in names] or list(SERVERS.values())
        if not self._state.is_dir():
            return []
        with locked(self._state / "lock"):
            return [server.name for server in chosen if processes.stop(server.name, self._state / server.name)]

    def remove(self) -> None:
        """End all, and forget data, logs and secrets."""
        self.down()
        shutil.rmtree(self._state, ignore_errors=True)

    def status(self) -> list[Status]:
        """The servers that were ever started here."""
        found = []
        for server in SERVERS.values():
            if self._was_started(server):
                runs = processes.running(self._state / server.name)
                ready = runs is not None and server.is_ready(self._state / server.name, self._settings(server))
                found.append(Status(server.name, runs.pid if runs else None, ready))
        return found

    def log(self, name: str) -> Path:
        """The file that a server's output goes to. Raises StackError where there is none."""
        path = self._state / _server(name).name / "log"
        if not path.exists():
            raise StackError(f"{name}: has no log in {self._state}. Start it: celstream-stack up {name}.")
        return path

    def scrape(self, job: str, places: Sequence[str]) -> None:
        """Let Prometheus scrape a job at these places, `HOST:PORT`; none: forget it. Raises StackError."""
        write_targets(self._state / FOLDER, job, places)

    def login(self, service: str) -> dict[str, str]:
        """The variables with a service's own keys. Raises StackError where it has none."""
        found: dict[str, str] = {}
        for server in SERVERS.values():
            if self._was_started(server):
                found |= server.logins(self._settings(server)).get(service, {})
        if not found:
            raise StackError(
                f"{service}: has no keys of its own in {self._state}. Start minio, or give another service."
            )
        return found

    def pid(self, name: str) -> int | None:
        """The number of a server's process; None where it does not run."""
        found = processes.running(self._state / _server(name).name)
        return found.pid if found else None

    @property
    def env_file(self) -> Path:
        """Where the variables are."""
        return self._state / "env"

    def _start(self, server: Server, home: Path) -> bool:
        """Start a server that does not run; whether it was."""
        state = self._state / server.name
        settings = settings_file.draw(server, self._state, host=self._host)
        if processes.running(state) is not None:
            return False
        processes.start(server.prepare(home, state, settings), state)
        return True

    def _await(self, server: Server, *, fresh: bool) -> None:
        state = self._state / server.name
        deadline = time.monotonic() + READY_SECONDS
        while not server.is_ready(state, self._settings(server)):
            if processes.running(state) is None:
                raise StackError(f"{server.name}: ended at its start ({_last_line(state / 'log')}). Read {state}/log.")
            if time.monotonic() > deadline:
                how = "does not become" if fresh else "runs, but is not"
                raise StackError(f"{server.name}: {how} ready in {READY_SECONDS:.0f} s. Read {state}/log.")
            time.sleep(LOOK_SECONDS)

    def _settings(self, server: Server) -> dict[str, str]:
        return settings_file.read(server, self._state)

    def _was_started(self, server: Server) -> bool:
        return (self._state / server.name / "log").exists()

    def _write_targets(self) -> None:
        for server in SERVERS.values():
            if self._was_started(server):
                place = server.metrics(self._settings(server))
                if place:
                    self.scrape(server.name, [place])

    def _write_env(self) -> dict[str, str]:
        variables: dict[str, str] = {}
        for server in SERVERS.values():
            if self._was_started(server):
                variables |= server.variables(self._settings(server))
                for service, login in server.logins(self._settings(server)).items():
                    _write_variables(self._state / f"env.{service}", login)
        _write_variables(self.env_file, variables)
        return variables


def _server(name: str) -> Server:
    if name not in SERVERS:
        raise StackError(f"{name}: no server of the stack. Give one of {', '.join(SERVERS)}.")
    return SERVERS[name]


def _write_variables(file: Path, variables: Mapping[str, str]) -> None:
    file.touch(SECRET_FILE)
    file.write_text("".join(f"{name}='{value}'\n" for name, value in variables.items()))


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "its log is empty"
