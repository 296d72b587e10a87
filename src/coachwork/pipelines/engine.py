"""Durable execution on DBOS (https://docs.dbos.dev): a run is a workflow that survives a kill -9 at any instant.

Knows how a run begins, is taken up again and ends; does not know who asked for it. There is one
engine a process, because DBOS is one a process.
"""

import asyncio
import json
import logging
import os
import secrets
import socket
import time
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
import structlog
from dbos import DBOS, DBOSConfig, SetWorkflowID, StepOptions
from dbos._error import DBOSUnexpectedStepError, DBOSWorkflowCancelledError
from dbos._serialization import Serializer
from pydantic import ValidationError

from coachwork.errors import CoachworkError, ProjectError, RunFailed, did_you_mean
from coachwork.messages import ENDED
from coachwork.pipelines import journal, line
from coachwork.pipelines.fork import Changes
from coachwork.pipelines.pipeline import Pipeline, input_error
from coachwork.pipelines.run_scope import RunScope, Services, current_run, failed
from coachwork.prompts.replaced import replaced
from coachwork.store.database import prepare_sqlite
from coachwork.store.tables import runs, workers
from coachwork.tracing import spans
from coachwork.tracing.scope import entered

T = TypeVar("T")
log = structlog.get_logger(__name__)
_VERSION = "1"  # DBOS takes a run up again only under the version it began with
_HEARTBEAT_SECONDS = 5.0
_DEAD_AFTER_SECONDS = 30.0
_LOOK_SECONDS = 0.25  # how often a worker with a free place looks for runs that other processes accepted
_engine: "Engine | None" = None


class JsonSerializer(Serializer):
    """Workflow inputs and step results as JSON: a row of the database can never run code when it is read."""

    def serialize(self, data: Any) -> str:
        return json.dumps(data, default=repr)

    def deserialize(self, serialized_data: str) -> Any:
        return json.loads(serialized_data)

    def name(self) -> str:
        return "coachwork_json"


@DBOS.workflow(name="coachwork.run")
async def _run_workflow(run_id: str) -> None:
    if _engine is None:
        raise RuntimeError("the engine is not started")
    await _engine.execute(run_id)


async def once(name: str, call: Callable[..., Coroutine[Any, Any, T]], *args: Any) -> T:
    """Make `call` as a step of the current workflow; on replay its kept result is given without a call.

    Has to be awaited in the same order on every replay
    (https://docs.dbos.dev/python/tutorials/workflow-tutorial#determinism); raises ReplayMismatch where another
    name was recorded.
    """
    options: StepOptions = {"name": name}
    try:
        return await DBOS.run_step_async(options, call, *args)
    except DBOSUnexpectedStepError as error:
        recorded = str(error.inputs[3])
    raise current_run("a recorded step").does_not_fit(recorded=recorded, called=name)


