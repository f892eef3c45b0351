"""The implementations that the contract suites run against. A new one is one more row here."""

import secrets
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from celstream_platform.artefacts import ArtefactStore, directory_url, open_artefact_store
from celstream_platform.eventlog import EventLog, open_event_log, sqlite_url
from celstream_platform.models import ModelServer, onnx_url, open_model_server
from celstream_platform.topics import Topic

from tests.contracts.repository import write_repository

Place = Callable[[Path], str]  # a fresh folder -> URL; a name instead: the fixture of a real server's URL

EVENT_LOGS: dict[str, Place | str] = {
    "sqlite": lambda folder: sqlite_url(folder / "events.sqlite"),
    "kafka": "kafka_url",
}
STORES: dict[str, Place | str] = {
    "directory": lambda folder: directory_url(folder / "artefacts"),
    "minio": "bucket_url",
}
MODEL_SERVERS: dict[str, Place | str] = {
    "onnx": lambda folder: onnx_url(folder / "models"),
    "triton": "triton_url",  # serves what `write_repository` makes, too
}


def each(places: Mapping[str, Place | str]) -> list[Any]:
    """The parameters of a fixture; a real server's are slow, because it has to be started."""
    return [
        pytest.param(place, id=name, marks=pytest.mark.slow if isinstance(place, str) else ())
        for name, place in places.items()
    ]


def url_of(request: pytest.FixtureRequest, folder: Path) -> str:
    place: Place | str = request.param
    url: str = request.getfixturevalue(place) if isinstance(place, str) else place(folder)
    return url


@pytest.fixture(params=each(EVENT_LOGS))
def events_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an event log that several processes may open."""
    return url_of(request, tmp_path)


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
    name = f"celstream.contract-{secrets.token_hex(8)}"  # a real server is shared by all tests of the run
    log.ensure_topics([Topic(name)])
    return name


@pytest.fixture(params=each(STORES))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ArtefactStore:
    return open_artefact_store(url_of(request, tmp_path))


@pytest.fixture(params=each(MODEL_SERVERS))
def models(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ModelServer]:
    """A server of the repository that `write_repository` makes."""
    write_repository(tmp_path / "models")
    server = open_model_server(url_of(request, tmp_path))
    yield server
    server.close()
