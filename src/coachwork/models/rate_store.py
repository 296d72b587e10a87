"""The rows by which several processes share a model's limits. Knows statements; when to wait is `rates`' business.

Everything is done under the lock of the model's row, so that reservations and places come one after the other:
`BEGIN IMMEDIATE` on SQLite, `FOR UPDATE` on PostgreSQL. Clocks of the machines should agree within a second.
"""

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from coachwork.models.buckets import MINUTE, Amount, Buckets, Rate, Turn, give_back, reserve
from coachwork.store.tables import places, rates

_INSERT: dict[str, Callable[..., Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
_SLICE = 20  # a process takes a 20th of a minute's worth for calls to come where the buckets stay half full


def take(
    connection: sa.Connection, model: str, rate: Rate, amounts: Sequence[Amount], back: Amount, now: int
) -> tuple[Buckets, list[Turn], Amount]:
    """Give `back`, then reserve for calls that wait, in their order; and something for calls to come, where there
    is plenty. Gives the turns, and what was taken beyond them."""
    buckets = give_back(_read(_locked(connection, model)), rate, back)
    turns = []
    for amount in amounts:
        buckets, turn = reserve(buckets, rate, amount, now)
        turns.append(turn)
    spare = Amount((rate.requests or 0) // _SLICE, (rate.tokens or 0) // _SLICE)
    after, _ = reserve(buckets, rate, spare, now)
    if max(after.requests_full, after.tokens_full) <= now + MINUTE // 2:
        buckets = after
    else:
        spare = Amount()
    _keep(connection, model, buckets)
    return buckets, turns, spare


def put_back(connection: sa.Connection, model: str, rate: Rate, amount: Amount) -> None:
    _keep(connection, model, give_back(_read(_locked(connection, model)), rate, amount))


def look(connection: sa.Connection, model: str) -> Buckets:
    """The buckets as they are, without a lock."""
    row = connection.execute(sa.select(rates).where(rates.c.model == model)).one_or_none()
    return Buckets() if row is None else _read(row)


def queue_up(connection: sa.Connection, model: str, holder: str, *, now_ms: int, until: int) -> int:
    """Stand in line for a place until `until` (ms), whatever becomes of this process; gives how many are before."""
    ticket = _locked(connection, model).tickets + 1
    connection.execute(sa.update(rates).where(rates.c.model == model).values(tickets=ticket))
    connection.execute(sa.delete(places).where(places.c.model == model, places.c.until <= now_ms))
    connection.execute(sa.insert(places).values(holder=holder, model=model, ticket=ticket, until=until))
    return before(connection, model, holder, now_ms)


def before(connection: sa.Connection, model: str, holder: str, now_ms: int) -> int:
    """How many that are at the model or in line for it came before this one."""
    mine = sa.select(places.c.ticket).where(places.c.holder == holder).scalar_subquery()
    ahead = sa.select(sa.func.count()).where(places.c.model == model, places.c.until > now_ms, places.c.ticket < mine)
    return int(connection.execute(ahead).scalar_one())


def leave(connection: sa.Connection, holder: str) -> None:
    connection.execute(sa.delete(places).where(places.c.holder == holder))


def _read(row: sa.Row[Any]) -> Buckets:
    return Buckets(row.requests_full_us, row.tokens_full_us, row.requests_back_us, row.tokens_back_us)


def _locked(connection: sa.Connection, model: str) -> sa.Row[Any]:
    """The model's row, locked until the transaction ends; made where it is new."""
    query = sa.select(rates).where(rates.c.model == model).with_for_update()
    row = connection.execute(query).one_or_none()
    if row is None:
        connection.execute(_INSERT[connection.dialect.name](rates).values(model=model).on_conflict_do_nothing())
        row = connection.execute(query).one()
    return row


def _keep(connection: sa.Connection, model: str, buckets: Buckets) -> None:
    connection.execute(
        sa.update(rates)
        .where(rates.c.model == model)
        .values(
            requests_full_us=buckets.requests_full,
            tokens_full_us=buckets.tokens_full,
            requests_back_us=buckets.requests_back,
            tokens_back_us=buckets.tokens_back,
        )
    )
