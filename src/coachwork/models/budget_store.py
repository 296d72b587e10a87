"""The rows of budgets: what is spent, what each worker holds. Knows statements; when to ask is the desk's business.

A worker leases a part of a budget with one conditional UPDATE, spends of it without asking, and tells what
it spent when it asks again. Spent and leased together never exceed the limit, whoever asks, however many.
A worker that dies tells nothing more: at its deadline all that it held counts as spent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from coachwork.models.budget_windows import Allowance, Window
from coachwork.store.tables import budget_leases as leases
from coachwork.store.tables import budgets

_NEW: dict[str, sa.Insert] = {  # the same words in both, but each has its own function
    "sqlite": sqlite.insert(budgets).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(budgets).on_conflict_do_nothing(),
}


@dataclass(frozen=True)
class Wish:
    """What a worker tells of one budget, in 1e-9 USD: of the `leased` amount `spent` is gone, `back` is given back.

    `spare` is how much more than its calls need it would take where there is plenty.
    """

    allowance: Allowance
    leased: int
    spent: int = 0
    back: int = 0
    spare: int = 0


@dataclass(frozen=True)
class Need:
    """The hold of a call that waits: the same amount on each of its budgets, or nothing of it."""

    windows: tuple[Window, ...]
    nano: int


@dataclass(frozen=True)
class Answer:
    """What was granted, what the worker leases now, how the budget stands. `warn`: the soft limit is just passed."""

    granted: int
    leased: int
    spent: int
    held: int
    warn: bool


class LeaseLost(Exception):
    """The worker's lease ran out and was counted as spent; nothing of the turn was done."""

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self.window = window


def turn(
    connection: sa.Connection,
    holder: str,
    wishes: Sequence[Wish],
    needs: Sequence[Need],
    *,
    now_ms: int,
    expires_at: int,
) -> dict[Window, Answer]:
    """Do all that one worker wishes, or, raising LeaseLost, none. Rows are locked in one order by everybody.

    `needs` are of the calls that wait, first come first; all their budgets are among the wishes.
    """
    ordered = sorted(wishes, key=lambda wish: wish.allowance.window)
    rows = {w.allowance.window: _settle(connection, w.allowance.window, w.spent, _freed(w)) for w in ordered}
    left = {w.allowance.window: w.allowance.limit - _used(rows[w.allowance.window]) for w in ordered}
    granted = grant(left, needs, {wish.allowance.window: wish.spare for wish in ordered})
    found = {}
    for wish in ordered:
        window, row = wish.allowance.window, rows[wish.allowance.window]
        more = granted[window]
        if more and not _reserve(connection, window, more, wish.allowance.limit):
            raise AssertionError(f"the row of {window} changed under its lock")
        leased = wish.leased - _freed(wish) + more
        _lease(connection, window, holder, wish.leased, leased, expires_at)
        warn = row.warned_at is None and 0 < row.spent_nano >= wish.allowance.warn_at
        if warn:
            connection.execute(sa.update(budgets).where(*_is(budgets, window)).values(warned_at=now_ms))
        found[window] = Answer(more, leased, row.spent_nano, row.held_nano + more, warn)
    return found


def grant(left: Mapping[Window, int], needs: Sequence[Need], spare: Mapping[Window, int]) -> dict[Window, int]:
    """How much of each budget goes to a worker: to the calls that fit, and only then something spare.

    A call gets its amount on all its budgets or on none: two workers that each hold what the other waits for
    would wait for ever. One that does not fit keeps those after it from the budgets that it lacks.
    """
    granted = dict.fromkeys(left, 0)
    lacking: set[Window] = set()
    for need in needs:
        short = [w for w in need.windows if w in lacking or left[w] - granted[w] < need.nano]
        lacking.update(short)
        if not short:
            for window in need.windows:
                granted[window] += need.nano
    for window in left.keys() - lacking:
        granted[window] += max(0, min(spare[window], (left[window] - granted[window]) // 8))
    return granted


def _freed(wish: Wish) -> int:
    return min(wish.spent + wish.back, wish.leased)


def _used(row: Any) -> int:
    return int(row.spent_nano + row.held_nano)


def _settle(connection: sa.Connection, window: Window, spent: int, freed: int) -> Any:
    """Book what was spent, give back what was held, lock the row and read it; makes it where it is new."""
    statement = (
        sa.update(budgets)
        .where(*_is(budgets, window))
        .values(spent_nano=budgets.c.spent_nano + spent, held_nano=budgets.c.held_nano - freed)
        .returning(budgets.c.spent_nano, budgets.c.held_nano, budgets.c.warned_at)
    )
    row = connection.execute(statement).one_or_none()
    if row is None:
        connection.execute(_NEW[connection.dialect.name], window._asdict())
        row = connection.execute(statement).one()
    return row


def _reserve(connection: sa.Connection, window: Window, amount: int, limit: int) -> bool:
    """The one statement that no budget is exceeded by: it holds the amount only where it fits."""
    fits = budgets.c.spent_nano + budgets.c.held_nano + amount <= limit
    statement = sa.update(budgets).where(*_is(budgets, window), fits).values(held_nano=budgets.c.held_nano + amount)
    return connection.execute(statement).rowcount == 1


def _lease(connection: sa.Connection, window: Window, holder: str, before: int, now: int, expires_at: int) -> None:
    mine = (*_is(leases, window), leases.c.holder == holder)
    if before == 0:
        if now:
            row = {**window._asdict(), "holder": holder, "amount_nano": now, "expires_at": expires_at}
            connection.execute(sa.insert(leases).values(row))
        return
    values = {"amount_nano": now, "expires_at": expires_at}
    change = sa.update(leases).where(*mine).values(values) if now else sa.delete(leases).where(*mine)
    if connection.execute(change).rowcount != 1:
        raise LeaseLost(window)


def reap(connection: sa.Connection, now_ms: int) -> int:
    """Count as spent what workers held that did not come back by their deadline; gives how many leases that were."""
    expired = connection.execute(sa.select(leases).where(leases.c.expires_at < now_ms).order_by(*leases.primary_key))
    found = 0
    for lease in expired.all():
        window = Window(lease.scope, lease.name, lease.per, lease.starts_at)
        _settle(connection, window, 0, 0)  # the budget's row first, as everybody does
        still = (leases.c.holder == lease.holder, leases.c.expires_at < now_ms)
        gone = sa.delete(leases).where(*_is(leases, window), *still).returning(leases.c.amount_nano)
        amount = connection.execute(gone).scalar_one_or_none()
        if amount is not None:
            _settle(connection, window, amount, amount)
            found += 1
    return found


def standing(connection: sa.Connection, windows: Sequence[Window]) -> dict[Window, tuple[int, int]]:
    """What is spent and what is held of each of these, in 1e-9 USD; absent where nothing was yet."""
    found = {}
    for window in windows:
        row = connection.execute(sa.select(budgets).where(*_is(budgets, window))).one_or_none()
        if row is not None:
            found[window] = (row.spent_nano, row.held_nano)
    return found


def names_of(connection: sa.Connection, scope: str, per: str, starts_at: int, at_most: int) -> list[str]:
    """Who has spent or holds something of a budget that is of each, the dearest first."""
    b = budgets.c
    query = (
        sa.select(b.name)
        .where(b.scope == scope, b.per == per, b.starts_at == starts_at)
        .order_by(b.spent_nano.desc(), b.name)
        .limit(at_most)
    )
    return list(connection.execute(query).scalars())


def _is(table: sa.Table, window: Window) -> list[sa.ColumnElement[bool]]:
    return [getattr(table.c, name) == value for name, value in window._asdict().items()]
