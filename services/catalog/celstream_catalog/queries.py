"""What the catalog answers: current items, rejections, attachments, lineage, history. Parquet and report read these.

Only what is current is seen here, except in the functions that say history. Of all footage, canary footage is left out
unless it is asked for: it is no part of the collection.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from itertools import accumulate
from json import JSONDecodeError, dumps, loads
from typing import Any

from celstream_platform.errors import Invalid, NotFound
from celstream_protos.v1.envelope_pb2 import OUTCOME_STATE_PARKED, ArtefactRef, ItemHeader, Outcome, Rejection
from google.protobuf.message import Message
from sqlalchemy import ColumnElement, Connection, Select, and_, select, true, tuple_

from celstream_catalog.levels import Chain
from celstream_catalog.tables import ATTACHMENTS, FACTS, ITEMS, LIVE, OUTCOME_VERSIONS, OUTCOMES, REJECTIONS, VERSIONS

ORDER = (ITEMS.c.footage_id, ITEMS.c.start_frame, ITEMS.c.end_frame, ITEMS.c.item_id)
LARGEST_PAGE = 1000
PAGE_BYTES = 2 * 1024 * 1024  # half of what a gRPC message may hold by default


@dataclass(frozen=True, slots=True)
class Attached:
    """A named artefact of the current outcome of a live input."""

    stage: str
    input_id: str
    footage_id: str
    name: str
    artefact: ArtefactRef


@dataclass(frozen=True, slots=True)
class Parked:
    """A live input that its stage gave up after repeated failures; its event is in the stage's dead-letter topic."""

    stage: str
    input_id: str
    footage_id: str
    error: str


def of_footage(column: ColumnElement[str], footage_id: str | None, *, canaries: bool = False) -> ColumnElement[bool]:
    """Condition that rows are of one footage; of all (None), that they are of none that is a canary, unless wanted."""
    if footage_id is not None:
        return column == footage_id
    return true() if canaries else column.not_in(select(FACTS.c.footage_id).where(FACTS.c.canary))


def items(
    connection: Connection, chain: Chain, level: str, footage_id: str | None = None, *, canaries: bool = False
) -> list[Message]:
    """Current items of a level as its messages, in order of footage and frame. Raises Invalid for an unknown level."""
    message_type = chain.level(level).message_type
    rows = connection.execute(_items(level, footage_id, canaries=canaries))
    return [message_type.FromString(row.message) for row in rows]


def page(
    connection: Connection,
    chain: Chain,
    level: str,
    footage_id: str | None,
    size: int,
    token: str,
    *,
    canaries: bool = False,
) -> tuple[list[Message], str]:
    """Up to `size` items (1 to 1000; at most 2 MiB) that follow `token` (empty: from the start), and the next token.

    The token is empty on the last page. Raises Invalid for an unknown level, a size outside, a token not of ours.
    """
    message_type = chain.level(level).message_type
    if not 1 <= size <= LARGEST_PAGE:
        raise Invalid(f"page of {size} items. Ask for 1 to {LARGEST_PAGE}.")
    statement = _items(level, footage_id, canaries=canaries).limit(size + 1)
    if token:
        statement = statement.where(tuple_(*ORDER) > tuple_(*_place(token)))
    rows = list(connection.execute(statement))
    total_bytes = list(accumulate(len(row.message) for row in rows))
    count = max(1, min(size, sum(total <= PAGE_BYTES for total in total_bytes)))
    messages = [message_type.FromString(row.message) for row in rows[:count]]
    if len(rows) <= count:
        return messages, ""
    last = rows[count - 1]
    place = [last.footage_id, last.start_frame, last.end_frame, last.item_id]
    return messages, urlsafe_b64encode(dumps(place).encode()).decode()


def item(connection: Connection, chain: Chain, item_id: str) -> Message:
    """One current item. Raises NotFound."""
    row = connection.execute(_versions().where(ITEMS.c.item_id == item_id, ITEMS.c.state == LIVE)).first()
    if row is None:
        raise NotFound(f"{item_id}: no such item in the catalog.")
    return chain.level(row.level).message_type.FromString(row.message)


def rejections(connection: Connection, level: str | None = None, footage_id: str | None = None) -> list[Rejection]:
    """Current rejections, in order of footage and frame; refusals by a person among them."""
    statement = select(REJECTIONS.c.message).where(
        REJECTIONS.c.current, of_footage(REJECTIONS.c.footage_id, footage_id)
    )
    if level is not None:
        statement = statement.where(REJECTIONS.c.level == level)
    order = (REJECTIONS.c.footage_id, REJECTIONS.c.start_frame, REJECTIONS.c.rejection_id)
    return [Rejection.FromString(message) for message in connection.scalars(statement.order_by(*order))]


