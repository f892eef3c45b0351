"""Takedowns: an item and all that was derived from it leave the index; footage that was taken down stays out.

The event alone says so; states follow from it (states.py), also for what stages in flight still publish below it.
"""

import uuid

from celstream_platform import topics
from celstream_platform.errors import Invalid, NotFound
from celstream_platform.events import Event, encode
from celstream_protos.v1.envelope_pb2 import Takedown
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import Connection, select

from celstream_catalog.tables import ITEMS, TAKEDOWNS


def takedown_of(connection: Connection, item_id: str) -> Takedown | None:
    """The takedown that names this item, None where there is none."""
    message = connection.scalar(
        select(TAKEDOWNS.c.message).where(TAKEDOWNS.c.item_id == item_id).order_by(TAKEDOWNS.c.offset).limit(1)
    )
    return None if message is None else Takedown.FromString(message)


def new_takedown(connection: Connection, item_id: str, *, reason: str, requested_by: str) -> Takedown:
    """A takedown of a known item. Raises NotFound where the item is unknown, Invalid without a reason."""
    if not reason.strip():
        raise Invalid(f"takedown of {item_id}: no reason given. Say why, for the record.")
    level = connection.scalar(select(ITEMS.c.level).where(ITEMS.c.item_id == item_id))
    if level is None:
        raise NotFound(f"{item_id}: no such item. Give the id of an item or of footage that is in the catalog.")
    now = Timestamp()
    now.GetCurrentTime()
    return Takedown(
        id=uuid.uuid4().hex, item_id=item_id, level=level, reason=reason, requested_by=requested_by, requested_at=now
    )


def takedown_event(takedown: Takedown) -> Event:
    """The event that says it."""
    return encode(topics.TAKEDOWNS.name, takedown.item_id, takedown, event_id=takedown.id, source="catalog")
