"""Versions of prompts, labels that point at them, how they did on their cases; and what a model thought."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

BigInt = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Json = sa.JSON(none_as_null=True)


def upgrade() -> None:
    op.create_table(
        "prompt_versions",
        sa.Column("prompt", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("files", Json, nullable=False),
        sa.Column("first_seen", BigInt, nullable=False),
        sa.PrimaryKeyConstraint("prompt", "version"),
    )
    op.create_table(
        "prompt_labels",
        sa.Column("prompt", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("set_at", BigInt, nullable=False),
        sa.PrimaryKeyConstraint("prompt", "label"),
    )
    op.create_table(
        "prompt_trials",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("prompt", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("at", BigInt, nullable=False),
        sa.Column("repeats", sa.Integer(), nullable=False),
        sa.Column("passed", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("cost_nano", BigInt, nullable=True),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("cases", Json, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("prompt_trials_by_prompt", "prompt_trials", ["prompt", "at"])
    op.add_column("steps", sa.Column("reasoning", sa.Text(), server_default="", nullable=False))
