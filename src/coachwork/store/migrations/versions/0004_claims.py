"""Runs are claimed by workers, steps have a place in the code's order, and a run may call another.

Revision ID: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

BigInt = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    for column in (
        sa.Column("worker", sa.Text(), server_default="", nullable=False),
        sa.Column("claim", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due_at", BigInt, server_default="0", nullable=False),
        sa.Column("priority", sa.Integer(), server_default="0", nullable=False),
        sa.Column("deadline_at", BigInt, nullable=True),
        sa.Column("parent", sa.Text(), nullable=True),
        sa.Column("root", sa.Text(), server_default="", nullable=False),
        sa.Column("last_event", sa.Integer(), server_default="0", nullable=False),
    ):
        op.add_column("runs", column)
    op.create_index("runs_by_worker", "runs", ["worker", "due_at"])
    op.create_index("runs_by_root", "runs", ["root"])
    op.add_column("steps", sa.Column("path", sa.Text(), server_default="", nullable=False))
    op.execute("update steps set path = cast(seq as text)")
    op.execute("update runs set last_event = (select coalesce(max(seq), 0) from events where events.run_id = runs.id)")
    never = 2**62  # what has ended is never due
    op.execute(f"update runs set due_at = {never} where status in ('succeeded', 'failed', 'cancelled')")
