"""The line of runs that wait for a worker: one for all processes of a database. Knows who is next; starts nothing.

A run that was accepted stands in line until a worker with a free place claims it. Every function is called inside of a
write transaction; on SQLite that is the only one, on PostgreSQL rows are skipped that somebody else is about to take.
"""

from collections.abc import Collection

import sqlalchemy as sa

from coachwork.pipelines import events
from coachwork.pipelines.journal import now
from coachwork.store.tables import runs

_LOCK = 0x636F616369  # any number that only we use
_WAITS = runs.c.status == "queued", runs.c.worker.is_(None)
_ORDER = runs.c.created_at, runs.c.id


def claim_next(connection: sa.Connection, worker: str, total: int | None) -> str | None:
    """Give the oldest waiting run to a worker; None where nobody waits, or as many as may are at work.

    `total` bounds the runs at work in all processes together, None for no bound.
    """
    if total is not None and _at_work(connection) >= total:
        return None
    oldest = sa.select(runs.c.id).where(*_WAITS).order_by(*_ORDER).limit(1).with_for_update(skip_locked=True)
    found = connection.execute(oldest).scalar()
    if found is None:
        return None
    claimed = connection.execute(runs.update().where(runs.c.id == found, *_WAITS).values(worker=worker))
    return str(found) if claimed.rowcount else None


def take_place(connection: sa.Connection, run_id: str, total: int) -> bool:
    """Let a run work, unless as many as may are at work in all processes; False to ask again later."""
    if _at_work(connection, but=run_id) >= total:
        return False
    going = runs.c.id == run_id, runs.c.status.in_(("queued", "running", "waiting"))
    at = sa.func.coalesce(runs.c.started_at, now())
    if connection.execute(runs.update().where(*going).values(status="running", started_at=at)).rowcount:
        events.append(connection, run_id, {"type": "data-run", "data": {"status": "running"}})
    return True


def hand_over(connection: sa.Connection, dead: str, by: str, recovered: Collection[str]) -> None:
    """What a dead worker had claimed: those that were begun go on in `by`, the others are in line again."""
    for begin in range(0, len(recovered), 500):
        part = list(recovered)[begin : begin + 500]
        connection.execute(runs.update().where(runs.c.id.in_(part)).values(worker=by))
    connection.execute(runs.update().where(runs.c.worker == dead, runs.c.status == "queued").values(worker=None))


def positions(connection: sa.Connection) -> dict[str, int]:
    """The place in line, from 1, of the first thousand that wait."""
    waiting = connection.execute(sa.select(runs.c.id).where(*_WAITS).order_by(*_ORDER).limit(1000)).scalars()
    return {run_id: place for place, run_id in enumerate(waiting, start=1)}


def _at_work(connection: sa.Connection, but: str = "") -> int:
    """How many are at work or about to be. Whoever counts is alone until the end of its transaction."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    at_work = sa.or_(runs.c.status == "running", sa.and_(runs.c.status == "queued", runs.c.worker.is_not(None)))
    return int(connection.execute(sa.select(sa.func.count()).where(at_work, runs.c.id != but)).scalar_one())
