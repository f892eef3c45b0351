"""Refusals: an item that a person dropped counts as a rejection, so that the funnel balances.

These rows come from the review, not from an event: they exist exactly while the item is refused.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from celstream_platform.identity import item_version, rejection_id
from celstream_protos.v1.envelope_pb2 import (
    ORIGIN_KIND_HUMAN,
    REJECTION_REASON_REFUSED_BY_REVIEWER,
    FrameRange,
    Origin,
    Rejection,
    Review,
)
from sqlalchemy import Connection, Row, delete, select

from celstream_catalog.batch import frame_range
from celstream_catalog.database import is_one_of, select_in, upsert
from celstream_catalog.levels import Chain
from celstream_catalog.tables import REJECTIONS, VERSIONS


def write_refusals(
    connection: Connection, items: Sequence[Row[Any]], reviews: Mapping[str, Row[Any]], chain: Chain
) -> None:
    """Write the rejections of refused items. items: rows of `items`; reviews: item id -> row of its last review."""
    if not items:
        return
    versions = {
        (row.item_id, row.version): row
        for row in select_in(connection, select(VERSIONS), VERSIONS.c.item_id, {row.item_id for row in items})
    }
    rows = []
    for item in items:
        version, review = versions[item.item_id, item.version], reviews[item.item_id]
        message = chain.level(item.level).message_type.FromString(version.message)
        where: FrameRange | None = message.range if frame_range(message) != (-1, -1) else None  # type: ignore[attr-defined]
        rejection = refusal(item, version, where, Review.FromString(review.message))
        if not item.parent_id:
            rejection.footage_name = getattr(message, "name", "")
        rows.append(
            {
                "rejection_id": rejection.id,
                "version": rejection.version,
                "level": rejection.level,
                "parent_id": rejection.parent_id,
                "footage_id": rejection.footage_id,
                "reason": rejection.reason,
                "start_frame": item.start_frame,
                "refused_item_id": item.item_id,
                "offset": review.offset,
                "current": True,
                "message": rejection.SerializeToString(deterministic=True),
            }
        )
    upsert(connection, REJECTIONS, rows)


def forget_refusals(connection: Connection, item_ids: Sequence[str]) -> None:
    """Drop the rejections of items that are refused no longer."""
    if item_ids:
        connection.execute(delete(REJECTIONS).where(is_one_of(connection, REJECTIONS.c.refused_item_id, item_ids)))


def refusal(item: Row[Any], version: Row[Any], where: FrameRange | None, review: Review) -> Rejection:
    """The rejection that stands for a refused item.

    Its id is made from the item's own id instead of parent and frames: two tracks of one parent may share their frames,
    and a root's frames may change with its version.
    """
    reason = REJECTION_REASON_REFUSED_BY_REVIEWER
    return Rejection(
        id=rejection_id(item.item_id, item.level, 0, 0, reason),
        version=item_version(version.parent_version, version.recipe, review.id),
        level=item.level,
        parent_id=item.parent_id,
        parent_version=version.parent_version,
        footage_id=item.footage_id,
        range=where,
        reason=reason,
        detail=f"Refused by {review.reviewer}: {review.comment}"
        if review.comment
        else f"Refused by {review.reviewer}.",
        origin=Origin(kind=ORIGIN_KIND_HUMAN, method="review", confidence=1.0, reviewer=review.reviewer),
    )
