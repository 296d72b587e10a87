"""What the database is told of a batch: every statement of the tables `batches` and `batch_rows`, as functions.

Knows rows and which of them may change when; does not know why. A row is `queued` until a run is begun for it,
then `open`, and at last what its run ended as.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from coachwork.errors import AgentStopped, BudgetExceeded, NotFound
from coachwork.messages import ENDED
from coachwork.pipelines.journal import now
from coachwork.store.inserting import insert_if_new
from coachwork.store.tables import batch_rows, batches, runs

_SETTLED = ("succeeded", "failed", "cancelled")


class Live(NamedTuple):
    """The open rows of a batch, counted by the status of their runs, and what those have cost so far."""

    counts: dict[str, int]
    cost_nano: int


def opened(connection: sa.Connection, values: dict[str, Any], rows: Sequence[dict[str, Any]]) -> sa.Row[Any]:
    """Keep a batch with its rows, or find the one that has its idempotency key."""
    if not insert_if_new(connection, batches, values, ["idempotency_key"]):
        return connection.execute(batches.select().where(batches.c.idempotency_key == values["idempotency_key"])).one()
    connection.execute(batch_rows.insert(), [{"batch_id": values["id"], **row} for row in rows])
    return batch(connection, values["id"])


def batch(connection: sa.Connection, batch_id: str) -> sa.Row[Any]:
    """Raises NotFound."""
    row = connection.execute(batches.select().where(batches.c.id == batch_id)).one_or_none()
    if row is None:
        raise NotFound(f"there is no batch {batch_id!r}")
    return row


def live(connection: sa.Connection, batch_id: str) -> Live:
    """Looks only at rows at work: its cost does not grow with the batch."""
    found = connection.execute(
        sa.select(runs.c.status, sa.func.count(), sa.func.sum(runs.c.cost_nano))
        .join(batch_rows, batch_rows.c.run_id == runs.c.id)
        .where(batch_rows.c.batch_id == batch_id, batch_rows.c.status == "open")
        .group_by(runs.c.status)
    ).all()
    return Live({status: number for status, number, _cost in found}, sum(int(cost) for _s, _n, cost in found))


def rows_query(batch_id: str, status: str = "") -> sa.Select[Any]:
    """Rows in the order of the file, with what their run says; `status` as it is shown."""
    query = (
        sa.select(
            batch_rows,
            runs.c.status.label("run_status"),
            runs.c.output,
            runs.c.error.label("run_error"),
            runs.c.cost_nano.label("run_cost"),
            runs.c.started_at,
            runs.c.finished_at,
        )
        .outerjoin(runs, runs.c.id == batch_rows.c.run_id)
        .where(batch_rows.c.batch_id == batch_id)
        .order_by(batch_rows.c.row)
    )
    if status:
        at_work = (batch_rows.c.status == "open") & (runs.c.status == status)
        query = query.where((batch_rows.c.status == status) | at_work)
    return query


def settle(connection: sa.Connection, batch_id: str) -> list[int]:
    """Take over how the runs of open rows have ended; which rows those were."""
    ended = connection.execute(
        sa.select(batch_rows.c.row, runs.c.status, runs.c.cost_nano)
        .join(runs, runs.c.id == batch_rows.c.run_id)
        .where(batch_rows.c.batch_id == batch_id, batch_rows.c.status == "open", runs.c.status.in_(ENDED))
    ).all()
    counts: Counter[str] = Counter()
    spent = dearest = 0
    for row, status, cost in ended:
        mine = _row(batch_id, row).where(batch_rows.c.status == "open")  # another process may be at it too
        if connection.execute(mine.values(status=status, cost_nano=batch_rows.c.cost_nano + cost)).rowcount:
            counts[status] += 1
            spent, dearest = spent + cost, max(dearest, cost)
    if counts:
        more = {status: batches.c[status] + number for status, number in counts.items()}
        above = sa.case((batches.c.highest_nano < dearest, dearest), else_=batches.c.highest_nano)
        set_batch(connection, batch_id, **more, spent_nano=batches.c.spent_nano + spent, highest_nano=above)
    return [row.row for row in ended]


def recount(connection: sa.Connection, batch_id: str) -> None:
    """Count all rows anew, and finish the batch if none is left; the counts stand with it, to be read at once."""
    alone = sa.select(batches.c.id).where(batches.c.id == batch_id).with_for_update()
    connection.execute(alone)  # who adds to the counts meanwhile would be forgotten
    found = connection.execute(
        sa.select(batch_rows.c.status, sa.func.count(), sa.func.sum(batch_rows.c.cost_nano))
        .where(batch_rows.c.batch_id == batch_id)
        .group_by(batch_rows.c.status)
    ).all()
    counts = {status: number for status, number, _cost in found}
    numbers = {status: counts.get(status, 0) for status in ("queued", "refused", *_SETTLED)}
    set_batch(connection, batch_id, **numbers, spent_nano=sum(int(cost) for _s, _n, cost in found))
    if counts.get("queued", 0) + counts.get("open", 0) == 0:
        connection.execute(
            batches.update()
            .where(batches.c.id == batch_id, batches.c.finished_at.is_(None))
            .values(
                finished_at=now(),
                reason="",
                status=sa.case((batches.c.status == "cancelled", "cancelled"), else_="finished"),
            )
        )


def next_rows(connection: sa.Connection, batch_id: str, number: int) -> Sequence[Any]:
    query = sa.select(batch_rows.c.row, batch_rows.c.input, batch_rows.c.tries)
    mine = batch_rows.c.batch_id == batch_id, batch_rows.c.status == "queued"
    return connection.execute(query.where(*mine).order_by(batch_rows.c.row).limit(number)).all()


def row_begun(connection: sa.Connection, batch_id: str, row: int, run_id: str) -> bool:
    """Note the run of a row; False where the row is not in the line any more."""
    waiting = _row(batch_id, row).where(batch_rows.c.status == "queued")
    begun = waiting.values(status="open", run_id=run_id, tries=batch_rows.c.tries + 1)
    if not connection.execute(begun).rowcount:
        return False
    set_batch(connection, batch_id, queued=batches.c.queued - 1)
    return True


def row_refused(connection: sa.Connection, batch_id: str, row: int, error: dict[str, Any]) -> None:
    waiting = _row(batch_id, row).where(batch_rows.c.status == "queued")
    if connection.execute(waiting.values(status="refused", error=error)).rowcount:
        set_batch(connection, batch_id, queued=batches.c.queued - 1, refused=batches.c.refused + 1)


def out_of_money(connection: sa.Connection, batch_id: str, rows: Sequence[int] | None = None) -> Sequence[Any]:
    """The failed rows, all or of these, that a budget refused, or whose agent one stopped: row, scope and message.

    What bounds a row's own agent or call (`Limits`, `max_cost`) is no budget: it would refuse the row again.
    """
    code, own = runs.c.error["code"].as_string(), runs.c.error[("details", "scope")].as_string()
    of_agent = runs.c.error[("details", "budget", "scope")].as_string()
    refused = (code == BudgetExceeded.code) & sa.func.coalesce(own, "").not_in(("agent", "call"))
    query = (
        sa.select(
            batch_rows.c.row,
            sa.func.coalesce(of_agent, own).label("scope"),
            runs.c.error["message"].as_string().label("message"),
        )
        .join(runs, runs.c.id == batch_rows.c.run_id)
        .where(batch_rows.c.batch_id == batch_id, batch_rows.c.status == "failed")
        .where(refused | ((code == AgentStopped.code) & of_agent.is_not(None)))
        .order_by(batch_rows.c.row)
    )
    return connection.execute(query if rows is None else query.where(batch_rows.c.row.in_(rows))).all()


def requeue(connection: sa.Connection, batch_id: str, rows: Sequence[int] | None) -> int:
    """Put rows that failed or were cancelled into the line again, all or these; how many those are."""
    again = batch_rows.c.batch_id == batch_id, batch_rows.c.status.in_(("failed", "cancelled"))
    statement = batch_rows.update().where(*again).values(status="queued")
    if rows is not None:
        statement = statement.where(batch_rows.c.row.in_(rows))
    number = int(connection.execute(statement).rowcount)
    if number:
        set_batch(connection, batch_id, status="running", reason="", finished_at=None)
        recount(connection, batch_id)
    return number


def cancel(connection: sa.Connection, batch_id: str) -> None:
    """No new rows; who feeds the batch stops those at work."""
    set_batch(connection, batch_id, status="cancelled", reason="")
    waiting = batch_rows.c.batch_id == batch_id, batch_rows.c.status == "queued"
    connection.execute(batch_rows.update().where(*waiting).values(status="cancelled"))
    recount(connection, batch_id)


def open_runs(connection: sa.Connection, batch_id: str) -> list[str]:
    """The runs of open rows that have not ended."""
    query = sa.select(runs.c.id).join(batch_rows, batch_rows.c.run_id == runs.c.id)
    mine = batch_rows.c.batch_id == batch_id, batch_rows.c.status == "open", runs.c.status.not_in(ENDED)
    return list(connection.execute(query.where(*mine)).scalars())


def lease(connection: sa.Connection, batch_id: str, by: str, milliseconds: int, *, force: bool = False) -> bool:
    """Be the one who feeds a batch, for a while; False where another process is, unless it is forced."""
    free = sa.true() if force else (batches.c.fed_by == by) | (batches.c.fed_until < now())
    taken = batches.update().where(batches.c.id == batch_id, free).values(fed_by=by, fed_until=now() + milliseconds)
    return bool(connection.execute(taken).rowcount)


def unfinished(connection: sa.Connection) -> Sequence[Any]:
    query = sa.select(batches.c.id, batches.c.fed_by, batches.c.fed_until)
    return connection.execute(query.where(batches.c.finished_at.is_(None))).all()


def set_batch(connection: sa.Connection, batch_id: str, **values: Any) -> None:
    connection.execute(batches.update().where(batches.c.id == batch_id).values(**values))


def _row(batch_id: str, row: int) -> sa.Update:
    return batch_rows.update().where(batch_rows.c.batch_id == batch_id, batch_rows.c.row == row)
