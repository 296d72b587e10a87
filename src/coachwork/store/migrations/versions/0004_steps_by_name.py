"""Steps are found by what they ran: how a prompt's answers were won is counted over them."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_index("steps_by_name", "steps", ["kind", "name", "started_at"])
