"""Runs that begin with the steps of another one."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

Json = sa.JSON(none_as_null=True)


def upgrade() -> None:
    op.add_column("runs", sa.Column("forked_from", sa.Text(), nullable=True))
    op.add_column("runs", sa.Column("forked_at", sa.Integer(), nullable=True))
    op.add_column("runs", sa.Column("changes", Json, nullable=True))
    op.add_column("steps", sa.Column("reused", sa.Boolean(), server_default=sa.false(), nullable=False))
