"""The approvals of a run, found without reading those of all others."""

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_index("approvals_by_run", "approvals", ["run_id"])
