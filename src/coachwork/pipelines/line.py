"""The line of runs that wait for a worker: one for all processes of a database. Knows who is next; starts nothing.

A run that was accepted, or that has what it waited for, stands in line until a worker with a free place claims it.
Every function is called inside of a write transaction; on SQLite that is the only one, on PostgreSQL rows are skipped
that somebody else is about to take.
"""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import sqlalchemy as sa

from coachwork.errors import WorkersDied
from coachwork.messages import ENDED
from coachwork.pipelines import journal
from coachwork.pipelines.journal import now
from coachwork.pipelines.pipeline import Queue
from coachwork.store.behind import Prepared, changes
from coachwork.store.tables import runs, steps, workers

_LOCK = 0x636F616369  # any number that only we use
_SUSPECT_DEATHS = 3  # of workers with the same run and no step between: from then on it works alone
_ALONE_DEATHS = 7  # of workers with it alone: one run must not end all workers for ever
_PAUSE_MS = {0: 0, 1: 1000, 2: 2000, 3: 4000, 4: 8000, 5: 16_000}  # after so many: what ends workers may pass
_LONGEST_PAUSE_MS = 30_000
MOST_DEATHS = _SUSPECT_DEATHS + _ALONE_DEATHS  # where nothing else ends workers
_ANY_DEATHS = 100  # where something else does
_RATHER_ALONE_MS = 5000  # so long a suspect waits for a worker that has nothing else
_ORDER = runs.c.priority.desc(), runs.c.created_at, runs.c.id
_AT_WORK = runs.c.worker.is_not(None)
_GIVE = Prepared(
    runs.update()
    .where(runs.c.id == sa.bindparam("of_run"), runs.c.ready_at.is_not(None))
    .values(
        worker=sa.bindparam("by_worker"),
        ready_at=None,
        claim=runs.c.claim + 1,
        status="running",
        started_at=sa.func.coalesce(runs.c.started_at, sa.bindparam("taken_at", type_=runs.c.started_at.type)),
    )
)


class Claimed(NamedTuple):
    """A run that is a worker's now. `leg` counts how often it was put back before.

    A `suspect` is one that several workers died of: it begins where nothing else works, and nothing beside it.
    """

    run_id: str
    leg: int
    suspect: bool = False


def is_limited(queue: Queue) -> bool:
    return queue.concurrency is not None or queue.starts is not None


def anybody(connection: sa.Connection) -> bool:
    """Whether somebody stands in line. Reads only, so that an idle worker disturbs nobody."""
    return connection.execute(sa.select(runs.c.id).where(runs.c.ready_at <= now()).limit(1)).first() is not None


def claim_next(
    connection: sa.Connection,
    worker: str,
    total: int | None = None,
    queues: Mapping[str, Queue] = {},
    only: Collection[str] | None = None,
    *,
    idle: bool = True,
) -> Claimed | None:
    """Give the first run in line to a worker; None where nobody may go.

    `total` bounds the runs at work in all processes together, None for no bound. `queues` are the limits of single
    pipelines. `only` are the runs that come into question, None for all. A worker that is not `idle` leaves suspects
    to those that are, for a while.
    """
    if total is not None or queues:
        _alone(connection)
        if total is not None and _count(connection) >= total:
            return None
    where = [runs.c.ready_at <= now()]
    if full := [name for name, queue in queues.items() if _full(connection, name, queue)]:
        where.append(runs.c.pipeline.not_in(full))
    if only is not None:
        where.append(runs.c.id.in_(list(only)))
    if not idle:
        where.append((runs.c.deaths < _SUSPECT_DEATHS) | (runs.c.ready_at <= now() - _RATHER_ALONE_MS))
    first = sa.select(runs.c.id, runs.c.leg, runs.c.deaths).where(*where).order_by(*_ORDER).limit(1)
    found = connection.execute(first.with_for_update(skip_locked=True)).first()
    if found is None or not _give(connection, found.id, worker):
        return None
    return Claimed(found.id, found.leg, found.deaths >= _SUSPECT_DEATHS)


def adopt(connection: sa.Connection, dead: str, by: str, *, crashed: bool = True) -> list[Claimed]:
    """Put the runs of a dead worker back into the line; none where another process was faster.

    From then on the dead one can write nothing, should it live after all. A run that had several workers which
    `crashed`, and made no step between, works alone from then on, and ends as failed where they die of that as well.
    """
    free = workers.c.id == dead, workers.c.adopted_by.is_(None)
    if not connection.execute(workers.update().where(*free).values(adopted_by=by)).rowcount:
        return []
    its = sa.select(runs.c.id, runs.c.leg).where(runs.c.worker == dead, runs.c.status.not_in(ENDED))
    had = [Claimed(row.id, row.leg) for row in connection.execute(its).all()]
    ids = [each.run_id for each in had]
    if crashed:
        _count_deaths(connection, ids)
    back_in_line(connection, ids, dead)
    return had


