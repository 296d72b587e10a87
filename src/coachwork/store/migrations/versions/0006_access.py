"""Who may read a document, what its passages weigh, and which access rules an index was built by."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

BigInt = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Json = sa.JSON(none_as_null=True)


def upgrade() -> None:
    op.add_column("documents", sa.Column("readers", Json, nullable=True))
    op.add_column("documents", sa.Column("metadata", Json, nullable=True))
    op.create_table(
        "passage_weights",
        sa.Column("knowledge", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("hidden", sa.Boolean(), nullable=False),
        sa.Column("boost", sa.Float(), nullable=False),
        sa.Column("updated_at", BigInt, nullable=False),
        sa.PrimaryKeyConstraint("knowledge", "document", "digest"),
    )
    op.create_table(
        "knowledge_access",
        sa.Column("knowledge", sa.Text(), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("knowledge"),
    )
