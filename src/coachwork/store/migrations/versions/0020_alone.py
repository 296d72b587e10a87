"""The claim under which a run that workers died of began where nothing else worked."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.add_column("runs", sa.Column("alone_claim", sa.Integer(), nullable=False, server_default="-1"))
