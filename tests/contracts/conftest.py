"""The implementations that the contract suites run against. A new one is one more row here."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from celstream_platform.artefacts import ArtefactStore, directory_url, open_artefact_store
from celstream_platform.eventlog import EventLog, open_event_log, sqlite_url
from celstream_platform.models import ModelServer, onnx_url, open_model_server
from celstream_platform.topics import Topic

from tests.contracts.repository import write_repository

Place = Callable[[Path], str]  # a fresh folder -> URL

EVENT_LOGS: dict[str, Place] = {"sqlite": lambda folder: sqlite_url(folder / "events.sqlite")}
STORES: dict[str, Place] = {"directory": lambda folder: directory_url(folder / "artefacts")}
MODEL_SERVERS: dict[str, Place] = {"onnx": onnx_url}

_numbers = count(1)


@pytest.fixture(params=EVENT_LOGS)
def events_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an event log that several processes may open."""
    return EVENT_LOGS[request.param](tmp_path)


@pytest.fixture
def event_log(events_url: str) -> Iterator[EventLog]:
    log = open_event_log(events_url)
    yield log
    log.close()


@pytest.fixture
def topic(event_log: EventLog) -> str:
    """Name of a topic of the test's own."""
    return new_topic(event_log)


@pytest.fixture
def sink(event_log: EventLog) -> str:
    """Name of a second topic of the test's own."""
    return new_topic(event_log)


def new_topic(log: EventLog) -> str:
    name = f"celstream.contract-{next(_numbers)}"
    log.ensure_topics([Topic(name)])
    return name


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ArtefactStore:
    return open_artefact_store(STORES[request.param](tmp_path))


@pytest.fixture(params=MODEL_SERVERS)
def models(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ModelServer]:
    """A server of the repository that `write_repository` makes."""
    write_repository(tmp_path / "models")
    server = open_model_server(MODEL_SERVERS[request.param](tmp_path / "models"))
    yield server
    server.close()
