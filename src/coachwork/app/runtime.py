"""A project at work: the engine started, runs accepted. Knows the order of starting and stopping."""

import asyncio
from functools import partial
from types import TracebackType
from typing import Any

import structlog

from coachwork.app.project import Project
from coachwork.app.watchdog import Measures, Watchdog
from coachwork.models.routes import limits_of
from coachwork.pipelines import blocking, replay
from coachwork.pipelines.approval_links import Link, read_token, token_of
from coachwork.pipelines.approval_notices import Notices
from coachwork.pipelines.approval_terms import House
from coachwork.pipelines.approvals import Approvals
from coachwork.pipelines.batch_feeder import Feeder
from coachwork.pipelines.batches import Batches
from coachwork.pipelines.engine import Engine
from coachwork.pipelines.events import EventLog
from coachwork.pipelines.fork import Variants
from coachwork.pipelines.journal import now
from coachwork.pipelines.memory import MemoryWatch
from coachwork.pipelines.run_scope import Services
from coachwork.pipelines.runs import Runs
from coachwork.pipelines.schedules import Schedules
from coachwork.pipelines.slots import Slots
from coachwork.tracing import spans

log = structlog.get_logger(__name__)
_TELL_SECONDS = 10.0
_LINK_MS = 7 * 86_400_000  # how long the links of a message hold


class Runtime:
    """`async with Runtime(project) as runtime: await runtime.runs.start(…)`.

    `adopt` lets this process take over unfinished runs of processes that died: on for a server, off
    for a command that ends soon. `feed`, as `adopt` unless told, lets it bring batches and schedules on.
    `concurrency` overrides the setting `runs.concurrency`.
    """

    runs: Runs
    batches: Batches
    feeder: Feeder
    schedules: Schedules
    notices: Notices

    def __init__(
        self, project: Project, *, adopt: bool = True, feed: bool | None = None, concurrency: int | None = None
    ) -> None:
        self.project = project
        self._adopt = adopt
        self._feeds = adopt if feed is None else feed
        self._concurrency = project.settings.runs.concurrency if concurrency is None else concurrency

    async def __aenter__(self) -> "Runtime":
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        project = self.project
        spans.start(project.database)
        services = Services(
            database=project.database,
            events=EventLog(project.database),
            slots=Slots(self._concurrency, project.settings.runs.total),
            approvals=Approvals(
                project.database, House(project.settings.roles, notify=bool(project.settings.approvals.webhook))
            ),
            webhooks=project.webhooks,
            models=project.models,
            variants=Variants(
                project.prompts,
                project.folder,
                lambda name: limits_of(name, project.settings.model_room).max_tokens,
            ),
        )
        self._services = services
        self._engine = Engine(project.pipelines, services, adopt=self._adopt)
        await self._engine.start()
        self.runs = Runs(project.pipelines, services, self._engine)
        self._feed()
        if self._adopt:
            for found in replay.findings(project.pipelines, project.folder):
                log.warning("pipeline.not_the_same_on_replay", where=found.where, what=found.message, fix=found.hint)
        if self._adopt:  # a server: what is hosted elsewhere is warm before it is asked
            for process in project.hosted:
                process.start()
        self._watchdog = Watchdog(project.folder, measures=self._measures())
        self._watchdog.start()
        allowed = project.settings.runs.memory_mb if self._adopt else None
        self._memory = MemoryWatch(allowed, self._watchdog.stop_code) if allowed else None
        if self._memory is not None:  # last: what has started counts as had
            self._memory.start()

    def _measures(self) -> Measures | None:
        """What is done about a run that blocks a server or a worker; a command with one run only waits for it."""
        limit, database, worker = self.project.settings.runs.blocked_seconds, self.project.database, self._engine.id
        if not self._adopt:
            return None

        def leave(task: "asyncio.Task[Any]", where: str, seconds: float) -> bool:
            if run_id := blocking.run_of(task):
                told = partial(blocking.leave, worker=worker, run_id=run_id, where=where, seconds=seconds)
                database.write_soon(told).result(timeout=_TELL_SECONDS)
            return bool(run_id)

        def alive() -> None:
            database.write_later(partial(blocking.alive, worker=worker))

        return Measures(limit, blocking.let_go_here, alive, leave)

    def _feed(self) -> None:
        """Set up batches and schedules; a server brings them on."""
        project = self.project
        of_a_run = [budget.usd for budget in project.settings.budgets if budget.scope == "run"]
        self.batches = Batches(
            project.pipelines,
            project.database,
            at_once=2 * max(1, self._concurrency),  # so that a place is taken again at once
            run_budget_nano=round(min(of_a_run) * 1e9) if of_a_run else None,
        )
        self.feeder = Feeder(self.batches, self.runs, project.database)
        self.schedules = Schedules(project.schedules, project.pipelines, self.runs, project.database)
        self.notices = Notices(
            project.database,
            project.webhooks,
            webhook=project.settings.approvals.webhook,
            roles=project.settings.roles,
            titles=lambda name: project.pipelines[name].title if name in project.pipelines else name,
            link=lambda approval_id, who: self.address_of(Link(approval_id, who, now() + _LINK_MS)),
        )
        if self._feeds:
            self.feeder.start()
            self.schedules.start()
            self.notices.start()

    def address_of(self, link: Link) -> str:
        """Where the link leads: whoever opens it decides in its name. It never belongs into a log."""
        return f"{self.project.settings.approvals.url}/decide/{token_of(link, self.project.secret())}"

    def read_link(self, token: str) -> Link:
        """Raises NotAllowed for a link that was not made here, was altered or is over."""
        return read_token(token, self.project.secret(), now())

    async def drain(self, seconds: float) -> None:
        """Take nothing new, and give what works here so long to end."""
        await self._engine.pause()
        try:
            async with asyncio.timeout(seconds):
                while self._services.slots.working:  # noqa: ASYNC110  runs end in many places
                    await asyncio.sleep(0.05)
        except TimeoutError:
            return

    async def stop(self) -> None:
        """Stop working; nothing that was accepted is lost. The project stays open."""
        self._watchdog.stop()
        if self._memory is not None:
            self._memory.stop()
        await self.notices.stop()
        await self.schedules.stop()
        await self.feeder.stop()
        await self._services.approvals.close()
        await self._engine.stop()
        await asyncio.gather(*(process.stop() for process in self.project.hosted))
        spans.stop()
        self.project.database.flush()
