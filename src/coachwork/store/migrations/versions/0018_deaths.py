"""How many workers died with a run in their hands, one after the other at the same step."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.add_column("runs", sa.Column("deaths", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("runs", sa.Column("deaths_at", sa.Integer(), nullable=False, server_default="-1"))
