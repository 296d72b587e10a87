"""Limits that hold: what a call tells, budgets with their reservations, rates, and answers kept for equal questions."""

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    _calls()
    _budgets()
    _rates()
    _cache()


def _calls() -> None:
    """More of what one call knows."""


def _budgets() -> None:
    """What each budget has spent and holds in its window, and every hold until it is settled."""


def _rates() -> None:
    """Requests and tokens of each model by the minute, where several processes share a limit."""


def _cache() -> None:
    """Answers that may be given again."""
