"""Look into the catalog's database, for whoever was woken: `python -m celstream_catalog.look balance|unreadable`.

balance: what of the funnel does not add up, events that could not be read among it. unreadable: inputs that were
refused as a whole, and why, also where the process crashed that read them. One line each, nothing where all is well.
"""

import sys
from collections.abc import Callable, Iterable, Mapping

from celstream_platform import logs
from celstream_platform.errors import CelstreamError, Invalid
from celstream_platform.settings import load
from sqlalchemy import Connection

from celstream_catalog import queries
from celstream_catalog.balance import check_balance
from celstream_catalog.database import open_database, reading
from celstream_catalog.levels import CHAIN
from celstream_catalog.prepare import DatabaseSettings


def balance(connection: Connection) -> Iterable[str]:
    """See `Catalog.check_balance`."""
    return check_balance(connection, CHAIN, None)


def unreadable(connection: Connection) -> Iterable[str]:
    """Inputs without anything kept of them."""
    for one in queries.rejections(connection, None, None):
        if not one.HasField("range"):
            yield f"{one.footage_name} ({one.footage_id}), {one.level}: {one.detail}"


ASKED: Mapping[str, Callable[[Connection], Iterable[str]]] = {
    "balance": balance,
    "unreadable": unreadable,
}


def main(arguments: list[str]) -> int:
    """Print what is asked for. Exit status: 0 done, 2 for what cannot be asked; one line says why."""
    logs.configure("look", level="error")
    try:
        if len(arguments) != 1 or arguments[0] not in ASKED:
            raise Invalid(f"{' '.join(arguments) or 'nothing'}: not to be asked. Give one of {', '.join(ASKED)}.")
        engine = open_database(load(DatabaseSettings).database)
        try:
            with reading(engine) as connection:
                for line in ASKED[arguments[0]](connection):
                    sys.stdout.write(f"{line}\n")
        finally:
            engine.dispose()
    except CelstreamError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
