"""The projection's tables: what the topics say, and the state of every item that follows from it.

Items, outcomes and rejections come on different topics, in any order, so no foreign key holds between them.
Facts are copied from events; only `items.state` and `rejections.current` are derived (states.py). `offset` is always
the event's place in its partition: one key's events share a partition, so the greater offset is the newer event.
Works on SQLite and PostgreSQL. A change here needs a migration; a test compares the two.
"""

from typing import cast

from sqlalchemy import BigInteger, Boolean, ForeignKeyConstraint, Index, LargeBinary, String, Table, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

ID = String(64)  # a SHA-256 in hexadecimal

LIVE = "live"  # listed by the current outcome of its parent, which is live itself; or a root
WITHDRAWN = "withdrawn"  # not listed: not yet, or no longer; or its parent is not live
REFUSED = "refused"  # dropped by a person
TAKEN_DOWN = "taken_down"  # removed by a takedown, of itself or of what it was made from

ITEM = "item"
REJECTION = "rejection"


class Base(DeclarativeBase):
    """All tables."""


class Position(Base):
    """Up to where a partition has been projected: written in the same transaction as the rows."""

    __tablename__ = "positions"
    topic: Mapped[str] = mapped_column(Text, primary_key=True)
    partition: Mapped[int] = mapped_column(primary_key=True)
    next_offset: Mapped[int] = mapped_column(BigInteger)


class Item(Base):
    """An item, as its last event says. start_frame, end_frame: -1 where the level has no frame range."""

    __tablename__ = "items"
    __table_args__ = (
        Index("ix_items_parent", "parent_id"),
        Index("ix_items_page", "level", "footage_id", "start_frame", "item_id"),
        Index("ix_items_footage", "footage_id", "state", "level"),
    )
    item_id: Mapped[str] = mapped_column(ID, primary_key=True)
    version: Mapped[str] = mapped_column(ID)
    level: Mapped[str] = mapped_column(Text)
    parent_id: Mapped[str] = mapped_column(ID)
    footage_id: Mapped[str] = mapped_column(ID)
    start_frame: Mapped[int] = mapped_column(BigInteger)
    end_frame: Mapped[int] = mapped_column(BigInteger)
    offset: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(16))


class ItemVersion(Base):
    """Every version that an item has had, with its message. origin_kind: value of `OriginKind`.

    machine_version: the version itself, or of a person's correction the machine's version that it corrects. A compacted
    topic may have lost that one, and the outcome lists it.
    """

    __tablename__ = "item_versions"
    item_id: Mapped[str] = mapped_column(ID, primary_key=True)
    version: Mapped[str] = mapped_column(ID, primary_key=True)
    machine_version: Mapped[str] = mapped_column(ID)
    parent_version: Mapped[str] = mapped_column(ID)
    recipe: Mapped[str] = mapped_column(Text)
    origin_kind: Mapped[int]
    offset: Mapped[int] = mapped_column(BigInteger)
    published_at: Mapped[str] = mapped_column(Text)
    traceparent: Mapped[str] = mapped_column(Text)
    message: Mapped[bytes] = mapped_column(LargeBinary)


class Outcome(Base):
    """The current outcome of one input at one stage. state: value of `OutcomeState`.

    listing_error: why its long listing could not be read; empty where all is well.
    """

    __tablename__ = "outcomes"
    __table_args__ = (Index("ix_outcomes_input", "input_id"), Index("ix_outcomes_footage", "footage_id"))
    stage: Mapped[str] = mapped_column(Text, primary_key=True)
    input_id: Mapped[str] = mapped_column(ID, primary_key=True)
    input_version: Mapped[str] = mapped_column(ID)
    input_level: Mapped[str] = mapped_column(Text)
    footage_id: Mapped[str] = mapped_column(ID)
    recipe: Mapped[str] = mapped_column(Text)
    state: Mapped[int]
    error: Mapped[str] = mapped_column(Text)
    listing_error: Mapped[str] = mapped_column(Text)
    offset: Mapped[int] = mapped_column(BigInteger)


class OutcomeVersion(Base):
    """Every outcome that an input has had at a stage."""

    __tablename__ = "outcome_versions"
    stage: Mapped[str] = mapped_column(Text, primary_key=True)
    input_id: Mapped[str] = mapped_column(ID, primary_key=True)
    offset: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    published_at: Mapped[str] = mapped_column(Text)
    message: Mapped[bytes] = mapped_column(LargeBinary)


