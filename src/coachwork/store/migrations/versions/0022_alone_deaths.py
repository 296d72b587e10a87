"""How many workers died that had begun nothing but one run that workers had died of before."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.add_column("runs", sa.Column("alone_deaths", sa.Integer(), nullable=False, server_default="0"))
