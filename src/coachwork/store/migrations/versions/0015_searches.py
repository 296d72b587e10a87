"""How many searches a call of a reranker counted: what some are billed by."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column("calls", sa.Column("searches", sa.Integer(), nullable=False, server_default="0"))
