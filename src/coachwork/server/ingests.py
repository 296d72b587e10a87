"""Ingests and dry runs that this process was asked for over HTTP, one a knowledge base. Knows tasks; reads nothing."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from coachwork.errors import CoachworkError
from coachwork.knowledge import KnowledgeBase
from coachwork.knowledge.document import NOTHING_YET, IngestProgress, IngestReport, IngestState
from coachwork.knowledge.planning import IngestPlan
from coachwork.server.problems import bug, from_error, log_bug


@dataclass
class Task:
    """What goes on here for a knowledge base: its last word, and what ended it."""

    progress: IngestProgress = NOTHING_YET
    ended: bool = False
    problem: dict[str, Any] | None = None
    report: IngestReport | None = None
    plan: IngestPlan | None = None

    def tell(self, progress: IngestProgress) -> None:
        self.progress = progress


@dataclass(frozen=True)
class Seen:
    """An ingest as this process sees it: `waiting` while others work here by other settings."""

    state: IngestState
    waiting: bool = False
    problem: dict[str, Any] | None = None


@dataclass
class Ingests:
    """The last ingest, and the last dry run, of each knowledge base that this process began."""

    _ingests: dict[str, Task] = field(default_factory=dict)
    _plans: dict[str, Task] = field(default_factory=dict)
    _running: set[asyncio.Task[None]] = field(default_factory=set)

    async def of(self, base: KnowledgeBase) -> Seen:
        """How far the ingest is, whatever process works on it."""
        state, here = await base.ingestion(), self._ingests.get(base.name)
        if here is None:
            return Seen(state)
        if here.ended:
            return Seen(replace(state, state="failed"), problem=here.problem) if here.problem else Seen(state)
        if here.progress.phase == "waiting":
            return Seen(state, waiting=True)
        # Asked for and not yet begun: what the database tells is of the one before.
        return Seen(state if state.state in ("working", "stuck") else IngestState("working", here.progress))

    def start(self, base: KnowledgeBase) -> None:
        """Begin one, or take a share of the one that another process is at; nothing where one is under way here."""

        async def work(task: Task) -> None:
            task.report = await base.ingest(task.tell)

        self._begin(base, self._ingests, work)

    def start_all(self, bases: Iterable[KnowledgeBase], told: Callable[[str, Task], None]) -> None:
        """Begin one for each, one after the other as embedding takes the whole machine; `told` hears of each end."""
        turn = asyncio.Lock()

        for base in bases:

            async def work(task: Task, base: KnowledgeBase = base) -> None:
                async with turn:
                    task.report = await base.ingest(task.tell)

            self._begin(base, self._ingests, work, told)

    def under_way(self) -> dict[str, IngestProgress]:
        """The ingests of this process that have not ended, by knowledge base."""
        return {name: task.progress for name, task in self._ingests.items() if not task.ended}

    def plan(self, base: KnowledgeBase) -> Task:
        """Begin a dry run; the one that is under way where there is one."""

        async def work(task: Task) -> None:
            task.plan = await base.plan(task.tell)

        return self._begin(base, self._plans, work)

    def planned(self, knowledge: str) -> Task | None:
        return self._plans.get(knowledge)

    async def close(self) -> None:
        """Stop those under way; what they have indexed stays, and the next one goes on from there."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _begin(
        self,
        base: KnowledgeBase,
        tasks: dict[str, Task],
        work: Callable[[Task], Coroutine[Any, Any, None]],
        told: Callable[[str, Task], None] | None = None,
    ) -> Task:
        last = tasks.get(base.name)
        if last is not None and not last.ended:
            return last
        begun = tasks[base.name] = Task()
        running = asyncio.create_task(_run(base, begun, work(begun)))
        self._running.add(running)
        if tasks is self._ingests:
            base.readiness.expect(running)
        running.add_done_callback(self._running.discard)
        if told is not None:
            running.add_done_callback(lambda run: None if run.cancelled() else told(base.name, begun))
        return begun


async def _run(base: KnowledgeBase, task: Task, work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except CoachworkError as error:
        task.problem = from_error(error).plain()
    except Exception as error:
        task.problem = bug(log_bug(error, knowledge=base.name)).plain()
    finally:
        task.ended = True