class Engine:
    """Starts, resumes and ends runs. `adopt` makes this process take over the runs of dead ones."""

    def __init__(self, pipelines: Mapping[str, Pipeline[..., Any]], services: Services, *, adopt: bool) -> None:
        self._pipelines = pipelines
        self._services = services
        self._adopt = adopt and services.slots.limit > 0
        self._in_line = adopt  # what is begun here stands in the line of all workers; else it is worked on here at once
        self._claiming = asyncio.Lock()
        self._wake = asyncio.Event()
        self._claims: asyncio.Task[None] | None = None
        self._tasks: dict[str, asyncio.Task[Any]] = {}
        self._cancelled: set[str] = set()
        self._heart: asyncio.Task[None] | None = None
        # A thread of our own: DBOS makes its pool the loop's default one and shuts it down when it stops.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="coachwork-engine")
        self.id = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"

    async def start(self) -> None:
        """Launch DBOS on the running loop and begin the heartbeat."""
        global _engine
        if _engine is not None:
            raise RuntimeError("an engine is already started in this process")
        _engine = self
        _quiet_dbos()
        database = self._services.database
        config: DBOSConfig = {
            "name": "coachwork",
            "executor_id": self.id,
            "application_version": _VERSION,
            "serializer": JsonSerializer(),
            "console_log_level": "ERROR",
            "notification_listener_polling_interval_sec": 0.2,  # unused by us, but stopping waits for it
        }
        if database.engine.dialect.name == "sqlite":
            config["system_database_url"] = database.url
            config["system_database_engine"] = _dbos_sqlite(database.url)
        else:
            config["system_database_url"] = database.url
        DBOS(config=config)
        DBOS.launch()
        await database.write(self._register)
        self._heart = asyncio.create_task(self._beat(), name="coachwork-heartbeat")
        if self._adopt:
            self._services.slots.on_free = self._wake.set
            self._claims = asyncio.create_task(self._claim_on(), name="coachwork-claims")

    async def stop(self) -> None:
        """Stop working. Runs that are not finished stay as they are and go on at the next start."""
        global _engine
        await self.pause()
        if self._heart is not None:
            self._heart.cancel()
        begun = _workflow_tasks()  # more than our own: some may not have come to their first line
        for task in begun:
            task.cancel()
        await asyncio.gather(*begun, return_exceptions=True)
        await self._services.database.write(
            lambda c: c.execute(workers.update().where(workers.c.id == self.id).values(stopped_at=journal.now()))
        )
        await self._in_thread(DBOS.destroy)
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(thread_name_prefix="asyncio"))
        self._thread.shutdown(wait=False)
        _engine = None

    @property
    def owner(self) -> str | None:
        """Who has a run that is accepted here: this process, or None for whoever claims it."""
        return None if self._in_line else self.id

    async def begin(self, run_id: str) -> None:
        """Begin a run whose row is there, now or when its turn comes. Beginning it twice is harmless."""
        if not self._in_line:
            await self._start(run_id)
            return
        if self._adopt:
            await self._claim()
        place = (await self._services.database.read(line.positions)).get(run_id)
        if place is not None:
            written = self._services.database.write_soon(lambda c: journal.set_queued(c, run_id, place))
            self._services.events.wake_after(run_id, written)

    async def pause(self) -> None:
        """Claim nothing more. What works here goes on."""
        self._services.slots.on_free = lambda: None
        if self._claims is not None:
            self._claims.cancel()
            await asyncio.gather(self._claims, return_exceptions=True)
            self._claims = None

    async def _claim_on(self) -> None:
        """Claim from the line whenever there is a place: at once where one comes free here, soon where another process
        put somebody into the line."""
        while True:
            self._wake.clear()
            try:
                await self._claim()
            except sa.exc.OperationalError as error:  # the database is away: what is in line stays there
                log.error("worker.claim_failed", exc_info=error)
            try:
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _claim(self) -> None:
        slots, database = self._services.slots, self._services.database
        async with self._claiming:
            while slots.free():
                run_id = await database.write(partial(line.claim_next, worker=self.id, total=slots.total))
                if run_id is None:
                    return
                slots.reserve(run_id)
                await self._start(run_id)

    async def _start(self, run_id: str) -> None:
        with SetWorkflowID(run_id):
            await DBOS.start_workflow_async(_run_workflow, run_id)

    async def cancel(self, run_id: str) -> None:
        """Stop a run here and now if it works in this process, else at its next step wherever it works."""
        self._cancelled.add(run_id)
        await DBOS.cancel_workflow_async(run_id)
        if (task := self._tasks.get(run_id)) is not None:
            task.cancel()

    async def execute(self, run_id: str) -> None:
        """The body of the workflow: from the row of a run to its end, or to where it was cut before."""
        row = await self._services.database.read(lambda c: c.execute(runs.select().where(runs.c.id == run_id)).one())
        if row.status in ENDED:
            return
        task = asyncio.current_task()
        assert task is not None
        self._tasks[run_id] = task
        try:
            await self._work(row)
        except DBOSWorkflowCancelledError:
            return  # its row says so already
        except asyncio.CancelledError:
            if run_id not in self._cancelled:
                raise  # the process stops: the run stays unfinished and goes on at the next start
        finally:
            self._services.slots.release(run_id)
            self._tasks.pop(run_id, None)
            self._cancelled.discard(run_id)

    async def _work(self, row: Any) -> None:
        resumed = row.status != "queued"
        notes = await self._services.events.count(row.id, "data-note") if resumed else 0
        pipeline = self._pipelines.get(row.pipeline)
        title = pipeline.title if pipeline else row.pipeline
        scope = RunScope(
            row.id,
            pipeline=row.pipeline,
            pipeline_title=title,
            user=row.user,
            services=self._services,
            notes_shown=notes,
            resumed=resumed,
            own_from=row.forked_at or 1,
        )
        await scope.take_turn()
        with entered(scope), spans.run(row.id, row.pipeline), structlog.contextvars.bound_contextvars(run_id=row.id):
            try:
                if pipeline is None:
                    raise ProjectError(
                        f"this run belongs to pipeline {row.pipeline!r}, which the project no longer has",
                        hint=did_you_mean(row.pipeline, list(self._pipelines)),
                    )
                changes = Changes.model_validate(row.changes or {})
                with replaced(await asyncio.to_thread(self._services.variants, changes)):
                    output = pipeline.dump(await pipeline.function(**pipeline.parse(row.input)))
                scope.check_fit()
            except CoachworkError as error:
                await self._fail(row.id, error)
            except ValidationError as error:
                shape = input_error("what the pipeline returned, or a value it made, does not fit its type", error)
                await self._fail(row.id, RunFailed(shape.message, hint="Correct the pipeline.", details=shape.details))
            except Exception as error:  # the application's own code: the run ends as failed, with the log telling where
                log.error("run.failed", pipeline=row.pipeline, exc_info=error)
                await self._fail(row.id, failed(error))
            else:
                await self._succeed(row, output)

    async def _succeed(self, row: Any, output: Any) -> None:
        def work(connection: sa.Connection) -> None:
            spent = connection.execute(sa.select(runs.c.cost_nano).where(runs.c.id == row.id)).scalar_one()
            result = {
                "output": output,
                "seconds": (journal.now() - row.created_at) / 1000,
                "cost_usd": spent / 1e9,
            }
            closing = ({"type": "data-result", "data": result}, {"type": "finish"})
            journal.finish(connection, row.id, "succeeded", output=output, last=closing)

        await self._end(row.id, work)
        log.info("run.succeeded", pipeline=row.pipeline)

    async def _fail(self, run_id: str, error: CoachworkError) -> None:
        problem = {**error.to_dict(), "run_id": run_id}
        closing = (
            {"type": "data-problem", "data": problem},
            {"type": "error", "errorText": error.reader},
            {"type": "finish"},
        )
        await self._end(run_id, lambda c: journal.finish(c, run_id, "failed", error=problem, last=closing))
        log.warning("run.ended_failed", code=error.code)

    async def _end(self, run_id: str, work: Any) -> None:
        written = self._services.database.write_soon(work)
        self._services.events.wake_after(run_id, written)
        await asyncio.wrap_future(written)

    async def _in_thread(self, work: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *args)

    # ── Life and death of processes ────────────────────────────────────────────────────────────

    def _register(self, connection: sa.Connection) -> None:
        at = journal.now()
        connection.execute(
            workers.insert().values(
                id=self.id, host=socket.gethostname(), pid=os.getpid(), started_at=at, heartbeat_at=at
            )
        )

    async def _beat(self) -> None:
        """Say every few seconds that this process lives; take over the runs of those that do not."""
        while True:
            try:
                await self._services.database.write(
                    lambda c: c.execute(
                        workers.update().where(workers.c.id == self.id).values(heartbeat_at=journal.now())
                    )
                )
                if self._adopt:
                    await self._take_over()
            except Exception as error:  # a heart that stops after one bad beat would look like a dead process
                log.error("worker.heartbeat_failed", exc_info=error)
            await asyncio.sleep(_HEARTBEAT_SECONDS)

    async def _take_over(self) -> None:
        rows = await self._services.database.read(
            lambda c: c.execute(workers.select().where(workers.c.adopted_by.is_(None), workers.c.id != self.id)).all()
        )
        for row in rows:
            if not _is_dead(row):
                continue
            for dead in await self._services.database.write(partial(_claim, dead=row.id, by=self.id)):
                recovered = await self._in_thread(_recover, dead)
                await self._services.database.write(partial(line.hand_over, dead=dead, by=self.id, recovered=recovered))
                self._wake.set()
                if recovered:
                    log.info("worker.adopted", dead=dead, runs=len(recovered))


