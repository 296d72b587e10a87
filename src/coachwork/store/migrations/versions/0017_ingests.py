"""Ingestions that several processes share: what is to be read, who has which document, and how far it is."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

BigInt = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Json = sa.JSON(none_as_null=True)


def upgrade() -> None:
    counts = ("added", "changed", "deleted", "failed", "embedded", "reused", "embedded_beside")
    op.create_table(
        "ingests",
        sa.Column("knowledge", sa.Text(), nullable=False),
        sa.Column("generation", sa.Text(), server_default="", nullable=False),
        sa.Column("terms", sa.Text(), server_default="", nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("closer", sa.Text(), server_default="", nullable=False),
        sa.Column("parts", Json, nullable=False),
        *(sa.Column(name, sa.Integer(), server_default="0", nullable=False) for name in counts),
        sa.Column("started_at", BigInt, nullable=False),
        sa.Column("moved_at", BigInt, nullable=False),
        sa.Column("ended_at", BigInt, nullable=True),
        sa.Column("problem", Json, nullable=True),
        sa.PrimaryKeyConstraint("knowledge"),
    )
    op.create_table(
        "ingest_documents",
        sa.Column("knowledge", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("worker", sa.Text(), server_default="", nullable=False),
        sa.Column("asked", sa.Integer(), server_default="0", nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("knowledge", "id"),
    )
    op.create_index("ingest_documents_by_status", "ingest_documents", ["knowledge", "status", "id"])
    op.create_table(
        "ingest_workers",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("knowledge", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("gathering", sa.Boolean(), nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("current", sa.Text(), server_default="", nullable=False),
        sa.Column("started_at", BigInt, nullable=False),
        sa.Column("moved_at", BigInt, nullable=False),
        sa.Column("heartbeat_at", BigInt, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ingest_workers_by_knowledge", "ingest_workers", ["knowledge"])
