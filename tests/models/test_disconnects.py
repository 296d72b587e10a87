"""A thousand clients that go away at random moments: over real HTTP, nothing is lost and nothing is left."""

import asyncio
import random
from contextlib import aclosing

import pytest
import sqlalchemy as sa

from coachwork.messages import Finished, Message, ModelRequest, TextDelta
from coachwork.models import ModelConfig, Models, ModelsConfig, ProviderConfig, RouteConfig
from coachwork.models.config import BudgetConfig
from coachwork.store.database import Database
from coachwork.store.tables import calls
from coachwork.testing import ProviderServer

ASK = ModelRequest((Message.of("user", "Please repeat this sentence of mine, which has a good number of words in it"),))
PRICE = ModelConfig(input_usd_per_million=1, output_usd_per_million=4, at_once=16, requests_per_minute=100_000)


async def until(true) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110  what it waits for is in another thread
            await asyncio.sleep(0.01)


@pytest.fixture
def here(tmp_path):
    """Models with money, limits and a ledger, and the server they ask."""
    with ProviderServer(faults=["slow-stream-2"]) as server:
        database = Database(f"sqlite:///{tmp_path / 'test.db'}")
        database.migrate()
        models = Models(
            ModelsConfig(
                routes={  # tried again: on a busy machine the 5 s to connect may pass, which is not what is tried here
                    "smart": RouteConfig(models=["loop:m"], retries=2),
                    "hedged": RouteConfig(models=["loop:m"], retries=2, hedge_seconds=0.01),
                    "kept": RouteConfig(models=["loop:m"], retries=2, cache="exact"),
                },
                models={"loop:m": PRICE},
                providers={"loop": ProviderConfig(base_url=f"{server.url}/v1")},
                budgets=[BudgetConfig(scope="installation", usd=1000)],
            ),
            database=database,
            cache_dir=tmp_path,
            environ={},
        )
        yield server, database, models
        database.close()


def rows_of(database: Database) -> list:
    database.flush()
    return database.read_now(lambda c: [row._mapping for row in c.execute(sa.select(calls))])


async def client(models: Models, route: str, luck: random.Random) -> str:
    """Leaves after some events, or is cancelled at some moment, or stays; says which of ok and cancelled it saw."""

    async def read(most: float) -> str:
        async with aclosing(models.stream(route, ASK)) as events:
            async for event in events:
                if isinstance(event, Finished):
                    return "ok"
                most -= isinstance(event, TextDelta)
                if most <= 0:
                    break
        return "cancelled"

    if luck.random() < 0.5:
        return await read(luck.choice([1, 2, 5, 10, 1000]))
    task = asyncio.create_task(read(1000))
    asyncio.get_running_loop().call_later(luck.uniform(0, 0.2), task.cancel)
    await asyncio.wait([task])
    return "cancelled" if task.cancelled() else task.result()


@pytest.mark.slow
@pytest.mark.parametrize(("route", "count"), [("smart", 1000), ("hedged", 100), ("kept", 200)])
async def test_clients_that_go_away_leave_correct_rows_and_nothing_else(here, route, count):
    server, database, models = here
    await models.complete("smart", ModelRequest((Message.of("user", "Are you there?"),)))  # the SDK is imported
    tasks_before = asyncio.all_tasks()
    luck = random.Random(7)
    turn = asyncio.Semaphore(20)  # more than may ask at once, and few enough to connect in time on a busy machine

    async def one(seed: int) -> str:
        async with turn:
            return await client(models, route, random.Random(seed))

    seen = await asyncio.gather(*(one(luck.getrandbits(32)) for _ in range(count)))

    rows = rows_of(database)[1:]
    assert len(rows) == count
    assert {row["outcome"] for row in rows} == {"ok", "cancelled"}
    assert [row["outcome"] for row in rows].count("ok") == seen.count("ok")
    whole = {request.usage.output_tokens for request in server.requests if request.outcome == "whole"}
    for row in rows:
        if route == "smart":
            assert row["input_tokens"] > 0 or row["first_token_ms"] is None
            assert row["estimated"] == (row["outcome"] == "cancelled") or row["input_tokens"] == 0
            assert row["outcome"] == "cancelled" or row["output_tokens"] in whole
        assert row["cost_nano"] == 1000 * row["input_tokens"] + 4000 * row["output_tokens"]

    assert asyncio.all_tasks() == tasks_before
    await until(lambda: all(request.outcome != "open" for request in server.requests))
    await models.close()
    (budget,) = await models.budgets()
    assert (budget.spent_nano, budget.held_nano) == (sum(row["cost_nano"] for row in rows_of(database)), 0)
    await until(lambda: server.open_connections == 0)
    with database.engine.connect() as connection:
        assert connection.execute(sa.text("select count(*) from places")).scalar() == 0
