"""By which settings an ingestion of a knowledge base has come to its end: what is searched is whole then."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.add_column("ingests", sa.Column("whole_terms", sa.Text(), nullable=False, server_default=""))
