"""A project at work: the engine started, runs accepted. Knows the order of starting and stopping."""

from types import TracebackType

from coachwork.app.project import Project
from coachwork.pipelines.approvals import Approvals
from coachwork.pipelines.engine import Engine
from coachwork.pipelines.events import EventLog
from coachwork.pipelines.run_scope import Services
from coachwork.pipelines.runs import Runs
from coachwork.tracing import spans

_started = False  # spans are recorded for one project a process


class Runtime:
    """`async with Runtime(project) as runtime: await runtime.runs.start(…)`.

    `adopt` lets this process take over unfinished runs of processes that died: on for a server, off
    for a command that ends soon. `concurrency` overrides the setting `runs.concurrency`.
    """

    runs: Runs

    def __init__(self, project: Project, *, adopt: bool = True, concurrency: int | None = None) -> None:
        self.project = project
        self._adopt = adopt
        self._concurrency = concurrency or project.settings.runs.concurrency

    async def __aenter__(self) -> "Runtime":
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        global _started
        if _started:
            raise RuntimeError("an engine is already started in this process")
        project = self.project
        spans.start(project.database)
        services = Services(
            database=project.database,
            events=EventLog(project.database),
            approvals=Approvals(project.database),
            webhooks=project.webhooks,
            models=project.models,
        )
        self._services = services
        self._engine = Engine(
            project.pipelines,
            services,
            adopt=self._adopt,
            concurrency=self._concurrency,
            total=project.settings.runs.total,
        )
        await self._engine.start()
        _started = True
        self.runs = Runs(project.pipelines, services, self._engine)

    async def drain(self, seconds: float) -> None:
        """Take nothing new, and give what works a time to end."""
        await self._engine.drain(seconds)

    async def stop(self) -> None:
        """Stop working; nothing that was accepted is lost. The project stays open."""
        global _started
        await self._services.approvals.close()
        await self._engine.stop()
        _started = False
        spans.stop()
        self.project.database.flush()
