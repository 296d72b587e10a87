"""Batches by what they may spend, what is tried again, and who brings them on."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from coachwork.agents import Agent, Limits
from coachwork.errors import Conflict
from coachwork.messages import Message, ModelRequest, StepRecord
from coachwork.models import ModelConfig, Models, ModelsConfig, RouteConfig
from coachwork.pipelines.batch_feeder import Feeder, affords
from coachwork.pipelines.batches import Batches, Table
from coachwork.pipelines.pipeline import Pipeline
from coachwork.pipelines.steps import step
from coachwork.prompts import prompt
from coachwork.prompts.compiled import RouteModel
from coachwork.store.database import Database
from coachwork.testing import FakeModel, line
from coachwork.tracing.scope import current_scope

CENT = 10_000_000  # in 1e-9 USD
broken: set[int] = set()
worked: list[int] = []


async def paid(number: int) -> int:
    """Costs a cent, also where it fails."""

    async def work() -> int:
        worked.append(number)
        return number

    await current_scope().step(StepRecord(kind="prompt", name="paid", label="", cost_nano=CENT), work)
    if number in broken:
        raise ValueError("kaputt")
    return number


async def other(number: int) -> int:
    return number


PIPELINES = {f.__name__: Pipeline(f) for f in (paid, other)}
TABLE = Table("numbers.csv", b"number\n" + b"".join(b"%d\n" % number for number in range(8)))


@pytest.fixture
async def database(start, tmp_path: Path) -> AsyncIterator[Database]:
    broken.clear()
    worked.clear()
    opened = Database(f"sqlite:///{tmp_path}/test.db")
    opened.migrate()
    yield opened
    opened.close()


def desk(database: Database, *, at_once: int = 2) -> Batches:
    return Batches(PIPELINES, database, at_once=at_once)


@pytest.mark.parametrize(
    ("cap", "spent", "open_rows", "highest", "ended", "rows"),
    [
        (100, 0, 0, 0, 0, 1),  # nobody knows what a row costs: one shows it
        (100, 0, 1, 0, 0, 0),
        (100, 10, 0, 10, 1, 9),
        (100, 10, 2, 10, 1, 7),
        (100, 95, 0, 10, 9, 0),
        (100, 100, 0, 0, 4, 0),
        (100, 0, 3, 0, 4, 1_000_000),  # they cost nothing
    ],
)
def test_rows_begin_only_where_the_dearest_so_far_fits(cap, spent, open_rows, highest, ended, rows):
    assert affords(cap, spent, open_rows, highest, ended) == rows


async def test_a_cap_pauses_the_batch_and_a_higher_one_lets_it_go_on(start, database):
    runs, batches = await start(paid), desk(database)
    feeder = Feeder(batches, runs, database)
    batch = await batches.start("paid", TABLE, cap_usd=0.035)
    await feeder.feed_only(batch.id)
    batch = await batches.get(batch.id)
    assert (batch.status, batch.spent_usd, batch.counts["succeeded"], batch.counts["queued"]) == ("paused", 0.03, 3, 5)
    assert "the cap of $0.035 is near: $0.03 are spent" in batch.reason

    await batches.resume(batch.id, cap_usd=1)
    await feeder.feed_only(batch.id)
    batch = await batches.get(batch.id)
    assert (batch.status, batch.spent_usd, batch.reason) == ("finished", 0.08, "")
    estimate = await batches.check("paid", TABLE)
    assert (estimate.from_runs, estimate.likely_usd, estimate.highest_usd) == (8, 0.08, 0.08)


async def test_no_worker_spends_past_the_cap_and_rows_it_refused_go_on_under_a_higher_one(start, database):
    sent: list[str] = []

    async def answer(request: ModelRequest) -> str:
        sent.append(request.messages[0].text)
        await asyncio.sleep(0.01)
        return "x"

    route, price = RouteConfig(models=["lab:m"]), ModelConfig(input_usd_per_million=0, output_usd_per_million=1e6)
    config = ModelsConfig(routes={"smart": route}, models={"lab:m": price})  # a dollar for each token of an answer
    billed = {"lab": FakeModel(answer, billed=True)}
    of_two_workers = [
        Models(config, database=database, cache_dir=Path("/nowhere"), environ={}, extra_providers=billed) for _ in "ab"
    ]

    @step
    async def buy(number: int) -> str:
        asked = ModelRequest((Message.of("user", str(number)),), max_tokens=2)
        return (await of_two_workers[number % 2].complete("smart", asked)).text

    async def bought(number: int) -> str:
        return await buy(number)

    runs = await start(bought)
    batches = Batches({"bought": Pipeline(bought)}, database, at_once=2)  # so some are in line when one is refused
    feeder = Feeder(batches, runs, database)
    batch = await batches.start("bought", TABLE, cap_usd=5.5)
    await feeder.feed_only(batch.id)
    batch = await batches.get(batch.id)
    assert (batch.status, batch.counts["succeeded"], len(sent)) == ("paused", 4, 4)  # a fifth could have cost $2
    assert "the batch 'batch_" in batch.reason
    assert "left of $5.50 in all" in batch.reason
    refused = (await batches.rows(batch.id, status="failed")).items
    assert refused
    assert all(row.error["code"] == "budget-exceeded" for row in refused)
    [standing] = await of_two_workers[0].budgets()
    assert (standing.scope, standing.name, standing.limit_nano) == ("batch", batch.id, 5_500_000_000)

    await batches.resume(batch.id, cap_usd=20)
    await feeder.feed_only(batch.id)
    batch = await batches.get(batch.id)
    assert (batch.status, batch.counts["succeeded"], len(sent)) == ("finished", 8, 8)
    with pytest.raises(Conflict, match="no row that a budget refused"):
        await batches.retry(batch.id, budget_only=True)
    for models in of_two_workers:
        await models.close()


async def test_rows_whose_agents_a_budget_stopped_are_found_again_and_those_at_their_own_limits_are_not(
    start, database, tmp_path: Path
):
    """Row 0 stops at a limit of its agent, rows 1 and 2 at the budget of the installation."""
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "answer.md").write_text("---\nroute: smart\nmax_tokens: 2\n---\nHi.\n## user\n{{number}}\n")
    route, price = RouteConfig(models=["lab:m"]), ModelConfig(input_usd_per_million=0, output_usd_per_million=1e6)
    billed = {"lab": FakeModel([line("x", times=None)], billed=True)}

    def models(usd: float) -> Models:
        budget = {"scope": "installation", "usd": usd, "per": "total"}
        settings = {"routes": {"smart": route}, "models": {"lab:m": price}, "budgets": [budget]}
        config = ModelsConfig.model_validate(settings)
        return Models(config, database=database, cache_dir=tmp_path, environ={}, extra_providers=billed)

    async def answer(number: int) -> str: ...

    asked = prompt(answer)

    async def agents(number: int) -> str:
        return await Agent(asked, limits=Limits(usd=1 if number == 0 else 50))(number)

    async def fed(usd: float) -> list[int]:
        mine = models(usd)
        asked.bind(tmp_path, mine, {"smart": [RouteModel("lab:m")]})
        await Feeder(batches, runs, database).feed_only(batch.id)
        await mine.close()
        return [row.row for row in (await batches.rows(batch.id, status="failed")).items]

    runs = await start(agents)
    batches = Batches({"agents": Pipeline(agents)}, database, at_once=4)
    batch = await batches.start("agents", Table("numbers.csv", b"number\n0\n1\n2\n"))
    failed = await fed(usd=1)
    rows = {row.row: row for row in (await batches.rows(batch.id)).items}
    assert {row.error["code"] for row in rows.values()} == {"agent-stopped"}
    first, *others = failed
    assert "the agent 'answer' has $1.000000 left" in rows[first].error["message"]
    assert all("The budget of the whole installation" in rows[row].error["message"] for row in others)

    with pytest.raises(Conflict, match="no row that a budget refused") as nothing:
        await batches.retry(batch.id, [first], budget_only=True)
    assert "limits of their own" in nothing.value.hint
    await batches.retry(batch.id, budget_only=True)
    assert await fed(usd=20) == [first]


async def test_failed_rows_alone_are_tried_again_and_what_they_cost_is_kept(start, database):
    runs, batches = await start(paid), desk(database)
    feeder = Feeder(batches, runs, database)
    broken.update({2, 5})
    batch = await batches.start("paid", TABLE)
    await feeder.feed_only(batch.id)
    batch = await batches.get(batch.id)
    assert (batch.counts["succeeded"], batch.counts["failed"]) == (6, 2)

    broken.discard(2)
    await batches.retry(batch.id)
    await feeder.feed_only(batch.id)
    batch = await batches.get(batch.id)
    assert (batch.status, batch.counts["succeeded"], batch.counts["failed"]) == ("finished", 7, 1)
    assert batch.spent_usd == 0.1
    assert sorted(worked) == sorted([*range(8), 2, 5])
    [failed] = (await batches.rows(batch.id, status="failed")).items
    assert (failed.row, failed.tries, failed.error["code"]) == (6, 2, "run-failed")


async def test_two_processes_that_feed_one_batch_start_no_row_twice(start, database, until):
    runs, batches = await start(paid), desk(database)
    batch = await batches.start("paid", TABLE)
    for feeder in (feeders := [Feeder(batches, runs, database) for _ in range(3)]):
        feeder.start()

    async def finished() -> bool:
        return (await batches.get(batch.id)).status == "finished"

    await until(finished)
    for feeder in feeders:
        await feeder.stop()
    assert sorted(worked) == list(range(8))


async def test_a_pipeline_that_changed_refuses_its_rows_and_one_that_is_gone_too(start, database):
    runs, batches = await start(paid), desk(database)
    batch = await batches.start("other", Table("n.jsonl", b'{"number": 1}\n'))
    await Feeder(batches, runs, database).feed_only(batch.id)  # a process whose code has no such pipeline
    [row] = (await batches.rows(batch.id)).items
    assert (row.status, row.error["code"]) == ("refused", "not-found")
    assert (await batches.get(batch.id)).status == "finished"