def _is_dead(row: Any) -> bool:
    """Stopped, silent for half a minute, or a process of this machine that is gone."""
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


def _claim(connection: sa.Connection, dead: str, by: str) -> list[str]:
    """Take over a dead worker, and those that it had taken over itself and may not have finished with; gives their ids,
    none where another process was faster.
    """
    free = workers.c.id == dead, workers.c.adopted_by.is_(None)
    if not connection.execute(workers.update().where(*free).values(adopted_by=by)).rowcount:
        return []
    its = workers.c.adopted_by == dead
    more = connection.execute(sa.select(workers.c.id).where(its)).scalars().all()
    connection.execute(workers.update().where(its).values(adopted_by=by))
    return [dead, *more]


def _workflow_tasks() -> list[asyncio.Task[Any]]:
    """The workflows that DBOS has begun in this process."""
    from dbos._dbos import _get_dbos_instance

    return list(_get_dbos_instance()._workflow_tasks)


def _recover(executor: str) -> list[str]:
    """Hand the unfinished runs of an executor to DBOS's recovery, which starts each exactly once."""
    from dbos._dbos import _get_dbos_instance
    from dbos._recovery import recover_pending_workflows

    return [handle.get_workflow_id() for handle in recover_pending_workflows(_get_dbos_instance(), [executor])]


def _dbos_sqlite(url: str) -> sa.Engine:
    """DBOS's own engine on our file: write-ahead logging, which DBOS does not set, and its IMMEDIATE transactions."""
    parsed = sa.make_url(url)
    Path(parsed.database or "").parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(parsed, connect_args={"timeout": 30, "check_same_thread": False})

    @sa.event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = "IMMEDIATE"
        prepare_sqlite(connection)

    return engine


def _quiet_dbos() -> None:
    logging.getLogger("dbos").setLevel(logging.ERROR)
