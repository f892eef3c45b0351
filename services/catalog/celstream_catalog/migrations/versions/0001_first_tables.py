"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "item_versions",
        sa.Column("item_id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("machine_version", sa.String(length=64), nullable=False),
        sa.Column("parent_version", sa.String(length=64), nullable=False),
        sa.Column("recipe", sa.Text(), nullable=False),
        sa.Column("origin_kind", sa.Integer(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("published_at", sa.Text(), nullable=False),
        sa.Column("traceparent", sa.Text(), nullable=False),
        sa.Column("message", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("item_id", "version"),
    )
    op.create_table(
        "items",
        sa.Column("item_id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.String(length=64), nullable=False),
        sa.Column("footage_id", sa.String(length=64), nullable=False),
        sa.Column("start_frame", sa.BigInteger(), nullable=False),
        sa.Column("end_frame", sa.BigInteger(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("item_id"),
    )
    op.create_index("ix_items_footage", "items", ["footage_id", "state", "level"], unique=False)
    op.create_index("ix_items_page", "items", ["level", "footage_id", "start_frame", "item_id"], unique=False)
    op.create_index("ix_items_parent", "items", ["parent_id"], unique=False)
    op.create_table(
        "outcome_versions",
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("input_id", sa.String(length=64), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("published_at", sa.Text(), nullable=False),
        sa.Column("message", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("stage", "input_id", "offset"),
    )
    op.create_table(
        "outcomes",
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("input_id", sa.String(length=64), nullable=False),
        sa.Column("input_version", sa.String(length=64), nullable=False),
        sa.Column("input_level", sa.Text(), nullable=False),
        sa.Column("footage_id", sa.String(length=64), nullable=False),
        sa.Column("recipe", sa.Text(), nullable=False),
        sa.Column("state", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("listing_error", sa.Text(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("stage", "input_id"),
    )
    op.create_index("ix_outcomes_footage", "outcomes", ["footage_id"], unique=False)
    op.create_index("ix_outcomes_input", "outcomes", ["input_id"], unique=False)
    op.create_table(
        "positions",
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("topic", "partition"),
    )
    op.create_table(
        "rejections",
        sa.Column("rejection_id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.String(length=64), nullable=False),
        sa.Column("footage_id", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.Integer(), nullable=False),
        sa.Column("start_frame", sa.BigInteger(), nullable=False),
        sa.Column("refused_item_id", sa.String(length=64), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.Column("message", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("rejection_id"),
    )
    op.create_index("ix_rejections_footage", "rejections", ["footage_id", "level"], unique=False)
    op.create_index("ix_rejections_parent", "rejections", ["parent_id"], unique=False)
    op.create_index("ix_rejections_refused", "rejections", ["refused_item_id"], unique=False)
    op.create_table(
        "reviews",
        sa.Column("review_id", sa.Text(), nullable=False),
        sa.Column("item_id", sa.String(length=64), nullable=False),
        sa.Column("verdict", sa.Integer(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("message", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("review_id"),
    )
    op.create_index("ix_reviews_item", "reviews", ["item_id", "offset"], unique=False)
    op.create_table(
        "skipped_events",
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("topic", "partition", "offset"),
    )
    op.create_table(
        "takedowns",
        sa.Column("takedown_id", sa.Text(), nullable=False),
        sa.Column("item_id", sa.String(length=64), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("message", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("takedown_id"),
    )
    op.create_index("ix_takedowns_item", "takedowns", ["item_id"], unique=False)
    op.create_table(
        "attachments",
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("input_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["stage", "input_id"],
            ["outcomes.stage", "outcomes.input_id"],
        ),
        sa.PrimaryKeyConstraint("stage", "input_id", "name"),
    )
    op.create_table(
        "listings",
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("input_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("ref_id", sa.String(length=64), nullable=False),
        sa.Column("ref_version", sa.String(length=64), nullable=False),
        sa.Column("ref_level", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["stage", "input_id"],
            ["outcomes.stage", "outcomes.input_id"],
        ),
        sa.PrimaryKeyConstraint("stage", "input_id", "kind", "ref_id"),
    )
    op.create_index("ix_listings_ref", "listings", ["ref_id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_listings_ref", table_name="listings")
    op.drop_table("listings")
    op.drop_table("attachments")
    op.drop_index("ix_takedowns_item", table_name="takedowns")
    op.drop_table("takedowns")
    op.drop_table("skipped_events")
    op.drop_index("ix_reviews_item", table_name="reviews")
    op.drop_table("reviews")
    op.drop_index("ix_rejections_refused", table_name="rejections")
    op.drop_index("ix_rejections_parent", table_name="rejections")
    op.drop_index("ix_rejections_footage", table_name="rejections")
    op.drop_table("rejections")
    op.drop_table("positions")
    op.drop_index("ix_outcomes_input", table_name="outcomes")
    op.drop_index("ix_outcomes_footage", table_name="outcomes")
    op.drop_table("outcomes")
    op.drop_table("outcome_versions")
    op.drop_index("ix_items_parent", table_name="items")
    op.drop_index("ix_items_page", table_name="items")
    op.drop_index("ix_items_footage", table_name="items")
    op.drop_table("items")
    op.drop_table("item_versions")
