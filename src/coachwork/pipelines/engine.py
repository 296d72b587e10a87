"""Durable execution on DBOS (https://docs.dbos.dev): a run is a workflow that survives a kill -9 at any instant.

Knows how a run is claimed, begun, put back, taken up again and ended; does not know who asked for it. A run is done
in legs, each a workflow: one ends where the run ends, or where it has nothing to do but wait. What a leg does is kept
by ourselves (`journal`), a transaction a step, instead of by DBOS's own steps, which cost more commits each. There is
one engine a process, because DBOS is one a process.
"""

import asyncio
import json
import logging
import os
import secrets
import socket
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
import structlog
from dbos import DBOS, DBOSConfig, SetWorkflowID
from dbos._serialization import Serializer
from pydantic import ValidationError

from coachwork.errors import CoachworkError, DeadlineExceeded, ProjectError, RunFailed, did_you_mean
from coachwork.messages import ENDED, JsonValue
from coachwork.pipelines import journal, line
from coachwork.pipelines.fork import Changes
from coachwork.pipelines.hold import Hold
from coachwork.pipelines.memory import release
from coachwork.pipelines.pipeline import Pipeline, input_error
from coachwork.pipelines.run_scope import RunScope, Services, failed
from coachwork.pipelines.silence import LOOK_SECONDS, Silence, Voice, is_dead, looked
from coachwork.prompts import Prompt
from coachwork.prompts.replaced import replaced
from coachwork.store.database import connect_patiently, prepare_sqlite
from coachwork.store.tables import runs, workers
from coachwork.tracing import spans

T = TypeVar("T")
log = structlog.get_logger(__name__)
_VERSION = "1"  # DBOS takes a run up again only under the version it began with
_STOP_SECONDS = 10.0  # for code that does not stop when it is told to
_AFTER_FAILURE_SECONDS = 2.0
_LOOK_SECONDS = 0.1  # how often a worker with a free place looks for runs that other processes accepted
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
async def _run_workflow(run_id: str, leg: int = 0) -> None:
    if _engine is None:
        raise RuntimeError("the engine is not started")
    await _engine.execute(run_id, leg)


