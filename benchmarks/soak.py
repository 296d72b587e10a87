"""A hundred thousand calls through the whole chain, on fakes: does memory grow? `make bench-soak`.

Calls end in every way: answered, failed over, hedged, cached, refused by a limit, left by the caller. Printed
is resident memory after a warm-up and at the end, what is left running, and whether each call has its row.
"""

import argparse
import asyncio
import gc
import os
import random
import sys
import tempfile
import time
from contextlib import aclosing
from pathlib import Path

import sqlalchemy as sa

from coachwork.errors import ModelError, Overloaded
from coachwork.messages import Message, ModelRequest, TextDelta
from coachwork.models import ModelConfig, Models, ModelsConfig, RouteConfig
from coachwork.models.config import BudgetConfig
from coachwork.store.database import Database
from coachwork.store.tables import calls
from coachwork.testing import Fail, FakeModel, line
from coachwork.testing.fake import Answer
from coachwork.tracing import spans
from coachwork.tracing.scope import DirectScope, entered

ROUTES = {  # name: how often
    "plain": 60,
    "fallback": 15,
    "hedged": 5,
    "cached": 15,
    "leave": 5,
}

WARM_UP = 3  # tenths of the calls: by then SQLite's page caches are full, 2 MB a connection


class Somebody(DirectScope):
    def __init__(self, user: str) -> None:
        self.user = user


SOMEBODY = [Somebody(f"user-{number}") for number in range(7)]


def memory_mb() -> float:
    """Resident memory of this process, in 1e6 bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 1e6


def room(folder: Path) -> tuple[Models, Database, list[FakeModel]]:
    async def flaky(_request: ModelRequest) -> Answer:
        return Fail(Overloaded("busy")) if random.random() < 0.5 else "An answer of the first model"

    answer = line("A short answer of a handful of words, in a few pieces", times=None)
    fakes = [FakeModel([answer]), FakeModel(flaky)]
    limits = {"requests_per_minute": 10_000_000, "tokens_per_minute": 1_000_000_000}
    price = {"input_usd_per_million": 1.0, "output_usd_per_million": 4.0}
    database = Database(f"sqlite:///{folder}/soak.db")
    database.migrate()
    spans.start(database)
    config = ModelsConfig(
        routes={
            "plain": RouteConfig(models=["fake:m"]),
            "leave": RouteConfig(models=["fake:m"]),
            "fallback": RouteConfig(models=["flaky:m", "fake:m"], retries=0),
            "hedged": RouteConfig(models=["fake:m", "flaky:m"], hedge_seconds=0.001),
            "cached": RouteConfig(models=["fake:m"], cache="exact"),
        },
        models={name: ModelConfig(**limits, **price, breaker_failures=1_000_000) for name in ("fake:m", "flaky:m")},
        budgets=[BudgetConfig(scope="installation", usd=1e6), BudgetConfig(scope="user", usd=1e5, per="day")],
    )
    models = Models(
        config,
        database=database,
        cache_dir=folder,
        environ={},
        on_call=spans.model_call,
        extra_providers={"fake": fakes[0], "flaky": fakes[1]},
    )
    return models, database, fakes


async def one(models: Models, number: int) -> None:
    (route,) = random.choices(list(ROUTES), list(ROUTES.values()))
    words = f"question {number % 50}" if route == "cached" else f"question {number}"

    with entered(SOMEBODY[number % len(SOMEBODY)]):
        async with aclosing(models.stream(route, ModelRequest((Message.of("user", words),)))) as events:
            try:
                async for event in events:
                    if route == "leave" and isinstance(event, TextDelta):
                        return
            except ModelError as error:
                print(f"call {number}: {error}", file=sys.stderr)


async def soak(total: int, at_once: int) -> None:
    with tempfile.TemporaryDirectory(prefix="coachwork-soak-") as name:
        models, database, fakes = room(Path(name))
        numbers = iter(range(total))
        seen, began = list[float](), time.monotonic()

        async def work() -> None:
            for number in numbers:
                await one(models, number)
                if number % 1000 == 0:
                    for fake in fakes:
                        fake.requests.clear()  # a fake keeps what it was asked: that is its use, and no leak
                if number % (total // 10) == 0:
                    gc.collect()
                    seen.append(memory_mb())

        await asyncio.gather(*(work() for _ in range(at_once)))
        await models.close()
        database.flush()
        gc.collect()
        seen.append(memory_mb())
        seconds = time.monotonic() - began
        rows = database.read_now(lambda c: c.execute(sa.select(sa.func.count()).select_from(calls)).scalar_one())
        left = len(asyncio.all_tasks()) - 1
        growth = 100 * (seen[-1] / seen[WARM_UP] - 1)
        print(f"{total:,} calls in {seconds:.0f} s, {at_once} at once; {rows:,} rows; {left} tasks left")
        print("memory in MB, each tenth:", *(f"{value:.1f}" for value in seen))
        print(f"from {total * WARM_UP // 10:,} calls on: {growth:+.1f} %")
        spans.stop()
        database.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--at-once", type=int, default=20)
    given = parser.parse_args()
    asyncio.run(soak(given.calls, given.at_once))
