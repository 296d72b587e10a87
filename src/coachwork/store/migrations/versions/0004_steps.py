"""Steps are found by what they ran, and tell how much of their input a provider read from its own cache."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_index("steps_by_name", "steps", ["kind", "name", "started_at"])
    op.add_column("steps", sa.Column("cached_tokens", sa.Integer(), server_default="0", nullable=False))
