"""Which worker has a run: those without stand in line for all of them."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.add_column("runs", sa.Column("worker", sa.Text(), nullable=True))