class Listing(Base):
    """What the current outcome of an input lists. kind: `item` or `rejection`."""

    __tablename__ = "listings"
    __table_args__ = (
        ForeignKeyConstraint(["stage", "input_id"], ["outcomes.stage", "outcomes.input_id"]),
        Index("ix_listings_ref", "ref_id"),
    )
    stage: Mapped[str] = mapped_column(Text, primary_key=True)
    input_id: Mapped[str] = mapped_column(ID, primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    ref_id: Mapped[str] = mapped_column(ID, primary_key=True)
    ref_version: Mapped[str] = mapped_column(ID)
    ref_level: Mapped[str] = mapped_column(Text)


class Attachment(Base):
    """What the current outcome of an input attaches."""

    __tablename__ = "attachments"
    __table_args__ = (ForeignKeyConstraint(["stage", "input_id"], ["outcomes.stage", "outcomes.input_id"]),)
    stage: Mapped[str] = mapped_column(Text, primary_key=True)
    input_id: Mapped[str] = mapped_column(ID, primary_key=True)
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    sha256: Mapped[str] = mapped_column(ID)
    size: Mapped[int] = mapped_column(BigInteger)
    media_type: Mapped[str] = mapped_column(Text)


class Rejection(Base):
    """A rejection, as its last event says. reason: value of `RejectionReason`.

    refused_item_id: the item that a person dropped; such a row comes from the review and exists while the item is
    refused. Empty for all others.
    """

    __tablename__ = "rejections"
    __table_args__ = (
        Index("ix_rejections_parent", "parent_id"),
        Index("ix_rejections_footage", "footage_id", "level"),
        Index("ix_rejections_refused", "refused_item_id"),
    )
    rejection_id: Mapped[str] = mapped_column(ID, primary_key=True)
    version: Mapped[str] = mapped_column(ID)
    level: Mapped[str] = mapped_column(Text)
    parent_id: Mapped[str] = mapped_column(ID)
    footage_id: Mapped[str] = mapped_column(ID)
    reason: Mapped[int]
    start_frame: Mapped[int] = mapped_column(BigInteger)
    refused_item_id: Mapped[str] = mapped_column(ID)
    offset: Mapped[int] = mapped_column(BigInteger)
    current: Mapped[bool] = mapped_column(Boolean)
    message: Mapped[bytes] = mapped_column(LargeBinary)


class Review(Base):
    """A person's word on an item. verdict: value of `ReviewVerdict`."""

    __tablename__ = "reviews"
    __table_args__ = (Index("ix_reviews_item", "item_id", "offset"),)
    review_id: Mapped[str] = mapped_column(Text, primary_key=True)
    item_id: Mapped[str] = mapped_column(ID)
    verdict: Mapped[int]
    offset: Mapped[int] = mapped_column(BigInteger)
    message: Mapped[bytes] = mapped_column(LargeBinary)


class Takedown(Base):
    """A removal."""

    __tablename__ = "takedowns"
    __table_args__ = (Index("ix_takedowns_item", "item_id"),)
    takedown_id: Mapped[str] = mapped_column(Text, primary_key=True)
    item_id: Mapped[str] = mapped_column(ID)
    level: Mapped[str] = mapped_column(Text)
    offset: Mapped[int] = mapped_column(BigInteger)
    message: Mapped[bytes] = mapped_column(LargeBinary)


class FootageFacts(Base):
    """What questions about items ask of their footage, as its last event says. style: value of `FootageStyle`.

    canary: whether it is footage with known truth that is there to be compared, and no part of the collection.
    """

    __tablename__ = "footage_facts"
    footage_id: Mapped[str] = mapped_column(ID, primary_key=True)
    style: Mapped[int]
    canary: Mapped[bool] = mapped_column(Boolean)
    offset: Mapped[int] = mapped_column(BigInteger)


class EvaluationRow(Base):
    """An evaluation. evaluated_at: seconds since 1970."""

    __tablename__ = "evaluations"
    __table_args__ = (Index("ix_evaluations_benchmark", "benchmark", "evaluated_at"),)
    evaluation_id: Mapped[str] = mapped_column(ID, primary_key=True)
    benchmark: Mapped[str] = mapped_column(Text)
    evaluated_at: Mapped[int] = mapped_column(BigInteger)
    offset: Mapped[int] = mapped_column(BigInteger)
    message: Mapped[bytes] = mapped_column(LargeBinary)


class SkippedEvent(Base):
    """An event that the projection could not read, and why."""

    __tablename__ = "skipped_events"
    topic: Mapped[str] = mapped_column(Text, primary_key=True)
    partition: Mapped[int] = mapped_column(primary_key=True)
    offset: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    error: Mapped[str] = mapped_column(Text)


# The tables as such, for statements in bulk.
POSITIONS = cast(Table, Position.__table__)
ITEMS = cast(Table, Item.__table__)
VERSIONS = cast(Table, ItemVersion.__table__)
OUTCOMES = cast(Table, Outcome.__table__)
OUTCOME_VERSIONS = cast(Table, OutcomeVersion.__table__)
LISTINGS = cast(Table, Listing.__table__)
ATTACHMENTS = cast(Table, Attachment.__table__)
REJECTIONS = cast(Table, Rejection.__table__)
REVIEWS = cast(Table, Review.__table__)
TAKEDOWNS = cast(Table, Takedown.__table__)
FACTS = cast(Table, FootageFacts.__table__)
EVALUATIONS = cast(Table, EvaluationRow.__table__)
SKIPPED = cast(Table, SkippedEvent.__table__)
