"""Limits that agents share hold over a restart: what was spent before it counts before anything new is begun."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from coachwork.agents import Agent, Limits, together, tool
from coachwork.messages import ModelRequest, ToolCallPart, ToolResultPart
from coachwork.models import Models, ModelsConfig
from coachwork.pipelines.runs import Runs
from coachwork.prompts import Prompt, prompt
from coachwork.prompts.compiled import RouteModel
from coachwork.store.database import Database
from coachwork.store.tables import calls
from coachwork.testing import FakeModel
from coachwork.tracing.branches import gather

Start = Callable[..., Awaitable[Runs]]
TEXT = "---\nroute: smart\nmax_tokens: 50\n---\nAnswer.\n## user\n{{letter}}\n"
PRICES = {"input_usd_per_million": 1.0, "output_usd_per_million": 2.0}
LONG = "a long letter " * 300


@tool(reads=True, trusted=True)
async def read_mail(number: int) -> str:
    """Reads a mail."""
    return f"Mail {number}"


def results(request: ModelRequest) -> int:
    return sum(isinstance(part, ToolResultPart) for message in request.messages for part in message.parts)


def bound(folder: Path, database: Database, fake: FakeModel) -> Prompt[..., Any]:
    async def answer(letter: str) -> str: ...  # type: ignore[empty-body]

    (folder / "prompts").mkdir(exist_ok=True)
    (folder / "prompts" / "answer.md").write_text(TEXT)
    settings = {"routes": {"smart": {"models": ["fake:m"], "retries": 0}}, "models": {"fake:m": PRICES}}
    config = ModelsConfig.model_validate(settings)
    models = Models(config, database=database, cache_dir=folder, environ={}, extra_providers={"fake": fake})
    made: Prompt[..., Any] = prompt(answer)
    made.bind(folder, models, {"smart": [RouteModel("fake:m")]})
    return made


async def booked(database: Database, number: int) -> list[Any]:
    """The rows of the ledger, once there are so many."""
    for _ in range(2000):
        rows = await database.read(lambda connection: connection.execute(sa.select(calls)).all())
        if len(rows) >= number:
            return list(rows)
        await asyncio.sleep(0.01)
    raise AssertionError(f"{len(rows)} calls in the ledger, and not {number}")


async def test_turns_of_an_agent_that_is_replayed_late_count_before_another_goes_on(
    start: Start, tmp_path: Path
) -> None:
    restarted, b_asked = asyncio.Event(), asyncio.Event()

    async def says(request: ModelRequest) -> Any:
        if "B" in request.messages[-1].text and not restarted.is_set():
            b_asked.set()
            await asyncio.Event().wait()
        return "Read." if results(request) else ToolCallPart("r", "read_mail", '{"number": 1}')

    database = Database(f"sqlite:///{tmp_path}/test.db")
    fake = FakeModel(says, billed=True)
    reader = Agent(bound(tmp_path, database, fake), [read_mail])

    async def both(letter: str) -> list[str]:
        async def first() -> Any:
            if restarted.is_set():
                await asyncio.sleep(0.2)  # the other is faster now
            outcome = await reader.run("A")
            if not restarted.is_set():
                await b_asked.wait()
                done.set()
            return outcome

        with together(Limits(turns=3)):
            outcomes = await gather(a=first(), b=reader.run("B"))
        return [f"{name}: {one.status} {one.spent.turns}" for name, one in outcomes.items()]

    done = asyncio.Event()
    runs = await start(both)
    run_id = (await runs.start("both", {"letter": "?"})).id
    await asyncio.wait_for(done.wait(), 30)
    restarted.set()
    runs = await start(both)
    run = await runs.wait(run_id, 30)
    assert (run.status, run.output) == ("succeeded", ["a: done 2", "b: limit 1"])
    assert len(fake.requests) == 2 + 2  # B's first was cut, and asked again
    database.close()


async def test_money_that_was_spent_before_a_restart_is_counted_whoever_is_faster_after_it(
    start: Start, tmp_path: Path
) -> None:
    restarted, a_done = asyncio.Event(), asyncio.Event()

    async def says(request: ModelRequest) -> Any:
        return "Read."

    fake = FakeModel(says, billed=True)

    async def both(letter: str) -> list[Any]:
        async def first() -> Any:
            if restarted.is_set():
                await asyncio.sleep(0.2)
            outcome = await reader.run(LONG)
            a_done.set()
            return outcome

        async def second() -> Any:
            if not restarted.is_set():
                await asyncio.Event().wait()
            return await reader.run(LONG + "B")

        with together(Limits(usd=0.0055)) as account:
            outcomes = await gather(a=first(), b=second())
        spent = [one.spent.cost_nano for one in outcomes.values()]
        return [outcomes["a"].status, outcomes["b"].why, account.spent.cost_nano == sum(spent), spent[0]]

    runs = await start(both)
    database = Database(f"sqlite:///{tmp_path}/test.db")
    reader = Agent(bound(tmp_path, database, fake), [read_mail])
    run_id = (await runs.start("both", {"letter": "?"})).id
    await asyncio.wait_for(a_done.wait(), 30)
    [row] = await booked(database, 1)
    restarted.set()
    runs = await start(both)
    run = await runs.wait(run_id, 30)
    assert run.status == "succeeded"
    assert run.output[0] == "done"
    assert "these agents together has" in run.output[1]
    assert run.output[2:] == [True, row.cost_nano]  # what it tells is what the ledger has
    assert len(fake.requests) == 1
    database.close()


async def test_what_a_tool_had_asked_before_a_crash_cut_it_counts_for_the_agent(start: Start, tmp_path: Path) -> None:
    restarted, hangs = asyncio.Event(), asyncio.Event()

    async def says(request: ModelRequest) -> Any:
        text = request.messages[-1].text
        if text.startswith("second") and not restarted.is_set():
            hangs.set()
            await asyncio.Event().wait()
        if text.startswith("agent"):
            return ToolCallPart("t", "ask_twice", "{}")
        return "Told." if results(request) else "Read."

    fake = FakeModel(says, billed=True)

    async def one(letter: str) -> list[Any]:
        asked = bound(tmp_path, database, fake)

        @tool(reads=True, trusted=True)
        async def ask_twice() -> str:
            """Asks two models."""
            return f"{await asked('first ' + LONG)} {await asked('second ' + LONG)}"

        outcome = await Agent(asked, [ask_twice], limits=Limits(usd=0.03)).run("agent")
        return [outcome.value, outcome.spent.cost_nano]

    runs = await start(one)
    database = Database(f"sqlite:///{tmp_path}/test.db")
    run_id = (await runs.start("one", {"letter": "?"})).id
    await asyncio.wait_for(hangs.wait(), 30)
    await booked(database, 2)
    restarted.set()
    runs = await start(one)
    run = await runs.wait(run_id, 30)
    rows = await booked(database, 5)  # the agent's two, the tool's two, and the one that was cut
    assert (run.status, run.output[0], len(rows)) == ("succeeded", "Told.", 5)
    assert run.output[1] == sum(row.cost_nano for row in rows)
    database.close()
