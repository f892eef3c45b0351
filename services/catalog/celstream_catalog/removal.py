"""What a takedown would remove: an item as a person names it, and all that was derived from it."""

import re
from pathlib import PurePosixPath
from typing import Any

from celstream_platform.errors import Invalid, NotFound
from celstream_protos.v1.catalog_pb2 import LevelCount, TakeDownResponse
from celstream_protos.v1.envelope_pb2 import Takedown
from sqlalchemy import Connection, Row, and_, select

from celstream_catalog.database import select_in
from celstream_catalog.levels import Chain
from celstream_catalog.tables import ITEMS, LIVE, TAKEN_DOWN, VERSIONS
from celstream_catalog.takedowns import takedown_of

START = re.compile("[0-9a-f]{4,64}")  # fewer digits are rather the name of a film
NAMED_AT_MOST = 5


def removal(connection: Connection, chain: Chain, what: str) -> TakeDownResponse:
    """What leaves where this is taken down; the takedown in it has neither id nor time, unless there is one already.

    what: id of footage or of an item, the first digits of one, or a footage's name, with or without its folders.
    Raises NotFound where nothing is meant, Invalid where several are.
    """
    row = _meant(connection, chain, what)
    known = takedown_of(connection, row.item_id)
    leaving = _live_below(connection, row.item_id) if row.state == LIVE else {}
    return TakeDownResponse(
        takedown=known or Takedown(item_id=row.item_id, level=row.level),
        footage_name=_name_of(connection, chain, row.footage_id),
        leaving=[LevelCount(level=one.name, items=leaving[one.name]) for one in chain.levels if one.name in leaving],
        already_taken_down=known is not None,
    )


def _meant(connection: Connection, chain: Chain, what: str) -> Row[Any]:
    found: dict[str, Row[Any]] = {}
    if START.fullmatch(what.lower()):
        rows = connection.execute(select(ITEMS).where(ITEMS.c.item_id.startswith(what.lower())))
        found |= {row.item_id: row for row in rows}
    if what not in found:
        roots = connection.execute(_with_message().where(ITEMS.c.level == chain.root.name))
        found |= {row.item_id: row for row in roots if _is_called(what, _name(chain, row.message))}
    there = [row for row in found.values() if row.state != TAKEN_DOWN] or list(found.values())
    if not there:
        raise NotFound(f"{what}: no such footage or item. Give its id, 4 or more digits of it, or a footage's name.")
    if len(there) > 1:
        meant = [f"{_name_of(connection, chain, row.footage_id)} ({row.item_id[:12]})" for row in there[:NAMED_AT_MOST]]
        more = ", …" if len(there) > NAMED_AT_MOST else ""
        raise Invalid(f"{what}: may mean {len(there)}: {', '.join(meant)}{more}. Give the digits of one.")
    return there[0]


def _is_called(what: str, name: str) -> bool:
    return bool(what) and what in (name, PurePosixPath(name).name)


def _live_below(connection: Connection, item_id: str) -> dict[str, int]:
    """How many current items there are of each level: this one, and those below it."""
    children = select(ITEMS.c.item_id, ITEMS.c.level).where(ITEMS.c.state == LIVE)
    found: dict[str, int] = {}
    rows = select_in(connection, children, ITEMS.c.item_id, [item_id])
    while rows:
        for row in rows:
            found[row.level] = found.get(row.level, 0) + 1
        rows = select_in(connection, children, ITEMS.c.parent_id, [row.item_id for row in rows])
    return found


def _name_of(connection: Connection, chain: Chain, footage_id: str) -> str:
    row = connection.execute(_with_message().where(ITEMS.c.item_id == footage_id)).first()
    return _name(chain, row.message) if row else ""


def _name(chain: Chain, message: bytes) -> str:
    return getattr(chain.root.message_type.FromString(message), "name", "")


def _with_message() -> Any:
    current = and_(VERSIONS.c.item_id == ITEMS.c.item_id, VERSIONS.c.version == ITEMS.c.version)
    return select(ITEMS, VERSIONS.c.message).join(VERSIONS, current)
