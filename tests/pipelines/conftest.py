"""A project without files: pipelines from functions, on a real engine and a real SQLite database."""

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from coachwork.pipelines.approvals import Approvals
from coachwork.pipelines.deliver import WebhookConfig, Webhooks
from coachwork.pipelines.engine import Engine
from coachwork.pipelines.events import EventLog
from coachwork.pipelines.pipeline import Pipeline
from coachwork.pipelines.run_scope import Services
from coachwork.pipelines.runs import Runs
from coachwork.store.database import Database
from coachwork.tracing import spans

Until = Callable[..., Awaitable[None]]
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
        **environ: str,
    ) -> Runs:
        await stop()
        database = Database(f"sqlite:///{tmp_path}/test.db")
        database.migrate()
        spans.start(database)
        services = Services(
            database=database,
            events=EventLog(database),
            approvals=Approvals(database),
            webhooks=Webhooks(webhooks or {}, tmp_path, environ),
            models=None,  # type: ignore[arg-type]
        )
        pipelines = {f.__name__: Pipeline(f) for f in functions}
        engine = Engine(pipelines, services, adopt=True, concurrency=concurrency)
        opened.append((engine, services))
        await engine.start()
        return Runs(pipelines, services, engine)

    yield begin
    await stop()


@pytest.fixture
def until() -> Until:
    """Wait until a condition holds: `await until(lambda: done)`; it may be async. Fails after 20 s, or `seconds`."""

    async def wait(condition: Callable[[], Any], seconds: float = 20) -> None:
        give_up = time.monotonic() + seconds
        while True:
            held = condition()
            if await held if inspect.isawaitable(held) else held:
                return
            assert time.monotonic() < give_up, f"waited for {seconds} s in vain"
            await asyncio.sleep(0.01)

    return wait
