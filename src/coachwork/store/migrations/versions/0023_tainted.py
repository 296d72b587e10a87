"""Whether strangers wrote what a step gave: who goes on with a run after a crash, or forks it, has to know it too."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.add_column("steps", sa.Column("tainted", sa.Boolean(), nullable=False, server_default=sa.false()))
