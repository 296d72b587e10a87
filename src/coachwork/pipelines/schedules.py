"""Starts runs at the times of their schedules, once each, however many workers live. Knows rows; times are elsewhere.

A run's key is the schedule's name and its time, so that of all workers that find a time due one begins a run.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

import sqlalchemy as sa
import structlog

from coachwork.errors import CoachworkError, Conflict
from coachwork.messages import JsonValue, RunStatus
from coachwork.pipelines.pipeline import Pipeline
from coachwork.pipelines.runs import Runs
from coachwork.pipelines.schedule_times import Missed, Schedule, due, next_time, to_begin
from coachwork.pipelines.views import View, moment
from coachwork.store.database import Database
from coachwork.store.inserting import insert_if_new
from coachwork.store.tables import runs, schedules

log = structlog.get_logger(__name__)
_LONGEST_SLEEP = 30.0  # seconds; clocks are set, machines sleep


class ScheduledRun(View):
    id: str
    status: RunStatus
    created_at: datetime


class ScheduleView(View):
    """A schedule, when it falls due next, and the run it began last (None before the first)."""

    name: str
    pipeline: str
    pipeline_title: str
    cron: str
    timezone: str
    missed: Missed
    input: JsonValue
    next_at: datetime
    last_at: datetime | None
    last_run: ScheduledRun | None


class Schedules:
    """The schedules of a project. `start` lets this process begin their runs."""

    def __init__(
        self,
        schedules: Mapping[str, Schedule],
        pipelines: Mapping[str, Pipeline[..., Any]],
        runs: Runs,
        database: Database,
    ) -> None:
        self._schedules = schedules
        self._pipelines = pipelines
        self._runs = runs
        self._database = database
        self._task: asyncio.Task[None] | None = None
        self._known = False

    def start(self) -> None:
        if self._schedules:
            self._task = asyncio.create_task(self._watch(), name="coachwork-schedules")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def list(self) -> list[ScheduleView]:
        """Every schedule, the one that falls due first first."""
        kept = await self._database.read(_last_runs)
        at = datetime.now(UTC)
        found = [self._view(schedule, kept.get(schedule.name), at) for schedule in self._schedules.values()]
        return sorted(found, key=lambda view: (view.next_at, view.name))

    async def look(self, at: datetime) -> int:
        """Begin the runs of all times up to `at` that no worker has handled yet; how many this one asked for."""
        if not self._known:
            await self._database.write(lambda c: _register(c, self._schedules.values(), at))
            self._known = True
        began = 0
        for schedule in self._schedules.values():
            try:
                began += await self._look_at(schedule, at)
            except CoachworkError as error:  # the others are not to suffer
                log.error("schedule.failed", schedule=schedule.name, error=error.message)
        return began

    async def _look_at(self, schedule: Schedule, at: datetime) -> int:
        name = schedule.name
        handled = await self._database.read(lambda c: c.execute(_handled_at(name)).scalar_one())
        times = due(schedule, datetime.fromtimestamp(handled / 1000, UTC), at)
        if not times:
            return 0
        beginning = to_begin(schedule.missed, times, at)
        if len(beginning) < len(times):
            log.warning("schedule.missed", schedule=name, times=len(times) - len(beginning), policy=schedule.missed)
        for planned in beginning:
            run_id = await self._begin(schedule, planned)
            await self._database.write(partial(_handled, name=name, planned=planned, run_id=run_id))
        await self._database.write(partial(_handled, name=name, planned=times[-1], run_id=None))
        return len(beginning)

    async def _begin(self, schedule: Schedule, planned: datetime) -> str | None:
        key = f"schedule:{schedule.name}:{planned:%Y-%m-%dT%H:%MZ}"
        try:
            run = await self._runs.start(schedule.pipeline, schedule.input, user="schedule", idempotency_key=key)
        except Conflict:  # another worker, with other code or settings, began this time's run before us
            return None
        log.info("schedule.begun", schedule=schedule.name, planned=planned.isoformat(), run_id=run.id)
        return run.id

    async def _watch(self) -> None:
        while True:
            at = datetime.now(UTC)
            try:
                await self.look(at)
                soonest = min(next_time(schedule, at) for schedule in self._schedules.values())
                seconds = soonest.timestamp() - time.time()
            except Exception as error:  # the database is away for a moment: schedules must outlive that
                log.error("schedule.failed", exc_info=error)
                seconds = 1.0
            await asyncio.sleep(min(max(seconds, 0.05), _LONGEST_SLEEP))

    def _view(self, schedule: Schedule, kept: Any, at: datetime) -> ScheduleView:
        pipeline = self._pipelines[schedule.pipeline]
        last = None
        if kept is not None and kept.run_id is not None:
            created_at = moment(kept.created_at)
            assert created_at is not None
            last = ScheduledRun(id=kept.run_id, status=kept.status, created_at=created_at)
        return ScheduleView(
            name=schedule.name,
            pipeline=schedule.pipeline,
            pipeline_title=pipeline.title,
            cron=schedule.cron,
            timezone=schedule.timezone,
            missed=schedule.missed,
            input=schedule.input,
            next_at=next_time(schedule, at),
            last_at=moment(kept.begun_at) if kept is not None else None,
            last_run=last,
        )


def _register(connection: sa.Connection, known: Iterable[Schedule], at: datetime) -> None:
    """Note the schedules of this process: a new one, or one with other times, begins now."""
    for schedule in known:
        values = {"cron": schedule.cron, "timezone": schedule.timezone, "handled_at": int(at.timestamp() * 1000)}
        if insert_if_new(connection, schedules, {"name": schedule.name, **values}, ["name"]):
            continue
        other = (schedules.c.cron != schedule.cron) | (schedules.c.timezone != schedule.timezone)
        connection.execute(schedules.update().where(schedules.c.name == schedule.name, other).values(**values))


def _handled_at(name: str) -> sa.Select[Any]:
    return sa.select(schedules.c.handled_at).where(schedules.c.name == name)


def _handled(connection: sa.Connection, name: str, planned: datetime, run_id: str | None) -> None:
    """Note how far a schedule is looked after, and the run that it began; another worker may be further already."""
    at = int(planned.timestamp() * 1000)
    later = schedules.c.name == name, schedules.c.handled_at < at
    connection.execute(schedules.update().where(*later).values(handled_at=at))
    if run_id is not None:
        newer = sa.func.coalesce(schedules.c.begun_at, 0) <= at
        connection.execute(schedules.update().where(schedules.c.name == name, newer).values(run_id=run_id, begun_at=at))


def _last_runs(connection: sa.Connection) -> dict[str, Any]:
    query = sa.select(schedules, runs.c.status, runs.c.created_at).outerjoin(runs, runs.c.id == schedules.c.run_id)
    return {row.name: row for row in connection.execute(query)}
