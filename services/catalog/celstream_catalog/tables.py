"""The projection's tables: what the topics say, and the state of every item that follows from it.

Items, outcomes and rejections come on different topics, in any order, so no foreign key holds between them.
Facts are copied from events; only `items.state` and `rejections.current` are derived (states.py). `offset` is always
the event's place in its partition: one key's events share a partition, so the greater offset is the newer event.
Works on SQLite and PostgreSQL. No classes: what maps them takes a run as long to load as its tables to write. A change
here needs a migration; a test compares the two.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.types import TypeEngine

ID = String(64)  # a SHA-256 in hexadecimal

LIVE = "live"  # listed by the current outcome of its parent, which is live itself; or a root
WITHDRAWN = "withdrawn"  # not listed: not yet, or no longer; or its parent is not live
REFUSED = "refused"  # dropped by a person
TAKEN_DOWN = "taken_down"  # removed by a takedown, of itself or of what it was made from

ITEM = "item"
REJECTION = "rejection"

METADATA = MetaData()
"""All tables."""


def _key(name: str, kind: "TypeEngine[Any] | type[TypeEngine[Any]]") -> Column[Any]:
    """A column of the primary key."""
    return Column(name, kind, primary_key=True)


def _column(name: str, kind: "TypeEngine[Any] | type[TypeEngine[Any]]") -> Column[Any]:
    """Any other; none is ever empty."""
    return Column(name, kind, nullable=False)


POSITIONS = Table(
    "positions",
    METADATA,
    _key("topic", Text),
    _key("partition", Integer),
    _column("next_offset", BigInteger),
)
"""Up to where a partition has been projected: written in the same transaction as the rows."""

ITEMS = Table(
    "items",
    METADATA,
    _key("item_id", ID),
    _column("version", ID),
    _column("level", Text),
    _column("parent_id", ID),
    _column("footage_id", ID),
    _column("start_frame", BigInteger),
    _column("end_frame", BigInteger),
    _column("offset", BigInteger),
    _column("state", String(16)),
    Index("ix_items_parent", "parent_id"),
    Index("ix_items_page", "level", "footage_id", "start_frame", "item_id"),
    Index("ix_items_footage", "footage_id", "state", "level"),
)
"""An item, as its last event says. start_frame, end_frame: -1 where the level has no frame range."""

VERSIONS = Table(
    "item_versions",
    METADATA,
    _key("item_id", ID),
    _key("version", ID),
    _column("machine_version", ID),
    _column("parent_version", ID),
    _column("recipe", Text),
    _column("origin_kind", Integer),
    _column("offset", BigInteger),
    _column("published_at", Text),
    _column("traceparent", Text),
    _column("message", LargeBinary),
)
"""Every version that an item has had, with its message. origin_kind: value of `OriginKind`.

machine_version: the version itself, or of a person's correction the machine's version that it corrects. A compacted
topic may have lost that one, and the outcome lists it.
"""

OUTCOMES = Table(
    "outcomes",
    METADATA,
    _key("stage", Text),
    _key("input_id", ID),
    _column("input_version", ID),
    _column("input_level", Text),
    _column("footage_id", ID),
    _column("recipe", Text),
    _column("state", Integer),
    _column("error", Text),
    _column("listing_error", Text),
    _column("offset", BigInteger),
    Index("ix_outcomes_input", "input_id"),
    Index("ix_outcomes_footage", "footage_id"),
)
"""The current outcome of one input at one stage. state: value of `OutcomeState`.

listing_error: why its long listing could not be read; empty where all is well.
"""

OUTCOME_VERSIONS = Table(
    "outcome_versions",
    METADATA,
    _key("stage", Text),
    _key("input_id", ID),
    _key("offset", BigInteger),
    _column("published_at", Text),
    _column("message", LargeBinary),
)
"""Every outcome that an input has had at a stage."""

LISTINGS = Table(
    "listings",
    METADATA,
    _key("stage", Text),
    _key("input_id", ID),
    _key("kind", String(16)),
    _key("ref_id", ID),
    _column("ref_version", ID),
    _column("ref_level", Text),
    ForeignKeyConstraint(["stage", "input_id"], ["outcomes.stage", "outcomes.input_id"]),
    Index("ix_listings_ref", "ref_id"),
)
"""What the current outcome of an input lists. kind: `item` or `rejection`."""

ATTACHMENTS = Table(
    "attachments",
    METADATA,
    _key("stage", Text),
    _key("input_id", ID),
    _key("name", Text),
    _column("sha256", ID),
    _column("size", BigInteger),
    _column("media_type", Text),
    ForeignKeyConstraint(["stage", "input_id"], ["outcomes.stage", "outcomes.input_id"]),
)
"""What the current outcome of an input attaches."""

REJECTIONS = Table(
    "rejections",
    METADATA,
    _key("rejection_id", ID),
    _column("version", ID),
    _column("level", Text),
    _column("parent_id", ID),
    _column("footage_id", ID),
    _column("reason", Integer),
    _column("start_frame", BigInteger),
    _column("refused_item_id", ID),
    _column("offset", BigInteger),
    _column("current", Boolean),
    _column("message", LargeBinary),
    Index("ix_rejections_parent", "parent_id"),
    Index("ix_rejections_footage", "footage_id", "level"),
    Index("ix_rejections_refused", "refused_item_id"),
)
"""A rejection, as its last event says. reason: value of `RejectionReason`.

refused_item_id: the item that a person dropped; such a row comes from the review and exists while the item is
refused. Empty for all others.
"""

REVIEWS = Table(
    "reviews",
    METADATA,
    _key("review_id", Text),
    _column("item_id", ID),
    _column("verdict", Integer),
    _column("offset", BigInteger),
    _column("message", LargeBinary),
    Index("ix_reviews_item", "item_id", "offset"),
)
"""A person's word on an item. verdict: value of `ReviewVerdict`."""

TAKEDOWNS = Table(
    "takedowns",
    METADATA,
    _key("takedown_id", Text),
    _column("item_id", ID),
    _column("level", Text),
    _column("offset", BigInteger),
    _column("message", LargeBinary),
    Index("ix_takedowns_item", "item_id"),
)
"""A removal."""

FACTS = Table(
    "footage_facts",
    METADATA,
    _key("footage_id", ID),
    _column("style", Integer),
    _column("canary", Boolean),
    _column("offset", BigInteger),
)
"""What questions about items ask of their footage, as its last event says. style: value of `FootageStyle`.

canary: whether it is footage with known truth that is there to be compared, and no part of the collection.
"""

EVALUATIONS = Table(
    "evaluations",
    METADATA,
    _key("evaluation_id", ID),
    _column("benchmark", Text),
    _column("evaluated_at", BigInteger),
    _column("offset", BigInteger),
    _column("message", LargeBinary),
    Index("ix_evaluations_benchmark", "benchmark", "evaluated_at"),
)
"""An evaluation. evaluated_at: seconds since 1970."""

SKIPPED = Table(
    "skipped_events",
    METADATA,
    _key("topic", Text),
    _key("partition", Integer),
    _key("offset", BigInteger),
    _column("error", Text),
)
"""An event that the projection could not read, and why."""
