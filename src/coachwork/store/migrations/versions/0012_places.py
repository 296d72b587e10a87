"""Where in the code of its run a step stands."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("steps", sa.Column("within", sa.JSON(none_as_null=True), nullable=True))
