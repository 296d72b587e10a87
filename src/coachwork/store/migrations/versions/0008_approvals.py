"""Approvals: who may decide, reminders, a value that holds if nobody does, and all that happened to them."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

BigInt = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Json = sa.JSON(none_as_null=True)


def upgrade() -> None:
    op.add_column("approvals", sa.Column("deciders", Json, nullable=True))
    op.add_column("approvals", sa.Column("fallback", Json, nullable=True))
    op.add_column("approvals", sa.Column("reminders", Json, nullable=True))
    op.add_column("approvals", sa.Column("remind_at", BigInt, nullable=True))
    op.add_column("approvals", sa.Column("notify", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_index("approvals_by_reminder", "approvals", ["remind_at"])
    op.create_table(
        "approval_trail",
        sa.Column("approval_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", BigInt, nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), server_default="", nullable=False),
        sa.Column("detail", Json, nullable=True),
        sa.Column("notify_at", BigInt, nullable=True),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["approval_id"], ["approvals.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("approval_id", "seq"),
    )
    op.create_index("approval_trail_by_notice", "approval_trail", ["notify_at"])
