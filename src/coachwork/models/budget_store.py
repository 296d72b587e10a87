"""The rows of budgets: what is spent, what each worker holds. Knows statements; when to ask is the desk's business.

A worker leases a part of a budget with one conditional UPDATE, spends of it without asking, and tells what
it spent when it asks again. Spent and leased together never exceed the limit, whoever asks, however many.
A worker that dies tells nothing more: at its deadline all that it held counts as spent.
"""

from collections.abc import Sequence
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
    """What a worker tells and asks of one budget, in 1e-9 USD.

    Of the `leased` amount `spent` is gone and `back` is given back. `needs` are the holds of the calls that
    wait, first come first: as many as fit are granted, and `spare` more where there is plenty.
    """

    allowance: Allowance
    leased: int
    spent: int = 0
    back: int = 0
    needs: tuple[int, ...] = ()
    spare: int = 0


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
    connection: sa.Connection, holder: str, wishes: Sequence[Wish], *, now_ms: int, expires_at: int
) -> dict[Window, Answer]:
    """Do all wishes of one worker, or, raising LeaseLost, none. Rows are locked in one order by everybody."""
    ordered = sorted(wishes, key=lambda wish: wish.allowance.window)
    return {wish.allowance.window: _do(connection, holder, wish, now_ms, expires_at) for wish in ordered}


def _do(connection: sa.Connection, holder: str, wish: Wish, now_ms: int, expires_at: int) -> Answer:
    window, limit = wish.allowance.window, wish.allowance.limit
    freed = min(wish.spent + wish.back, wish.leased)
    row = _settle(connection, window, wish.spent, freed)
    granted = grant(limit - row.spent_nano - row.held_nano, wish.needs, wish.spare)
    if granted and not _reserve(connection, window, granted, limit):
        raise AssertionError(f"the row of {window} changed under its lock")
    leased = wish.leased - freed + granted
    _lease(connection, window, holder, wish.leased, leased, expires_at)
    warn = row.warned_at is None and row.spent_nano >= wish.allowance.warn_at and row.spent_nano > 0
    if warn:
        connection.execute(sa.update(budgets).where(*_is(budgets, window)).values(warned_at=now_ms))
    return Answer(granted, leased, row.spent_nano, row.held_nano + granted, warn)


def grant(left: int, needs: Sequence[int], spare: int) -> int:
    """How much of what is left goes to a worker: to the first waiting calls that fit, and only then something spare."""
    granted = 0
    for need in needs:
        if granted + need > left:
            return granted
        granted += need
    return granted + max(0, min(spare, (left - granted) // 8))


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
