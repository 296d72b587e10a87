"""Durable execution: takes runs from the database, works on them, and lets another go on where this process dies.

Knows how a run is taken up, put back and ended; `claims` knows whose it is, the journal what it has
done. There may be any number of engines on one database, on any number of machines.
"""

import asyncio
import os
import secrets
import socket
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

import sqlalchemy as sa
import structlog

from coachwork.errors import CoachworkError, ProjectError, RunTooLate, did_you_mean
from coachwork.pipelines import claims, events, journal
from coachwork.pipelines.claims import now
from coachwork.pipelines.events import ClaimLost
from coachwork.pipelines.hold import Hold
from coachwork.pipelines.performing import Outcome, perform
from coachwork.pipelines.pipeline import Pipeline
from coachwork.pipelines.run_scope import RunScope, Services
from coachwork.store.tables import workers

log = structlog.get_logger(__name__)
_LOOK_SECONDS = 0.08  # how often a worker with a free place looks for runs that others accepted
_CHECK_SECONDS = 0.5  # how often it asks whether what it works on is still its own
_HEARTBEAT_SECONDS = 4.0
_DEAD_AFTER_SECONDS = 20.0


class Engine:
    """Works on runs, at most `concurrency` at once in this process and `total` in all.

    `adopt`: take whatever is due, and free what dead workers held. Without it only runs that were
    begun here are worked on, for a command that ends soon.
    """

    def __init__(
        self,
        pipelines: Mapping[str, Pipeline[..., Any]],
        services: Services,
        *,
        adopt: bool,
        concurrency: int = 4,
        total: int | None = None,
    ) -> None:
        self._pipelines = pipelines
        self._services = services
        self._adopt = adopt
        self._concurrency = concurrency
        self._total = total
        self._holds: dict[str, Hold] = {}
        self._begun_here: dict[str, None] = {}
        self._news = asyncio.Event()
        self._taking = asyncio.Lock()
        self._loops: list[asyncio.Task[None]] = []
        self.id = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"

    async def start(self) -> None:
        """Say that this worker is here, and begin to look for runs."""
        await self._services.database.write(self._register)
        loops = {"take": self._take_runs, "check": self._check_runs, "heartbeat": self._beat}
        self._loops = [asyncio.create_task(work(), name=f"coachwork-{name}") for name, work in loops.items()]

    async def drain(self, seconds: float) -> None:
        """Take nothing new, and give what works a time to end."""
        self._concurrency = 0
        tasks = [hold.task for hold in self._holds.values() if hold.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)

    async def stop(self) -> None:
        """Stop working. Runs that are not finished are given back, and go on elsewhere or at the next start."""
        for task in self._loops:
            task.cancel()
        working = [hold.task for hold in self._holds.values() if hold.task is not None]
        for task in working:
            task.cancel()
        await asyncio.gather(*self._loops, *working, return_exceptions=True)

        def leave(connection: sa.Connection) -> None:
            claims.let_go(connection, self.id)
            connection.execute(workers.update().where(workers.c.id == self.id).values(stopped_at=now()))

        await self._services.database.write(leave)

    def begin(self, run_id: str) -> None:
        """Look at once for a run that was just accepted here."""
        if not self._adopt:
            self._begun_here[run_id] = None
        self._news.set()

    @property
    def room(self) -> int:
        """How many more runs this process may work on now."""
        return self._concurrency - len(self._holds)

    def cancel(self, run_id: str) -> None:
        """Stop the work on a run that has been ended, if it is done here; elsewhere it is noticed within a second."""
        if (hold := self._holds.get(run_id)) is not None:
            hold.lose()

    def wake(self) -> None:
        """Something may be due: a person has answered."""
        self._news.set()

    # ── Taking runs ────────────────────────────────────────────────────────────────────────────

    async def _take_runs(self) -> None:
        while True:
            self._news.clear()
            try:
                taken = await self._take() if self.room > 0 else 0
            except Exception as error:  # the database was away for a moment: a worker outlives that
                log.error("worker.take_failed", exc_info=error)
                taken = 0
            if not taken or self.room <= 0:
                await _either(self._news, _LOOK_SECONDS)

    async def _take(self) -> int:
        database = self._services.database
        if not await database.read(claims.any_due):
            return 0
        only = None if self._adopt else list(self._begun_here)[:200]
        take = partial(claims.take, worker=self.id, room=self.room, total=self._total, only=only)
        async with self._taking:
            rows = await database.write(take)
            for row in rows:
                self._work_on(row)
        return len(rows)

    def _work_on(self, row: Any) -> None:
        before = self._holds.get(row.id)

        async def put_back(due_at: int, asked: int) -> bool:
            due_at = due_at if row.deadline_at is None else min(due_at, row.deadline_at)
            work = partial(claims.put_back, run_id=row.id, claim=row.claim, due_at=due_at, asked=asked)
            return await self._services.database.write(work)

        self._holds[row.id] = hold = Hold(row.claim, put_back, now)
        hold.task = asyncio.create_task(self._execute(row, hold, before), name=f"coachwork-{row.id}")

    async def _execute(self, row: Any, hold: Hold, before: Hold | None) -> None:
        """From the row of a run to its end, or to where it was put back or lost."""
        try:
            if before is not None and before.task is not None:
                await asyncio.wait({before.task})
            await self._work(row, hold)
        except ClaimLost:
            log.warning("run.lost", run_id=row.id)
        except asyncio.CancelledError:
            if not hold.gone:
                raise  # the process stops, and gives back what it holds
        except Exception as error:  # the database was away, or we are wrong: the heartbeat gives it back
            log.error("run.dropped", run_id=row.id, exc_info=error)
        finally:
            if self._holds.get(row.id) is hold:
                del self._holds[row.id]
            if hold.gone:
                self._services.database.write_soon(lambda c: claims.leave(c, row.id, self.id, row.claim))
            self._news.set()

    async def _work(self, row: Any, hold: Hold) -> None:
        opened = await self._services.database.write(partial(_open, row=row))
        pipeline = self._pipelines.get(row.pipeline)
        left = None if row.deadline_at is None else row.deadline_at / 1000 - time.time()
        scope = RunScope(
            row,
            title=pipeline.title if pipeline else row.pipeline,
            services=self._services,
            hold=hold,
            recorded=opened[0],
            notes_shown=opened[1],
            deadline=None if left is None else time.monotonic() + left,
        )
        self._services.events.wake(row.id)
        output, error = await self._outcome(pipeline, row, scope, left)
        self._begun_here.pop(row.id, None)
        if error is None:
            work = partial(journal.succeed, run_id=row.id, output=output, claim=hold.claim)
        else:
            work = partial(journal.fail, run_id=row.id, error=error, claim=hold.claim)
        written = self._services.database.write_soon(work)
        self._services.events.wake_after(row.id, written)
        await asyncio.wrap_future(written)
        told = {"code": error.code} if error is not None else {}
        log.info("run.ended", run_id=row.id, pipeline=row.pipeline, **told)

    async def _outcome(
        self, pipeline: Pipeline[..., Any] | None, row: Any, scope: RunScope, left: float | None
    ) -> Outcome:
        if pipeline is None:
            hint = did_you_mean(row.pipeline, list(self._pipelines))
            return None, ProjectError(
                f"this run belongs to pipeline {row.pipeline!r}, which the project no longer has", hint=hint
            )
        try:
            async with asyncio.timeout(left) as limit:
                return await perform(pipeline, row, scope)
        except TimeoutError:
            if not limit.expired():
                raise
            return None, _too_late(row)

    # ── Life and death of workers ──────────────────────────────────────────────────────────────

    async def _check_runs(self) -> None:
        """Stop what was cancelled by another process, or taken from us while we were thought dead."""
        while True:
            await asyncio.sleep(_CHECK_SECONDS)
            held = {run_id: hold.claim for run_id, hold in self._holds.items() if not hold.gone}
            if not held:
                continue
            try:
                lost = await self._services.database.read(partial(claims.lost, held=held))
            except sa.exc.SQLAlchemyError as error:
                log.error("worker.check_failed", error=type(error).__name__)
                continue
            for run_id in lost:
                hold = self._holds.get(run_id)
                if hold is not None and hold.claim == held[run_id]:
                    hold.lose()

    def _register(self, connection: sa.Connection) -> None:
        row = {
            "id": self.id,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "started_at": now(),
            "heartbeat_at": now(),
        }
        connection.execute(workers.insert().values(**row))

    async def _beat(self) -> None:
        """Say every few seconds that this worker lives; free the runs of those that do not."""
        while True:
            try:
                await self._services.database.write(
                    lambda c: c.execute(workers.update().where(workers.c.id == self.id).values(heartbeat_at=now()))
                )
                async with self._taking:
                    drop = partial(claims.let_go_but, worker=self.id, working=list(self._holds))
                    await self._services.database.write(drop)
                if self._adopt:
                    await self._free_the_dead()
            except Exception as error:  # a heart that stops after one bad beat would look like a dead worker
                log.error("worker.heartbeat_failed", exc_info=error)
            await asyncio.sleep(_HEARTBEAT_SECONDS)

    async def _free_the_dead(self) -> None:
        others = workers.select().where(workers.c.adopted_by.is_(None), workers.c.id != self.id)
        rows = await self._services.database.read(lambda c: c.execute(others).all())
        dead = [row.id for row in rows if _is_dead(row)]
        if dead:
            freed = await self._services.database.write(partial(claims.adopt, by=self.id, dead=dead))
            if freed:
                log.info("worker.adopted", dead=dead, runs=freed)
                self._news.set()


def _open(connection: sa.Connection, row: Any) -> tuple[dict[str, journal.Kept], int]:
    """Say that the run works, and read what it has done before."""
    if row.status != "waiting":
        journal.set_working(connection, row.id, "running", row.claim)
    if row.started_at is None:  # nobody worked on it before us
        return {}, 0
    return journal.recorded(connection, row.id), events.count(connection, row.id, "data-note")


def _too_late(row: Any) -> CoachworkError:
    seconds = (row.deadline_at - row.created_at) / 1000
    return RunTooLate(
        f"run {row.id} did not end within its {seconds:g} s", hint="Give it more: a later deadline, or none."
    )


def _is_dead(row: Any) -> bool:
    """Stopped, silent for a while, or a process of this machine that is gone."""
    if row.stopped_at is not None or time.time() - row.heartbeat_at / 1000 > _DEAD_AFTER_SECONDS:
        return True
    if row.host != socket.gethostname():
        return False
    try:
        os.kill(row.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


async def _either(news: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await news.wait()
    except TimeoutError:
        return
