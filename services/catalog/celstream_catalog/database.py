"""The catalog's database: engine, transactions, migrations, and the few statements that differ between databases."""

import json
import sqlite3
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy
from celstream_platform import certificates
from celstream_platform.errors import Invalid, Unavailable
from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Connection,
    Engine,
    LargeBinary,
    MetaData,
    Select,
    String,
    Table,
    Text,
    any_,
    bindparam,
    cast,
    create_engine,
    event,
    func,
    inspect,
    make_url,
    select,
    update,
)
from sqlalchemy import column as column_clause
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from celstream_catalog.tables import METADATA

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

BUSY_SECONDS = 30  # past this a writer gives up waiting for another process's transaction
WRITING = 0x43454C31  # PostgreSQL's name for the lock that a writer of this database holds
MIGRATIONS = Path(__file__).parent / "migrations"
VERSION = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))
"""As Alembic makes it: one row, the last migration."""
Row = Mapping[str, Any]


def open_database(url: str) -> Engine:
    """Engine for `sqlite:///FILE` or `postgresql+psycopg://…`, with the tables brought up to date.

    Raises Invalid for an address that names no such database, or a file of certificates that holds none; Unavailable
    where it cannot be reached.
    """
    try:
        engine = create_engine(make_url(url))
    except (ArgumentError, ImportError) as error:
        raise Invalid(
            f"{url}: not a database address ({error}). Give sqlite:///FILE or postgresql+psycopg://…."
        ) from error
    if engine.dialect.name == "sqlite":
        if engine.url.database in (None, "", ":memory:"):
            raise Invalid(f"{url}: a database in memory is lost at the end. Give sqlite:///FILE.")
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    elif (given := {name: str(value) for name, value in engine.url.query.items()}).get("sslmode") != "disable":
        certificates.tell("database", {"own": given.get("sslcert"), "authority": given.get("sslrootcert")})
    with unavailable(str(engine.url)):  # which shows no password
        migrate(engine)
    return engine


def migrate(engine: Engine) -> None:
    """Bring the tables up to date; processes that start at the same time wait for each other.

    Raises Invalid where they are of a newer version than this one.
    """
    newest = max(path.name for path in (MIGRATIONS / "versions").glob("[0-9]*.py")).partition("_")[0]
    with writing(engine) as connection:
        if not inspect(connection).has_table(VERSION.name):
            # What the migrations come to, without them: Alembic takes longer to load than a run waits for otherwise.
            METADATA.create_all(connection)
            VERSION.create(connection)
            connection.execute(VERSION.insert().values(version_num=newest))
        elif connection.scalar(select(VERSION.c.version_num)) != newest:
            upgrade(connection)


def upgrade(connection: Connection) -> None:
    """Run the migrations that are missing, in the connection's transaction. Raises as `migrate` does."""
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise Invalid(
            f"{connection.engine.url}: tables of another version ({error}). Use the version that wrote them, or a "
            "newer one."
        ) from error