def attachments(connection: Connection, name: str | None = None, footage_id: str | None = None) -> list[Attached]:
    """Attachments of current outcomes, in order of footage, input and name."""
    statement = (
        select(ATTACHMENTS, ITEMS.c.footage_id)
        .join(ITEMS, and_(ITEMS.c.item_id == ATTACHMENTS.c.input_id, ITEMS.c.state == LIVE))
        .where(of_footage(ITEMS.c.footage_id, footage_id))
        .order_by(ITEMS.c.footage_id, ATTACHMENTS.c.input_id, ATTACHMENTS.c.stage, ATTACHMENTS.c.name)
    )
    if name is not None:
        statement = statement.where(ATTACHMENTS.c.name == name)
    return [
        Attached(
            stage=row.stage,
            input_id=row.input_id,
            footage_id=row.footage_id,
            name=row.name,
            artefact=ArtefactRef(sha256=row.sha256, size=row.size, media_type=row.media_type),
        )
        for row in connection.execute(statement)
    ]


def parked(connection: Connection, footage_id: str | None = None) -> list[Parked]:
    """Live inputs whose current outcome is parked; those of canaries are among them, as somebody must look at them."""
    current = and_(ITEMS.c.item_id == OUTCOMES.c.input_id, ITEMS.c.version == OUTCOMES.c.input_version)
    statement = (
        select(OUTCOMES.c.stage, OUTCOMES.c.input_id, ITEMS.c.footage_id, OUTCOMES.c.error)
        .join(ITEMS, current)
        .where(ITEMS.c.state == LIVE, OUTCOMES.c.state == OUTCOME_STATE_PARKED)
        .order_by(ITEMS.c.footage_id, OUTCOMES.c.input_id, OUTCOMES.c.stage)
    )
    if footage_id is not None:
        statement = statement.where(ITEMS.c.footage_id == footage_id)
    return [Parked(**row._mapping) for row in connection.execute(statement)]


def lineage(connection: Connection, chain: Chain, item_id: str) -> list[ItemHeader]:
    """Headers from the root down to the item. Raises NotFound for an item that is not current."""
    headers: list[ItemHeader] = []
    while item_id:
        header: ItemHeader = item(connection, chain, item_id).item  # type: ignore[attr-defined]
        headers.append(header)
        item_id = header.parent_id
    return headers[::-1]


def versions(connection: Connection, chain: Chain, item_id: str) -> list[Message]:
    """History: every version that an item has had, oldest first, whatever its state."""
    rows = connection.execute(
        select(VERSIONS.c.message, ITEMS.c.level)
        .join(ITEMS, ITEMS.c.item_id == VERSIONS.c.item_id)
        .where(VERSIONS.c.item_id == item_id)
        .order_by(VERSIONS.c.offset)
    )
    return [chain.level(row.level).message_type.FromString(row.message) for row in rows]


def outcomes(connection: Connection, input_id: str) -> list[Outcome]:
    """History: every outcome that an input has had, by stage, oldest first."""
    order = (OUTCOME_VERSIONS.c.stage, OUTCOME_VERSIONS.c.offset)
    statement = select(OUTCOME_VERSIONS.c.message).where(OUTCOME_VERSIONS.c.input_id == input_id).order_by(*order)
    return [Outcome.FromString(message) for message in connection.scalars(statement)]


def _items(level: str, footage_id: str | None, *, canaries: bool) -> Select[Any]:
    wanted = of_footage(ITEMS.c.footage_id, footage_id, canaries=canaries)
    return _versions().where(ITEMS.c.level == level, ITEMS.c.state == LIVE, wanted).order_by(*ORDER)


def _versions() -> Select[Any]:
    """Items with the message of their current version."""
    current = and_(VERSIONS.c.item_id == ITEMS.c.item_id, VERSIONS.c.version == ITEMS.c.version)
    return select(*ORDER, ITEMS.c.level, VERSIONS.c.message).join(VERSIONS, current)


def _place(token: str) -> tuple[str, int, int, str]:
    try:
        footage_id, start_frame, end_frame, item_id = loads(urlsafe_b64decode(token))
        return str(footage_id), int(start_frame), int(end_frame), str(item_id)
    except (ValueError, TypeError, JSONDecodeError) as error:
        raise Invalid(f"page token {token!r} is not one of ours. Give next_page_token of the page before.") from error
