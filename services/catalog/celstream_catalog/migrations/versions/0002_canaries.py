"""What questions ask of footage, and evaluations."""

import sqlalchemy as sa
from alembic import op
from celstream_protos.v1.footage_pb2 import Footage

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None
BATCH = 1000


def upgrade() -> None:
    op.create_table(
        "evaluations",
        sa.Column("evaluation_id", sa.String(length=64), nullable=False),
        sa.Column("benchmark", sa.Text(), nullable=False),
        sa.Column("evaluated_at", sa.BigInteger(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("message", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("evaluation_id"),
    )
    op.create_index("ix_evaluations_benchmark", "evaluations", ["benchmark", "evaluated_at"], unique=False)
    facts = op.create_table(
        "footage_facts",
        sa.Column("footage_id", sa.String(length=64), nullable=False),
        sa.Column("style", sa.Integer(), nullable=False),
        sa.Column("canary", sa.Boolean(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("footage_id"),
    )
    # Footage that is in was projected before this table was there, and will not come again.
    known = sa.text(
        'SELECT i.item_id, i."offset", v.message FROM items AS i JOIN item_versions AS v '
        "ON v.item_id = i.item_id AND v.version = i.version WHERE i.level = 'footage'"
    )
    connection = op.get_bind()
    for rows in connection.execute(known).partitions(BATCH):
        given = [(row, Footage.FromString(row.message)) for row in rows]
        connection.execute(
            facts.insert(),
            [
                {"footage_id": row.item_id, "style": one.style, "canary": one.rights.canary, "offset": row.offset}
                for row, one in given
            ],
        )


def downgrade() -> None:
    op.drop_table("footage_facts")
    op.drop_index("ix_evaluations_benchmark", table_name="evaluations")
    op.drop_table("evaluations")
