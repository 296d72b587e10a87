"""A project without files: pipelines from functions, on a real engine and a real SQLite database."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from coachwork.pipelines.approval_terms import House
from coachwork.pipelines.approvals import Approvals
from coachwork.pipelines.deliver import WebhookConfig, Webhooks
from coachwork.pipelines.engine import Engine
from coachwork.pipelines.events import EventLog
from coachwork.pipelines.pipeline import Pipeline
from coachwork.pipelines.run_scope import Services
from coachwork.pipelines.runs import Runs
from coachwork.pipelines.slots import Slots
from coachwork.store.database import Database
from coachwork.tracing import spans

Start = Callable[..., Awaitable[Runs]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Start an engine for some functions: `runs = await start(f, g, concurrency=2)`; again = a restarted process."""
    opened: list[tuple[Engine, Services]] = []

    async def stop() -> None:
        while opened:
            engine, services = opened.pop()
            await services.approvals.close()
            await engine.stop()
            spans.stop()
            services.database.close()

    async def begin(
        *functions: Any,
        concurrency: int = 4,
        webhooks: dict[str, WebhookConfig] | None = None,
        house: House = House(),  # noqa: B008, it is frozen
        **environ: str,
    ) -> Runs:
        await stop()
        database = Database(f"sqlite:///{tmp_path}/test.db")
        database.migrate()
        spans.start(database)
        services = Services(
            database=database,
            events=EventLog(database),
            slots=Slots(concurrency),
            approvals=Approvals(database, house),
            webhooks=Webhooks(webhooks or {}, tmp_path, environ),
            models=None,  # type: ignore[arg-type]
        )
        pipelines = {f.__name__: Pipeline(f) for f in functions}
        engine = Engine(pipelines, services, adopt=True)
        opened.append((engine, services))
        await engine.start()
        return Runs(pipelines, services, engine)

    yield begin
    await stop()
