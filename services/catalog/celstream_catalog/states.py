"""States: which items and rejections are current, derived from what is stored, whatever order it came in.

An item is
- taken down, where a takedown names it or anything above it;
- else withdrawn, where its parent is not live, or no current outcome of its parent lists it (not yet, or no longer);
- else refused, where the last review of it is a REJECT;
- else live. A root has no parent and needs no listing.
A rejection is current where the outcome of a live input lists it; a root's, where that root has not come in.

Items form trees (an id is a hash of its parent's), so a change only ever moves downwards: recompute the items that a
batch touched, then the children of those whose state changed, and so on.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from celstream_protos.v1.envelope_pb2 import REVIEW_VERDICT_REJECT
from sqlalchemy import Connection, Row, and_, select

from celstream_catalog.database import select_in, set_column
from celstream_catalog.levels import Chain
from celstream_catalog.refusals import forget_refusals, write_refusals
from celstream_catalog.tables import (
    ITEM,
    ITEMS,
    LISTINGS,
    LIVE,
    REFUSED,
    REJECTION,
    REJECTIONS,
    REVIEWS,
    TAKEDOWNS,
    TAKEN_DOWN,
    WITHDRAWN,
)


@dataclass(slots=True)
class Touched:
    """Ids of the items and rejections whose state may have changed."""

    items: set[str] = field(default_factory=set)
    rejections: set[str] = field(default_factory=set)


def recompute(connection: Connection, touched: Touched, chain: Chain) -> set[str]:
    """Bring the states of what was touched, and of all below it, up to date. Returns the footage ids concerned."""
    rejections = set(touched.rejections)
    footage_ids: set[str] = set()
    frontier = set(touched.items)
    while frontier:
        rows = select_in(connection, select(ITEMS), ITEMS.c.item_id, frontier)
        footage_ids.update(row.footage_id for row in rows)
        rejections |= _rejections_of(connection, frontier)
        changed = _recompute_items(connection, rows, chain)
        children = select_in(connection, select(ITEMS.c.item_id), ITEMS.c.parent_id, changed)
        frontier = {row.item_id for row in children}
    return footage_ids | _recompute_rejections(connection, rejections)


def last_reviews(connection: Connection, item_ids: Iterable[str]) -> dict[str, Row[Any]]:
    """The last review of each of these items: item id -> row of `reviews`."""
    rows = select_in(connection, select(REVIEWS), REVIEWS.c.item_id, item_ids)
    return {row.item_id: row for row in sorted(rows, key=lambda row: row.offset)}


def _recompute_items(connection: Connection, rows: Sequence[Row[Any]], chain: Chain) -> set[str]:
    """Write the states of these rows of `items`; returns the ids of those whose state changed."""
    ids = {row.item_id for row in rows}
    parents = {
        row.item_id: row.state
        for row in select_in(
            connection, select(ITEMS.c.item_id, ITEMS.c.state), ITEMS.c.item_id, {row.parent_id for row in rows}
        )
    }
    listings = select(LISTINGS.c.ref_id, LISTINGS.c.input_id).where(LISTINGS.c.kind == ITEM)
    listed = {(row.ref_id, row.input_id) for row in select_in(connection, listings, LISTINGS.c.ref_id, ids)}
    reviews = last_reviews(connection, ids)
    named = ids | {row.footage_id for row in rows}
    takedowns = select_in(connection, select(TAKEDOWNS.c.item_id), TAKEDOWNS.c.item_id, named)
    taken_down = {row.item_id for row in takedowns}

    states: dict[str, str] = {}
    for row in rows:
        is_root = row.level == chain.root.name
        parent = LIVE if is_root else parents.get(row.parent_id, WITHDRAWN)
        review = reviews.get(row.item_id)
        if parent == TAKEN_DOWN or row.item_id in taken_down or row.footage_id in taken_down:
            states[row.item_id] = TAKEN_DOWN
        elif parent != LIVE or not (is_root or (row.item_id, row.parent_id) in listed):
            states[row.item_id] = WITHDRAWN
        elif review is not None and review.verdict == REVIEW_VERDICT_REJECT:
            states[row.item_id] = REFUSED
        else:
            states[row.item_id] = LIVE

    changed = [row for row in rows if row.state != states[row.item_id]]
    set_column(connection, ITEMS.c.item_id, ITEMS.c.state, {row.item_id: states[row.item_id] for row in changed})
    forget_refusals(connection, [row.item_id for row in changed if row.state == REFUSED])
    write_refusals(connection, [row for row in rows if states[row.item_id] == REFUSED], reviews, chain)
    return {row.item_id for row in changed}


def _rejections_of(connection: Connection, item_ids: set[str]) -> set[str]:
    """Rejections whose state hangs on these items: as inputs, or as roots that come in or go."""
    of_inputs = select(REJECTIONS.c.rejection_id)
    of_roots = of_inputs.where(REJECTIONS.c.parent_id == "")
    return {
        row.rejection_id
        for row in (
            *select_in(connection, of_inputs, REJECTIONS.c.parent_id, item_ids),
            *select_in(connection, of_roots, REJECTIONS.c.footage_id, item_ids),
        )
    }


def _recompute_rejections(connection: Connection, ids: set[str]) -> set[str]:
    """Write whether these rejections are current; returns the footage ids concerned."""
    rows = [
        r for r in select_in(connection, select(REJECTIONS), REJECTIONS.c.rejection_id, ids) if not r.refused_item_id
    ]
    by_live_inputs = (
        select(LISTINGS.c.ref_id, LISTINGS.c.input_id)
        .join(ITEMS, and_(ITEMS.c.item_id == LISTINGS.c.input_id, ITEMS.c.state == LIVE))
        .where(LISTINGS.c.kind == REJECTION)
    )
    listed = {(row.ref_id, row.input_id) for row in select_in(connection, by_live_inputs, LISTINGS.c.ref_id, ids)}
    roots = {row.footage_id for row in rows if not row.parent_id}
    known_roots = {
        row.item_id
        for table in (ITEMS, TAKEDOWNS)
        for row in select_in(connection, select(table.c.item_id), table.c.item_id, roots)
    }
    changes = {}
    for row in rows:
        current = (row.rejection_id, row.parent_id) in listed if row.parent_id else row.footage_id not in known_roots
        if current != row.current:
            changes[row.rejection_id] = current
    set_column(connection, REJECTIONS.c.rejection_id, REJECTIONS.c.current, changes)
    return {row.footage_id for row in rows}
