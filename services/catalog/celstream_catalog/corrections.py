"""Corrections: a person's CORRECT becomes a new version of the item, published on the level's own topic.

The stages below just see a new version. Which corrections are due follows from what is stored: an item that is live,
has a CORRECT review, and whose current version is not the corrected one. So it does not matter whether the review came
first or a machine's later answer did: the correction is published (again) until it is the current version, and it waits
as stale while its item is gone. `Projection.caught_up` makes that exactly once.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from celstream_platform.events import Event, encode
from celstream_platform.identity import digest, event_id, item_version
from celstream_protos.v1.envelope_pb2 import (
    ORIGIN_KIND_HUMAN,
    REVIEW_VERDICT_ACCEPT,
    REVIEW_VERDICT_CORRECT,
    REVIEW_VERDICT_REJECT,
    ItemHeader,
    Origin,
    Review,
)
from sqlalchemy import Connection, Row, and_, select

from celstream_catalog.batch import frame_range
from celstream_catalog.levels import Chain
from celstream_catalog.tables import ITEMS, LIVE, REFUSED, REVIEWS, VERSIONS

SOURCE = "catalog"


class ReviewStatus(StrEnum):
    """What has become of a review."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    CORRECTED = "corrected"
    PENDING = "pending"  # a correction that is about to be published
    STALE = "stale"  # the item is gone; should it come back, the review holds again
    SUPERSEDED = "superseded"  # a later review of the item counts instead
    IMPOSSIBLE = "impossible"  # the correction names other frames than the item


@dataclass(frozen=True, slots=True)
class Correction:
    """A correction to publish."""

    item_id: str
    footage_id: str
    event: Event


def due(connection: Connection, chain: Chain, footage_id: str | None = None) -> list[Correction]:
    """The corrections to publish now, of all footage or of one."""
    return [
        Correction(row.item_id, row.footage_id, _event(row, chain))
        for row in _last_corrections(connection, footage_id)
        if row.state == LIVE and not _is_applied(row) and not _names_other_frames(row, chain)
    ]


def review_status(connection: Connection, chain: Chain) -> list[tuple[Review, ReviewStatus]]:
    """Every review with what has become of it, in the order of items and time."""
    corrections = {row.review_id: row for row in _last_corrections(connection)}
    rows = list(
        connection.execute(
            select(REVIEWS, ITEMS.c.state)
            .select_from(REVIEWS.outerjoin(ITEMS, ITEMS.c.item_id == REVIEWS.c.item_id))
            .order_by(REVIEWS.c.item_id, REVIEWS.c.offset)
        )
    )
    last = {row.item_id: row.review_id for row in rows}

    def status(row: Row[Any]) -> ReviewStatus:
        if row.review_id != last[row.item_id] and row.review_id not in corrections:
            return ReviewStatus.SUPERSEDED
        if row.state not in (LIVE, REFUSED):
            return ReviewStatus.STALE
        if row.verdict == REVIEW_VERDICT_REJECT:
            return ReviewStatus.REFUSED
        if row.verdict == REVIEW_VERDICT_ACCEPT:
            return ReviewStatus.ACCEPTED
        if row.state == REFUSED:
            return ReviewStatus.SUPERSEDED
        if _names_other_frames(corrections[row.review_id], chain):
            return ReviewStatus.IMPOSSIBLE
        return ReviewStatus.CORRECTED if _is_applied(corrections[row.review_id]) else ReviewStatus.PENDING

    return [(Review.FromString(row.message), status(row)) for row in rows]


def corrected_version(parent_version: str, recipe: str, review: Review) -> str:
    """The version of an item as a review corrects it. recipe: that of the machine's answer which it corrects."""
    correction = digest(review.correction.type_url, review.correction.value.hex())
    return item_version(parent_version, recipe, correction)


def _last_corrections(connection: Connection, footage_id: str | None = None) -> list[Row[Any]]:
    """The last CORRECT of each item that is known, with the item's current version.

    A later ACCEPT confirms it, and a REJECT suspends it: neither makes the machine's answer right again.
    """
    current = and_(VERSIONS.c.item_id == ITEMS.c.item_id, VERSIONS.c.version == ITEMS.c.version)
    statement = (
        select(
            REVIEWS.c.review_id,
            REVIEWS.c.message.label("review"),
            ITEMS.c.item_id,
            ITEMS.c.version,
            ITEMS.c.level,
            ITEMS.c.footage_id,
            ITEMS.c.state,
            ITEMS.c.start_frame,
            ITEMS.c.end_frame,
            VERSIONS.c.parent_version,
            VERSIONS.c.recipe,
            VERSIONS.c.traceparent,
            VERSIONS.c.message,
        )
        .select_from(REVIEWS.join(ITEMS, ITEMS.c.item_id == REVIEWS.c.item_id).join(VERSIONS, current))
        .where(REVIEWS.c.verdict == REVIEW_VERDICT_CORRECT)
        .order_by(REVIEWS.c.offset)
    )
    if footage_id is not None:
        statement = statement.where(ITEMS.c.footage_id == footage_id)
    rows: Iterable[Row[Any]] = connection.execute(statement)
    return list({row.item_id: row for row in rows}.values())


def _is_applied(row: Row[Any]) -> bool:
    return bool(row.version == corrected_version(row.parent_version, row.recipe, Review.FromString(row.review)))


def _names_other_frames(row: Row[Any], chain: Chain) -> bool:
    """Frames are part of what an item is (its id): other frames are another item, which only its stage can make."""
    message_type = chain.level(row.level).message_type
    correction = message_type.FromString(Review.FromString(row.review).correction.value)
    return frame_range(correction) != (row.start_frame, row.end_frame)


def _event(row: Row[Any], chain: Chain) -> Event:
    level = chain.level(row.level)
    review = Review.FromString(row.review)
    message = level.message_type.FromString(review.correction.value)
    header: ItemHeader = level.message_type.FromString(row.message).item  # type: ignore[attr-defined]
    header.version = corrected_version(row.parent_version, row.recipe, review)
    header.origin.CopyFrom(
        Origin(kind=ORIGIN_KIND_HUMAN, method="review", recipe=row.recipe, confidence=1.0, reviewer=review.reviewer)
    )
    message.item.CopyFrom(header)  # type: ignore[attr-defined]
    return encode(
        level.topic.name,
        header.id,
        message,
        event_id=event_id(header.id, header.version),
        source=SOURCE,
        traceparent=row.traceparent,
    )
