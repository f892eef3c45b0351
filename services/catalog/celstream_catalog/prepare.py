"""Prepare what the services stand on, before they start: `python -m celstream_catalog.prepare topics|tables|bucket`.

Each makes what is missing and checks the rest, so that it may be done again. The services do without it where their
users may make topics and tables themselves; on a cluster somebody else may, who is asked here and nowhere else.
"""

import sys
from collections.abc import Callable, Mapping

from celstream_platform import logs, topics
from celstream_platform.artefacts import s3_connection
from celstream_platform.checkpoints import topic_of as checkpoints_of
from celstream_platform.errors import CelstreamError, Invalid
from celstream_platform.eventlog import open_event_log
from celstream_platform.settings import PREFIX, load
from celstream_platform.topics import Topic, dead_letters
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from celstream_catalog.database import open_database
from celstream_catalog.inbox import NAME as INBOX
from celstream_catalog.levels import CHAIN

log = logs.logger(__name__)


class EventsSettings(BaseSettings):
    """Where the topics are."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True)
    events: str = Field(description="URL of the event log.")


class DatabaseSettings(BaseSettings):
    """Where the tables are."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True)
    database: str = Field(description="URL of the database.")


class ArtefactsSettings(BaseSettings):
    """Where the bucket is."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True)
    artefacts: str = Field(description="URL of the artefact store.")


def all_topics() -> list[Topic]:
    """Every topic of the chain: levels, what belongs to no level, and those of each stage."""
    found = {topic.name: topic for topic in (*topics.ALL, *CHAIN.topics(), dead_letters(INBOX))}
    for stage in CHAIN.stages:
        found |= {topic.name: topic for topic in (dead_letters(stage.name), checkpoints_of(stage.name))}
    return list(found.values())


def make_topics() -> None:
    """Make the topics that are missing. Raises Invalid where one is other than declared, Unavailable."""
    event_log = open_event_log(load(EventsSettings).events)
    try:
        event_log.ensure_topics(all_topics())
    finally:
        event_log.close()
    log.info("topics are there", count=len(all_topics()))


def make_tables() -> None:
    """Bring the tables up to date. Raises Invalid where they are of a newer version, Unavailable."""
    open_database(load(DatabaseSettings).database).dispose()
    log.info("tables are up to date")


def make_bucket() -> None:
    """Make the bucket where it is missing. Raises Invalid for a store that is no S3, Unavailable, Overloaded."""
    connection = s3_connection.parse(load(ArtefactsSettings).artefacts)
    with s3_connection.speaking(connection, connection.bucket):
        client = connection.client()
        made = not client.bucket_exists(connection.bucket)
        if made:
            client.make_bucket(connection.bucket, connection.region)
    log.info("the bucket is there", bucket=connection.bucket, made=made)


STEPS: Mapping[str, Callable[[], None]] = {"topics": make_topics, "tables": make_tables, "bucket": make_bucket}


def main(arguments: list[str]) -> int:
    """Do the steps that are named. Exit status: 0 done, 2 for what cannot be done; one line says why."""
    logs.configure("prepare")
    try:
        if not arguments or not set(arguments) <= STEPS.keys():
            raise Invalid(f"{' '.join(arguments) or 'nothing'}: no step. Give some of {', '.join(STEPS)}.")
        for name in arguments:
            STEPS[name]()
    except CelstreamError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