@contextmanager
def unavailable(what: str) -> Iterator[None]:
    """Turn the database's failures into Unavailable."""
    try:
        yield
    except DBAPIError as error:
        raise Unavailable(f"{what}: database failed: {error.orig}.") from error


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes. Writers take turns, over all processes, so that it never has to be repeated.

    On SQLite it takes the write lock at once; on PostgreSQL a lock of the same meaning, which readers do not feel.
    """
    with engine.connect().execution_options(celstream_writes=True) as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(WRITING)))
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that reads one consistent state."""
    # PostgreSQL would show each statement the latest state otherwise; SQLite's transactions are like that anyway.
    options = {"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" else {}
    with engine.connect().execution_options(**options) as connection, connection.begin():
        yield connection


def upsert(connection: Connection, table: Table, rows: Sequence[Row], *, keep: Sequence[str] = ()) -> None:
    """Insert rows, or replace those with the same key unless theirs has a greater `offset`.

    keep: columns that an existing row keeps. At most one row per key.
    """
    if not rows:
        return
    bulk = connection.dialect.name == "postgresql"
    statement = _into(table, connection.dialect.name)
    keys = [column.name for column in table.primary_key.columns]
    changed = {c.name: statement.excluded[c.name] for c in table.columns if c.name not in (*keys, *keep)}
    newer = statement.excluded.offset >= table.c.offset if "offset" in table.c else None
    if bulk:
        statement = statement.from_select([c.name for c in table.columns], select(*_sent(table.columns, rows)))
    upsertion = (
        statement.on_conflict_do_update(index_elements=keys, set_=changed, where=newer)
        if changed
        else statement.on_conflict_do_nothing(index_elements=keys)
    )
    connection.execute(upsertion, None if bulk else list(rows))


def _into(table: Table, dialect: str) -> "postgresql.Insert | sqlite.Insert":
    if dialect == "postgresql":
        from sqlalchemy.dialects.postgresql import insert  # takes long to load, and a dataset's folder needs none of it

        return insert(table)
    return sqlite.insert(table)


def set_column(connection: Connection, key: Column[str], column: Column[Any], values: Mapping[str, object]) -> None:
    """Set one column of the rows with these keys. values: key -> value."""
    if not values:
        return
    table = key.table
    rows = [{key.name: of, column.name: value} for of, value in values.items()]
    if connection.dialect.name == "postgresql":
        of, value = _sent([key, column], rows)
        connection.execute(update(table).where(key == of).values({column.name: value}))
        return
    statement = update(table).where(key == bindparam("of")).values({column.name: bindparam("new")})
    connection.execute(statement, [{"of": of, "new": value} for of, value in values.items()])


def _sent(columns: Iterable[Column[Any]], rows: Sequence[Row]) -> list[ColumnElement[Any]]:
    """The columns of rows that PostgreSQL gets as one parameter, in JSON.

    A statement for each of a batch's rows would cost more time than all else in a rebuild, at the server and here.
    """
    columns = list(columns)
    binary = {column.name for column in columns if isinstance(column.type, LargeBinary)}
    texts = [
        {name: b64encode(row[name]).decode() if name in binary else row[name] for name in (c.name for c in columns)}
        for row in rows
    ]
    given = func.json_to_recordset(cast(bindparam(None, json.dumps(texts), type_=Text), JSON)).table_valued(
        *(column_clause(c.name, Text() if isinstance(c.type, LargeBinary | String) else c.type) for c in columns)
    )
    sent = given.render_derived(with_types=True)
    return [func.decode(sent.c[c.name], "base64") if c.name in binary else sent.c[c.name] for c in columns]


def select_in(
    connection: Connection, statement: Select[Any], column: ColumnElement[Any], values: Iterable[str]
) -> Sequence[sqlalchemy.Row[Any]]:
    """All rows of a statement whose column is one of the values, any number of them."""
    wanted = list(values)
    return connection.execute(statement.where(is_one_of(connection, column, wanted))).all() if wanted else []


def is_one_of(connection: Connection, column: ColumnElement[Any], values: Sequence[str]) -> ColumnElement[bool]:
    """Condition that a text column is one of the values, which travel as a single parameter.

    An `IN (…)` of thousands of parameters would pass SQLite's limit, and cost half of a rebuild in compiling.
    """
    sent = bindparam(None, json.dumps(values), type_=Text)
    if connection.dialect.name == "postgresql":
        value = func.json_array_elements_text(cast(sent, JSON)).column_valued("value")
        return column == any_(func.array(select(value).scalar_subquery()))
    each = func.json_each(sent).table_valued("value")
    return column.in_(select(each.c.value))


def _configure_sqlite(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves: the driver's own begins come too late
    for pragma in (
        f"busy_timeout={BUSY_SECONDS * 1000}",
        "journal_mode=WAL",
        "synchronous=NORMAL",  # a power cut may lose the last transactions, which are projected again
        "foreign_keys=ON",
        "cache_size=-65536",
        "temp_store=MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    mode = "IMMEDIATE" if connection.get_execution_options().get("celstream_writes") else "DEFERRED"
    connection.exec_driver_sql(f"BEGIN {mode}")
