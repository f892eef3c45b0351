"""The real servers for tests: one stack for the whole run, started by the first test that asks, ended with the run.

A test asks by a fixture, like `kafka_url` or `bucket_url`, and is marked slow, so that `make fast-test` starts nothing.
With pytest-xdist all workers share the stack: its folder is named by the process that started them, and ended by it.
"""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from celstream_stack import transnetv2
from celstream_stack.places import PASSABLE_FOLDER, cache, locked
from celstream_stack.stack import Stack
from celstream_stack.triton import REPOSITORY
from sqlalchemy import NullPool, create_engine, make_url, text

from tests.contracts.repository import write_repository

FOLDER = "CELSTREAM_TEST_STACK"  # tells the workers of pytest-xdist where the stack is


def pytest_configure(config: pytest.Config) -> None:
    """Name the stack's folder, in the process that outlives all others of this run."""
    if not hasattr(config, "workerinput"):
        folder = Path(tempfile.mkdtemp(prefix="celstream-stack-"))
        folder.chmod(PASSABLE_FOLDER)
        os.environ[FOLDER] = str(folder)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End what was started, however the run ended."""
    folder = os.environ.get(FOLDER)
    if folder and not hasattr(config, "workerinput"):
        Stack(Path(folder), cache()).remove()


@pytest.fixture(scope="session")
def stack() -> Stack:
    """The stack of this run; `up` starts what is not there yet."""
    return Stack(Path(os.environ[FOLDER]), cache())


@pytest.fixture(scope="session")
def kafka_url(stack: Stack) -> str:
    """URL of an event log on a real Kafka."""
    # A busy machine may keep a worker from its heartbeat for seconds; that alone must not cost its place in a test.
    return f"{stack.up(['kafka'])['CELSTREAM_EVENTS']}?session_seconds=20"


@pytest.fixture(scope="session")
def triton_url(stack: Stack) -> str:
    """URL of a model server on a real Triton, which serves the repository of the contract suite, and TransNetV2."""
    repository = Path(os.environ[FOLDER]) / "repository"
    with locked(Path(os.environ[FOLDER]) / "repository.lock"), pytest.MonkeyPatch.context() as patch:
        if not repository.exists():
            write_repository(repository)
            shutil.copytree(transnetv2.kept(cache()), repository, dirs_exist_ok=True)
        patch.setenv(REPOSITORY, str(repository))
        return stack.up(["triton"])["CELSTREAM_MODELS"]


@pytest.fixture(scope="session")
def bucket_url(stack: Stack) -> Iterator[str]:
    """URL of an artefact store on a real MinIO; the environment holds its keys."""
    variables = stack.up(["minio"])
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, variables[name])
        yield variables["CELSTREAM_ARTEFACTS"]


@pytest.fixture(scope="session")
def inbox_url(stack: Stack, bucket_url: str) -> str:
    """URL of the inbox of a real MinIO, which tells Kafka of what is dropped; the environment holds keys to read it."""
    return stack.up(["minio"])["CELSTREAM_INBOX"]


@pytest.fixture(scope="session")
def submitter(stack: Stack, bucket_url: str) -> dict[str, str]:
    """Variables of who may drop files into the inbox, and nothing else."""
    return stack.login("submitter")


@pytest.fixture(scope="session")
def postgres_url(stack: Stack) -> str:
    """URL of a database on a real PostgreSQL."""
    return stack.up(["postgres"])["CELSTREAM_DATABASE"]


@pytest.fixture
def empty_postgres_url(postgres_url: str) -> Iterator[str]:
    """URL of an empty database of the test's own."""
    with empty_database(postgres_url) as url:
        yield url


@contextmanager
def empty_database(postgres_url: str) -> Iterator[str]:
    """URL of an empty database, which is there as long as the context lasts."""
    name = f"test_{secrets.token_hex(8)}"
    engine = create_engine(postgres_url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield make_url(postgres_url).set(database=name).render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
