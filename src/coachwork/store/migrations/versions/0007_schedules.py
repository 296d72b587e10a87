"""Schedules: how far each of them is looked after, by all workers together."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

BigInt = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "schedules",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("cron", sa.Text(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("handled_at", BigInt, nullable=False),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("begun_at", BigInt, nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
