"""Limits that hold: what a call tells, budgets with their reservations, rates, and answers kept for equal questions."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

BigInt = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Json = sa.JSON(none_as_null=True)


def upgrade() -> None:
    _calls()
    _budgets()
    _rates()
    _cache()


def _calls() -> None:
    """More of what one call knows."""
    for name in ("provider", "finish_reason", "key", "team", "app"):
        op.add_column("calls", sa.Column(name, sa.Text(), server_default="", nullable=False))
    for name in ("cache_write_tokens", "input_audio_tokens", "output_audio_tokens", "images"):
        op.add_column("calls", sa.Column(name, sa.Integer(), server_default="0", nullable=False))
    for name in ("estimated", "cached"):
        op.add_column("calls", sa.Column(name, sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("calls", sa.Column("fallbacks", Json, nullable=True))
    op.add_column("calls", sa.Column("step", sa.Integer(), nullable=True))


def _budgets() -> None:
    """What each budget has spent in its window, and what each worker may spend of it."""
    op.create_table(
        "budgets",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("per", sa.Text(), nullable=False),
        sa.Column("starts_at", BigInt, nullable=False),
        sa.Column("spent_nano", BigInt, server_default="0", nullable=False),
        sa.Column("held_nano", BigInt, server_default="0", nullable=False),
        sa.Column("warned_at", BigInt, nullable=True),
        sa.PrimaryKeyConstraint("scope", "name", "per", "starts_at"),
    )
    op.create_table(
        "budget_leases",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("per", sa.Text(), nullable=False),
        sa.Column("starts_at", BigInt, nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("amount_nano", BigInt, nullable=False),
        sa.Column("expires_at", BigInt, nullable=False),
        sa.PrimaryKeyConstraint("scope", "name", "per", "starts_at", "holder"),
    )
    op.create_index("budget_leases_by_expiry", "budget_leases", ["expires_at"])


def _rates() -> None:
    """Requests and tokens of each model by the minute, and who is at it, where several processes share a limit."""
    op.create_table(
        "rates",
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("requests_full_us", BigInt, server_default="0", nullable=False),
        sa.Column("tokens_full_us", BigInt, server_default="0", nullable=False),
        sa.Column("requests_back_us", BigInt, server_default="0", nullable=False),
        sa.Column("tokens_back_us", BigInt, server_default="0", nullable=False),
        sa.Column("tickets", BigInt, server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("model"),
    )
    op.create_table(
        "places",
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("ticket", BigInt, nullable=False),
        sa.Column("until", BigInt, nullable=False),
        sa.PrimaryKeyConstraint("holder"),
    )
    op.create_index("places_by_model", "places", ["model", "ticket"])


def _cache() -> None:
    """Answers that may be given again."""
    op.create_table(
        "answers",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("family", sa.Text(), nullable=False),
        sa.Column("claimed_by", sa.Text(), server_default="", nullable=False),
        sa.Column("answer", Json, nullable=True),
        sa.Column("vector", sa.LargeBinary(), nullable=True),
        sa.Column("at", BigInt, nullable=False),
        sa.Column("until", BigInt, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("answers_by_family", "answers", ["family", "at"])
    op.create_index("answers_by_until", "answers", ["until"])