def is_suspect(run: Any, recorded: Collection[journal.Kept]) -> bool:
    """Whether a row of a run is one that several workers died of, with none of its recorded steps ended since."""
    return bool(run.deaths >= _SUSPECT_DEATHS and run.deaths_at == sum(kept.ended for kept in recorded))


def begins_alone(connection: sa.Connection, run_id: str, claim: int) -> None:
    """Note that a suspect's code begins in a process that works on nothing else: what that dies of now is this run."""
    ours = runs.c.id == run_id, runs.c.claim == claim, runs.c.status.not_in(ENDED)
    connection.execute(runs.update().where(*ours).values(alone_claim=claim))


def _count_deaths(connection: sa.Connection, run_ids: Collection[str]) -> None:
    """A worker died with these runs. Three deaths make each a suspect, and one of it alone is held against that one.

    A worker that no code of a run worked in died of something else, as the suspects may have: all begin at none.
    """
    known = sa.select(runs.c.id, runs.c.deaths, runs.c.deaths_at, runs.c.claim, runs.c.alone_claim, runs.c.alone_deaths)
    worked = False
    for run_id in run_ids:
        before = connection.execute(known.where(runs.c.id == run_id)).one()
        ended = steps.c.run_id == run_id, steps.c.status.in_(("succeeded", "failed"))
        made = connection.execute(sa.select(sa.func.count()).select_from(steps).where(*ended)).scalar_one()
        alone = before.alone_claim == before.claim
        worked |= alone or before.deaths < _SUSPECT_DEATHS
        same = before.deaths_at == made
        deaths = before.deaths + 1 if same else 1
        alone_deaths = before.alone_deaths + alone if same else 0
        values = {"deaths": deaths, "deaths_at": made, "alone_deaths": alone_deaths}
        connection.execute(runs.update().where(runs.c.id == run_id).values(values))
        if alone_deaths >= _ALONE_DEATHS or deaths >= _ANY_DEATHS:
            journal.fail(connection, run_id, WorkersDied(run_id, deaths, made))
    if not worked:
        suspects = runs.c.status.in_(("queued", "running", "waiting")), runs.c.alone_deaths > 0
        connection.execute(runs.update().where(*suspects).values(alone_deaths=0))


def back_in_line(connection: sa.Connection, run_ids: Collection[str], worker: str) -> None:
    """Take runs from a worker: whoever claims one begins a leg of its own."""
    pause = sa.case(_PAUSE_MS, value=runs.c.alone_deaths, else_=_LONGEST_PAUSE_MS)
    later = sa.cast(now(), sa.BigInteger) + sa.cast(pause, sa.BigInteger)
    at = sa.case((runs.c.deaths >= _SUSPECT_DEATHS, later), else_=journal.AT_ONCE)
    values = {"worker": None, "ready_at": at, "leg": runs.c.leg + 1, "claim": runs.c.claim + 1}
    for begin in range(0, len(run_ids), 500):
        part = list(run_ids)[begin : begin + 500]
        its = runs.c.id.in_(part), runs.c.worker == worker, runs.c.status.not_in(ENDED)
        connection.execute(runs.update().where(*its).values(values))


def positions(connection: sa.Connection) -> dict[str, int]:
    """The place in line, from 1, of the first thousand that wait."""
    in_line = runs.c.ready_at <= now(), runs.c.status == "queued"
    waiting = connection.execute(sa.select(runs.c.id).where(*in_line).order_by(*_ORDER).limit(1000)).scalars()
    return {run_id: place for place, run_id in enumerate(waiting, start=1)}


def _give(connection: sa.Connection, run_id: str, worker: str) -> bool:
    taken = {"of_run": run_id, "by_worker": worker, "taken_at": now()}
    if not changes(connection, _GIVE, taken):
        return False
    journal.set_running(connection, run_id)
    return True


def _full(connection: sa.Connection, pipeline: str, queue: Queue) -> bool:
    if queue.concurrency is not None and _count(connection, pipeline) >= queue.concurrency:
        return True
    if queue.starts is None:
        return False
    lately = runs.c.pipeline == pipeline, runs.c.started_at > now() - int(queue.seconds * 1000)
    return connection.execute(sa.select(sa.func.count()).where(*lately)).scalar_one() >= queue.starts


def _count(connection: sa.Connection, pipeline: str = "") -> int:
    where = [_AT_WORK, runs.c.pipeline == pipeline] if pipeline else [_AT_WORK]
    return int(connection.execute(sa.select(sa.func.count()).select_from(runs).where(*where)).scalar_one())


def _alone(connection: sa.Connection) -> None:
    """Whoever counts is alone until the end of its transaction."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