class Engine:
    """Starts, resumes and ends runs. `adopt` makes this process take over the runs of dead ones."""

    def __init__(self, pipelines: Mapping[str, Pipeline[..., Any]], services: Services, *, adopt: bool) -> None:
        self._pipelines = pipelines
        self._services = services
        self._queues = {name: each.queue for name, each in pipelines.items() if line.is_limited(each.queue)}
        self._adopt = adopt and services.slots.limit > 0
        self._in_line = adopt  # what is begun here stands in the line of all workers; else it is worked on here at once
        self._own: set[str] = set()  # what was begun here, where nothing else is worked on
        self._claiming = asyncio.Lock()
        self._wake = asyncio.Event()
        self._claims: asyncio.Task[None] | None = None
        self._holds: dict[str, Hold] = {}
        self._suspect = ""  # a run that workers died of: while it is here nothing else is claimed
        self._heart: asyncio.Task[None] | None = None
        self._voice = Voice()
        self._silent: dict[str, Silence] = {}
        self._strays: set[str] = set()
        self._starting: set[str] = set()
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
        config["system_database_url"] = database.url
        postgres = database.engine.dialect.name == "postgresql"
        self._dbos = config["system_database_engine"] = (_dbos_postgres if postgres else _dbos_sqlite)(database.url)
        DBOS(config=config)
        DBOS.launch()
        await database.write(self._register)
        self._heart = asyncio.create_task(self._beat(), name="coachwork-heartbeat")
        self._services.slots.on_free = self._services.approvals.on_decision = self._wake.set
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
        await self._in_thread(self._dbos.dispose)
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(thread_name_prefix="asyncio"))
        self._thread.shutdown(wait=False)
        _engine = None

    def accepted(self, now: int) -> dict[str, Any]:
        """The columns of a run that is accepted here: it stands in line, or is claimed by this process."""
        if self._in_line:
            return {"ready_at": journal.AT_ONCE}
        return {"worker": self.id, "claim": 1, "status": "running", "started_at": now}

    async def begin(self, run_id: str) -> None:
        """Begin a run whose row is there, now or when its turn comes."""
        database = self._services.database
        if not self._in_line:
            self._own.add(run_id)
            await self._start(line.Claimed(run_id, 0))
            return
        if self._adopt:
            await self._claim()
        if run_id in self._holds:
            return
        place = (await database.read(line.positions)).get(run_id)
        if place is not None:
            written = database.write_soon(lambda c: journal.set_queued(c, run_id, place))
            self._services.events.wake_after(run_id, written)

    async def pause(self) -> None:
        """Claim nothing more. What works here goes on."""
        self._services.slots.on_free = self._services.approvals.on_decision = lambda: None
        if self._claims is not None:
            self._claims.cancel()
            await asyncio.gather(self._claims, return_exceptions=True)
            self._claims = None

    async def _claim_on(self) -> None:
        """Claim from the line whenever there is a place: at once where one comes free here, soon where another process
        put somebody into the line. Also notice what others ended that works here."""
        while True:
            self._wake.clear()
            try:
                await self._claim()
                if self._holds:
                    await self._let_go_of_ended()
            except Exception as error:  # one that stopped to look would be idle for ever; what is in line stays there
                log.error("worker.claim_failed", exc_info=error)
                await asyncio.sleep(_AFTER_FAILURE_SECONDS)  # the log is not to grow by it without end
            try:
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _claim(self) -> None:
        slots, database = self._services.slots, self._services.database
        only = None if self._in_line else frozenset(self._own)
        if not (self._adopt or self._own):
            return
        async with self._claiming:
            while not self._suspect and slots.free() and await database.read(line.anybody):
                take = partial(line.claim_next, worker=self.id, total=slots.total, queues=self._queues, only=only)
                claimed = await database.write(partial(take, idle=not slots.working))
                if claimed is None:
                    return
                slots.reserve(claimed.run_id)
                self._suspect = claimed.run_id if claimed.suspect else ""
                await self._start(claimed)  # what fails to start is noticed by the heart, and stands in line again

    async def _start(self, claimed: line.Claimed) -> None:
        self._starting.add(claimed.run_id)
        try:
            with SetWorkflowID(_workflow_id(claimed)):
                await DBOS.start_workflow_async(_run_workflow, claimed.run_id, claimed.leg)
        finally:
            self._starting.discard(claimed.run_id)

    async def _let_go_of_ended(self) -> None:
        """Stop the code of runs that somebody ended in another process, or that are another worker's by now."""
        ours = sa.select(runs.c.id).where(runs.c.id.in_(list(self._holds)), runs.c.worker == self.id)
        held = dict(self._holds)
        for run_id in held.keys() - set(await self._services.database.read(lambda c: c.execute(ours).scalars().all())):
            held[run_id].let_go("ended")

    async def cancel(self, run_id: str, leg: int) -> None:
        """Stop the code of a run whose row says that it has ended: here and now, or soon in another process."""
        await DBOS.cancel_workflow_async(_workflow_id(line.Claimed(run_id, leg)))
        if (hold := self._holds.get(run_id)) is not None:
            hold.let_go("ended")

    # ── A leg of a run ─────────────────────────────────────────────────────────────────────────

    async def execute(self, run_id: str, leg: int) -> None:
        """The body of the workflow: from where the run was left to its end, or to where it waits."""
        row = await self._services.database.read(partial(journal.run_row, run_id=run_id))
        if row.status in ENDED or (row.leg, row.worker) != (leg, self.id) or run_id in self._holds:
            return
        database = self._services.database

        async def put_back(due_at: int | None, asked: list[str]) -> bool:
            work = partial(journal.put_back, run_id=run_id, claim=row.claim, due_at=due_at, asked=asked)
            written = database.write_soon(work)
            self._services.events.wake_after(run_id, written)
            return await asyncio.wrap_future(written)

        self._holds[run_id] = hold = Hold(row.claim, put_back, journal.now)
        hold.sure = self._voice.sure
        try:
            await self._services.slots.acquire(run_id)
            await self._leg(row, hold)
        finally:
            self._holds.pop(run_id, None)
            self._clear(run_id)
            self._services.slots.release(run_id)

    async def _leg(self, row: Any, hold: Hold) -> None:
        """Do a run's code until it ends or is let go of; write down what came of it."""
        pipeline, left = self._pipelines.get(row.pipeline), None
        if row.deadline_at is not None:
            left = max(0.0, (row.deadline_at - journal.now()) / 1000)
        recorded: dict[str, journal.Kept] = {}
        if row.claim > 1 or row.forked_from is not None:  # there is nothing before the first claim
            recorded = await self._services.database.read(partial(journal.recorded, run_id=row.id))
        scope = RunScope(
            row,
            pipeline_title=pipeline.title if pipeline else row.pipeline,
            services=self._services,
            hold=hold,
            recorded=recorded,
            paid=await self._services.database.read(partial(journal.paid, run_id=row.id)) if row.claim > 1 else {},
            notes_shown=await self._services.events.count(row.id, "data-note") if row.claim > 1 else 0,
            deadline=None if left is None else time.monotonic() + left,
        )
        if line.is_suspect(row, recorded.values()):
            hold.on_step = partial(self._clear, row.id)
        else:
            self._clear(row.id)
        body = asyncio.create_task(self._perform(row, pipeline, scope), name=f"run {row.id}")
        hold.holds(body)
        timer = None if left is None else asyncio.get_running_loop().call_later(left, hold.let_go, "late")
        try:
            await asyncio.wait({body})
        except asyncio.CancelledError:  # the process stops: the run stays unfinished, and goes on at the next start
            hold.let_go("stopped")
            await asyncio.wait({body}, timeout=_STOP_SECONDS)
            raise
        finally:
            if timer is not None:
                timer.cancel()
        if hold.why == "late":
            limit = (row.deadline_at - row.created_at) / 1000
            await self._fail(row.id, row.claim, DeadlineExceeded(row.id, limit))
        elif hold.why == "at fault" and hold.fault is not None:
            await self._fail(row.id, row.claim, hold.fault)
        elif hold.why is None:
            output, error = body.result()
            if error is None:
                await self._succeed(row, output, scope.spent)
            else:
                await self._fail(row.id, row.claim, error)

    async def _perform(
        self, row: Any, pipeline: Pipeline[..., Any] | None, scope: RunScope
    ) -> tuple[JsonValue, CoachworkError | None]:
        """Run the function on the run's input within its scope, and give (output, None) or (None, error)."""
        with scope.entered(), spans.run(row.id, row.pipeline), structlog.contextvars.bound_contextvars(run_id=row.id):
            if row.id == self._suspect:
                await self._be_alone(row)
            try:
                if pipeline is None:
                    raise ProjectError(
                        f"this run belongs to pipeline {row.pipeline!r}, which the project no longer has",
                        hint=did_you_mean(row.pipeline, list(self._pipelines)),
                    )
                with replaced(await self._variants(row.changes)):
                    output = pipeline.dump(await pipeline.function(**pipeline.parse(row.input)))
                scope.check_end()
            except CoachworkError as error:
                return None, error
            except ValidationError as error:
                shape = input_error("what the pipeline returned, or a value it made, does not fit its type", error)
                return None, RunFailed(shape.message, hint="Correct the pipeline.", details=shape.details)
            except asyncio.CancelledError as stopped:
                scope.hold.stopped = True
                if scope.hold.fault is not None:
                    release(stopped)
                raise
            except Exception as error:  # the application's own code: the run ends as failed, with the log telling where
                kept = failed(error)
                log.error("run.failed", pipeline=row.pipeline, exc_info=error)
                return None, kept
        return output, None

    async def _be_alone(self, row: Any) -> None:
        """Wait until nothing else works here, so that the others are none the worse and a death tells whose it was."""
        while self._services.slots.working > 1:  # noqa: ASYNC110  runs end in many places
            await asyncio.sleep(0.05)
        await self._services.database.write(partial(line.begins_alone, run_id=row.id, claim=row.claim))
        log.warning("run.works_alone", pipeline=row.pipeline, workers_died=row.deaths)

    def _clear(self, run_id: str) -> None:
        """It got on, or is not here any more: others may work beside."""
        if run_id == self._suspect:
            self._suspect = ""
            self._wake.set()

    async def _variants(self, changes: JsonValue) -> Mapping[str, Prompt[..., Any]]:
        """The prompts that stand in for others, for a fork that changes any: they are read from the disk."""
        if not changes:
            return {}
        return await asyncio.to_thread(self._services.variants, Changes.model_validate(changes))

    async def _succeed(self, row: Any, output: Any, spent: int) -> None:
        def work(connection: sa.Connection) -> None:
            result = {
                "output": output,
                "seconds": (journal.now() - row.created_at) / 1000,
                "cost_usd": spent / 1e9,
            }
            closing = ({"type": "data-result", "data": result}, {"type": "finish"})
            journal.finish(connection, row.id, "succeeded", claim=row.claim, output=output, last=closing)

        await self._end(row.id, work)
        log.info("run.succeeded", pipeline=row.pipeline, run_id=row.id)

    async def _fail(self, run_id: str, claim: int, error: CoachworkError) -> None:
        await self._end(run_id, partial(journal.fail, run_id=run_id, error=error, claim=claim))
        log.warning("run.ended_failed", code=error.code, run_id=run_id)

    async def _end(self, run_id: str, work: Any) -> None:
        written = self._services.database.write_soon(work)
        self._services.events.wake_after(run_id, written)
        await asyncio.wrap_future(written)
        self._own.discard(run_id)

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

    def _alive(self, connection: sa.Connection) -> None:
        ours = workers.update().where(workers.c.id == self.id)
        connection.execute(ours.values(heartbeat_at=journal.now(), adopted_by=None))

    async def _beat(self) -> None:
        """Say every few seconds that this process lives; take over the runs of those that do not."""
        while True:
            try:
                # One that was taken for dead while it could not speak lives again, without the runs it had.
                at = time.time()
                await self._services.database.write(self._alive)
                self._voice.said(at)
                await self._put_strays_back()
                if self._adopt:
                    await self._take_over()
            except Exception as error:  # a heart that stops after one bad beat would look like a dead process
                log.error("worker.heartbeat_failed", exc_info=error)
            await asyncio.sleep(LOOK_SECONDS)

    async def _put_strays_back(self) -> None:
        """Put runs that are this worker's, and of which it knew nothing at two beats, back into the line."""
        ours = sa.select(runs.c.id).where(runs.c.worker == self.id, runs.c.status.not_in(ENDED))
        found = set(await self._services.database.read(lambda c: c.execute(ours).scalars().all()))
        unknown = found - self._holds.keys() - self._starting
        if strays := unknown & self._strays:
            log.error("worker.strays", runs=sorted(strays))
            for run_id in strays:
                self._clear(run_id)
                self._services.slots.release(run_id)
            await self._services.database.write(partial(line.back_in_line, run_ids=strays, worker=self.id))
        self._strays = unknown - strays

    async def _take_over(self) -> None:
        rows = await self._services.database.read(
            lambda c: c.execute(workers.select().where(workers.c.adopted_by.is_(None), workers.c.id != self.id)).all()
        )
        self._silent = looked(self._silent, rows, time.time())
        for row in rows:
            if not is_dead(row, self._silent[row.id]):
                continue
            had = await self._services.database.write(
                partial(line.adopt, dead=row.id, by=self.id, crashed=row.stopped_at is None)
            )
            for each in had:  # DBOS would else keep it as under way, for a process that never comes
                await DBOS.cancel_workflow_async(_workflow_id(each))
            if had:
                self._wake.set()
                log.info("worker.adopted", dead=row.id, runs=len(had))


def _workflow_id(claimed: line.Claimed) -> str:
    return f"{claimed.run_id}:{claimed.leg}" if claimed.leg else claimed.run_id


def _workflow_tasks() -> list[asyncio.Task[Any]]:
    """The workflows that DBOS has begun in this process."""
    from dbos._dbos import _get_dbos_instance

    return list(_get_dbos_instance()._workflow_tasks)


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


def _dbos_postgres(url: str) -> sa.Engine:
    """DBOS's own engine as it would make it, but that it waits where a server is away: DBOS gives up at a refusal."""
    parsed = sa.make_url(url).set(drivername="postgresql+psycopg")
    options: dict[str, Any] = {"application_name": "dbos_transact"}
    if "connect_timeout" not in parsed.query:
        options["connect_timeout"] = 10
    engine = sa.create_engine(parsed, pool_size=20, max_overflow=0, pool_pre_ping=True, connect_args=options)
    connect_patiently(engine)

    @sa.event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.execute("SET idle_in_transaction_session_timeout = 60000")  # whoever stands still keeps no lock
        connection.commit()

    return engine


def _quiet_dbos() -> None:
    logging.getLogger("dbos").setLevel(logging.ERROR)
