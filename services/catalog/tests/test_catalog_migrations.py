"""The database: migrations say what the tables say, and any number of processes may start at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from celstream_catalog import Catalog
from celstream_catalog.database import MIGRATIONS, VERSION, open_database, reading, upgrade, writing
from celstream_catalog.tables import FACTS, METADATA
from celstream_platform.artefacts import ArtefactStore
from celstream_platform.errors import Invalid, Unavailable
from celstream_platform.eventlog import EventLog
from celstream_protos.v1.footage_pb2 import FOOTAGE_STYLE_CHINESE
from celstream_stack.ports import free_port
from sqlalchemy import Connection, select, text

if TYPE_CHECKING:
    from tests.catalog_hand import Hand

pytest_plugins = ["tests.catalog_hand"]


def test_the_migrations_make_exactly_the_tables_of_a_new_database(database_url: str) -> None:
    engine = open_database(database_url)
    with reading(engine) as connection:
        newest = connection.scalar(select(VERSION))
        assert MigrationContext.configure(connection).get_current_revision() == newest
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    with writing(engine) as connection:
        METADATA.drop_all(connection)
        connection.execute(VERSION.delete())
        upgrade(connection)
    with reading(engine) as connection:
        assert connection.scalar(select(VERSION)) == newest
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_a_catalog_of_an_earlier_version_keeps_what_it_has_and_learns_of_its_footage(
    catalog: Catalog, hand: Hand, database_url: str, event_log: EventLog, store: ArtefactStore
) -> None:
    hand.cut(hand.footage("canary", canary=True), [(0, 40)])
    hand.cut(hand.footage("film", style=FOOTAGE_STYLE_CHINESE), [(0, 40)])
    catalog.catch_up()
    catalog.close()
    engine = open_database(database_url)
    with reading(engine) as connection:
        facts = connection.execute(select(FACTS).order_by(FACTS.c.footage_id)).all()
    with writing(engine) as connection:
        downgrade(connection, "0001")
    with Catalog(database_url, event_log, store) as catalog, reading(engine) as connection:
        assert connection.execute(select(FACTS).order_by(FACTS.c.footage_id)).all() == facts
        assert [len(catalog.items("clips")), len(catalog.items("clips", canaries=True))] == [1, 2]


def downgrade(connection: Connection, to: str) -> None:
    """Take the tables back to an earlier version."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.downgrade(config, to)


def test_processes_that_start_at_once_wait_for_each_other(database_url: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        engines = list(pool.map(open_database, [database_url] * 8))
    assert len(engines) == 8


def test_tables_of_a_newer_version_are_refused(database_url: str) -> None:
    with writing(open_database(database_url)) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Invalid, match=r"tables of another version .*9999.*Use the version that wrote them"):
        open_database(database_url)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "nonsense", "nodb:///x"])
def test_an_address_that_is_none_is_refused_in_one_line(url: str) -> None:
    with pytest.raises(Invalid, match=r"^[^\n]+Give sqlite:///FILE( or postgresql\+psycopg://…)?\.$"):
        open_database(url)


def test_a_database_that_cannot_be_opened_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="unable to open database file"):
        open_database(f"sqlite:///{tmp_path / 'nowhere' / 'catalog.sqlite'}")


def test_a_server_that_is_away_is_named_without_its_password() -> None:
    with pytest.raises(Unavailable, match="database failed") as caught:
        open_database(f"postgresql+psycopg://somebody:s3cret@127.0.0.1:{free_port()}/catalog")
    assert "s3cret" not in str(caught.value)


def test_a_reader_sees_one_state_while_another_writes(database_url: str) -> None:
    engine = open_database(database_url)
    with reading(engine) as reader:
        before = reader.execute(text("SELECT count(*) FROM positions")).scalar_one()
        with writing(engine) as writer:
            writer.execute(text("INSERT INTO positions VALUES ('celstream.clips', 0, 1)"))
        assert reader.execute(text("SELECT count(*) FROM positions")).scalar_one() == before == 0
    with reading(engine) as reader:
        assert reader.execute(text("SELECT count(*) FROM positions")).scalar_one() == 1
