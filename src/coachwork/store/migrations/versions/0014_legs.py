"""Runs that are put back while they wait, the place of a step, deadlines, priorities, and who asked."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("runs", sa.Column("claim", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("runs", sa.Column("leg", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("runs", sa.Column("ready_at", big))
    op.add_column("runs", sa.Column("deadline_at", big))
    op.add_column("runs", sa.Column("priority", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("runs", sa.Column("key", sa.Text(), nullable=False, server_default=""))
    op.add_column("runs", sa.Column("team", sa.Text(), nullable=False, server_default=""))
    op.create_index("runs_in_line", "runs", ["ready_at"])
    op.create_index("runs_by_worker", "runs", ["worker"])
    op.add_column("steps", sa.Column("place", sa.Text(), nullable=False, server_default=""))
    op.execute("update runs set ready_at = created_at where worker is null and status = 'queued'")
    op.execute("update runs set worker = null where status in ('succeeded', 'failed', 'cancelled')")
    op.execute("update steps set place = cast(seq as text)")  # what runs in flight made so far, one after the other
