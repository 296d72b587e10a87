"""Which budgets a call counts against, and the window of time each of them is in. Pure: the clock is an argument."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from coachwork.models.config import BudgetConfig
from coachwork.models.ledger import ScopeNames

_DAY_MS = 86_400_000


class Window(NamedTuple):
    """One budget in one window of time. `starts_at` in milliseconds since 1970 UTC, 0 for `total`."""

    scope: str
    name: str
    per: str
    starts_at: int


@dataclass(frozen=True)
class Allowance:
    """What may be spent in a window, in 1e-9 USD. `resets_at` in milliseconds since 1970 UTC, None for never."""

    window: Window
    limit: int
    warn_at: int
    resets_at: int | None


def applying(budgets: Sequence[BudgetConfig], names: ScopeNames, now_ms: int) -> list[Allowance]:
    """The allowances that a call of these names counts against, in a fixed order.

    A budget of one name counts instead of the one of each, where both are by the same window.
    A scope without a name (no run, nobody known) has no budget.
    """
    whose = {
        "run": names.run,
        "batch": names.batch,
        "user": names.user,
        "key": names.key,
        "team": names.team,
        "app": names.app,
        "installation": "",
    }
    found: dict[Window, BudgetConfig] = {}
    for budget in sorted(budgets, key=lambda budget: bool(budget.name)):
        name = whose[budget.scope]
        if budget.name not in ("", name) or not (name or budget.scope == "installation"):
            continue
        found[Window(budget.scope, name, budget.per, start_of(budget.per, now_ms))] = budget
    return [allowance(budget, window) for window, budget in sorted(found.items())]


def allowance(budget: BudgetConfig, window: Window) -> Allowance:
    limit = round(budget.usd * 1e9)
    return Allowance(window, limit, round(limit * budget.warn_at), end_of(window.per, window.starts_at))


def start_of(per: str, now_ms: int) -> int:
    """When the window began that holds `now_ms`: midnight UTC of the day, the Monday, the first of the month."""
    if per == "total":
        return 0
    midnight = now_ms - now_ms % _DAY_MS
    if per == "day":
        return midnight
    day = datetime.fromtimestamp(midnight / 1000, UTC)
    first = day - timedelta(days=day.weekday()) if per == "week" else day.replace(day=1)
    return int(first.timestamp()) * 1000


def end_of(per: str, starts_at: int) -> int | None:
    """When the window ends, and the next begins."""
    if per == "total":
        return None
    if per == "month":
        first = datetime.fromtimestamp(starts_at / 1000, UTC)
        return int((first + timedelta(days=32)).replace(day=1).timestamp()) * 1000
    return starts_at + (7 if per == "week" else 1) * _DAY_MS
