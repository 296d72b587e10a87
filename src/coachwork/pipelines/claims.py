"""Which worker works on which run: every statement about it. Knows claims, order and limits; not what a run does.

The row of a run is the only truth. It may be taken while its `worker` is "" and its `due_at` has come;
`claim` rises each time, and whoever writes for a run says which claim it holds, so that a worker that
was believed dead and is not can change nothing any more. What has ended, waits for a person, or is
worked on by the run that called it is due at `NEVER`.
"""

import time
from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa

from coachwork.messages import ENDED
from coachwork.store.tables import runs, workers

NEVER = 2**62
_LOCK = 0x72756E73  # any number that only we use: "runs"
_ORDER = (runs.c.priority.desc(), runs.c.created_at, runs.c.id)


def now() -> int:
    """Milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


def due() -> sa.ColumnElement[bool]:
    """What may be taken now."""
    return (runs.c.worker == "") & (runs.c.due_at <= now())


def any_due(connection: sa.Connection) -> bool:
    return connection.execute(sa.select(runs.c.id).where(due()).limit(1)).first() is not None


def take(
    connection: sa.Connection, worker: str, room: int, *, total: int | None = None, only: Collection[str] | None = None
) -> Sequence[sa.Row[Any]]:
    """Take up to `room` runs, the most urgent and then the oldest first, and give their rows.

    `total`: at most so many runs are held by all workers together. `only` these, None for any.
    """
    if total is not None:
        if connection.dialect.name == "postgresql":  # SQLite's write lock is held by now
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        held = connection.execute(sa.select(sa.func.count()).select_from(runs).where(runs.c.worker > "")).scalar_one()
        room = min(room, total - held)
    if room <= 0:
        return []
    wanted = sa.select(runs.c.id).where(due()).order_by(*_ORDER).limit(room).with_for_update(skip_locked=True)
    if only is not None:
        wanted = wanted.where(runs.c.id.in_(list(only)))
    ids = connection.execute(wanted).scalars().all()
    if not ids:
        return []
    values = {"worker": worker, "claim": runs.c.claim + 1}
    taken = connection.execute(runs.update().where(runs.c.id.in_(ids)).values(**values).returning(runs)).all()
    return sorted(taken, key=lambda row: ids.index(row.id))


def line(connection: sa.Connection) -> list[str]:
    """The first thousand that wait for a worker, in the order in which they will be taken."""
    waiting = sa.select(runs.c.id).where(due(), runs.c.status == "queued").order_by(*_ORDER).limit(1000)
    return list(connection.execute(waiting).scalars())


def put_back(connection: sa.Connection, run_id: str, claim: int, due_at: int, *, asked: int) -> bool:
    """Let go of a run that only waits, to be taken again at `due_at` or when a person has answered.

    False where it is no longer held, or where one of the `asked` questions was answered meanwhile.
    """
    held = runs.c.id == run_id, runs.c.claim == claim, runs.c.worker > "", runs.c.status.not_in(ENDED)
    if not connection.execute(runs.update().where(*held).values(last_event=runs.c.last_event)).rowcount:
        return False  # the row is locked from here on: an answer comes before, and is counted, or after, and wakes
    if asked and pending(connection, run_id) != asked:
        return False
    connection.execute(runs.update().where(runs.c.id == run_id).values(worker="", due_at=due_at))
    return True


def pending(connection: sa.Connection, root: str) -> int:
    """How many questions to people are open in a run and those it called."""
    from coachwork.store.tables import approvals

    family = sa.select(runs.c.id).where((runs.c.id == root) | (runs.c.root == root))
    waiting = approvals.c.run_id.in_(family), approvals.c.status == "pending"
    return int(connection.execute(sa.select(sa.func.count()).select_from(approvals).where(*waiting)).scalar_one())


def wake(connection: sa.Connection, run_id: str) -> None:
    """What a run waited for has come: it, or the run at the top of the calls, may be taken at once."""
    top = sa.select(sa.func.coalesce(sa.func.nullif(runs.c.root, ""), runs.c.id)).where(runs.c.id == run_id)
    connection.execute(
        runs.update()
        .where(runs.c.id == top.scalar_subquery(), runs.c.status.not_in(ENDED))
        .values(due_at=sa.case((runs.c.due_at > now(), now()), else_=runs.c.due_at))
    )


def take_called(connection: sa.Connection, run_id: str, claim: int) -> None:
    """Hold a called run with the claim of the run at the top."""
    connection.execute(runs.update().where(runs.c.id == run_id).values(claim=claim))


def lost(connection: sa.Connection, held: dict[str, int]) -> list[str]:
    """Which of the runs we believe to hold, by their claims, have ended or are another's."""
    rows = connection.execute(sa.select(runs.c.id, runs.c.claim, runs.c.status).where(runs.c.id.in_(held)))
    return [row.id for row in rows if row.claim != held[row.id] or row.status in ENDED]


def let_go(connection: sa.Connection, worker: str) -> int:
    """Give back everything a worker holds, to be taken by anybody at once."""
    return _freed(connection, [worker])


def adopt(connection: sa.Connection, by: str, dead: Sequence[str]) -> int:
    """Free what dead workers held. Doing it twice, or by several at once, changes nothing further."""
    freed = _freed(connection, dead)
    connection.execute(
        workers.update().where(workers.c.id.in_(dead), workers.c.adopted_by.is_(None)).values(adopted_by=by)
    )
    return freed


def _freed(connection: sa.Connection, holders: Sequence[str]) -> int:
    """Their claims rise, so that what a holder still does when it was not dead after all is refused."""
    connection.execute(runs.update().where(runs.c.worker.in_(holders), runs.c.status.in_(ENDED)).values(worker=""))
    values = {"worker": "", "due_at": now(), "claim": runs.c.claim + 1}
    return connection.execute(runs.update().where(runs.c.worker.in_(holders)).values(**values)).rowcount


def leave(connection: sa.Connection, run_id: str, worker: str, claim: int) -> None:
    """Nothing works any more on a run that ended from outside: its place is free."""
    mine = runs.c.id == run_id, runs.c.worker == worker, runs.c.claim == claim
    connection.execute(runs.update().where(*mine).values(worker=""))


def let_go_but(connection: sa.Connection, worker: str, working: Collection[str]) -> int:
    """Give back what is held without being worked on: where the database was away when it should have ended."""
    values = {"worker": "", "due_at": now(), "claim": runs.c.claim + 1}
    idle = runs.c.worker == worker, runs.c.id.not_in(list(working)), runs.c.status.not_in(ENDED)
    return connection.execute(runs.update().where(*idle).values(**values)).rowcount
