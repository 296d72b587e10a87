"""What was received is not asked for again, even where the crash falls inside of a step that asked for more."""

import asyncio
from typing import Any

from coachwork.pipelines.run_scope import current_run
from coachwork.pipelines.steps import step
from coachwork.tracing.scope import current_scope

asked: list[str] = []
hangs = asyncio.Event()


@step
async def buy(what: str) -> str:
    asked.append(what)
    return f"{what}, paid"


@step
async def shop_for(list_: list[str]) -> list[str]:
    bought = [await buy(what) for what in list_]
    if not hangs.is_set():
        hangs.set()
        await asyncio.Event().wait()
    return bought


async def shop(list_: list[str]) -> list[str]:
    return await shop_for(list_)


async def test_an_answer_that_came_before_the_crash_is_not_bought_again(start: Any) -> None:
    asked.clear()
    runs = await start(shop)
    run_id = (await runs.start("shop", {"list_": ["bread", "salt"]})).id
    await asyncio.wait_for(hangs.wait(), 20)

    runs = await start(shop)
    run = await runs.wait(run_id, 20)
    assert (run.status, run.output) == ("succeeded", ["bread, paid", "salt, paid"])
    assert asked == ["bread", "salt"]
    assert sorted((found.place, found.status) for found in run.steps) == [
        ("1", "succeeded"),
        ("1/1", "succeeded"),
        ("1/2", "succeeded"),
    ]


async def test_what_a_step_received_is_kept_until_it_has_ended(start: Any) -> None:
    bought: list[int] = []
    cut = asyncio.Event()

    @step
    async def ask_twice() -> list[str]:
        answers = []
        for _ in range(2):
            number, kept = await current_scope().received("how much")
            if kept is None:
                bought.append(number)
                kept = f"answer {number}"
                keep = current_scope().keeping("how much", number, kept)
                assert keep is not None
                await current_run("keeping").services.database.write(keep)
            answers.append(str(kept))
        if not cut.is_set():
            cut.set()
            await asyncio.Event().wait()
        return answers

    async def asking() -> list[str]:
        return await ask_twice()

    runs = await start(asking)
    run_id = (await runs.start("asking", {})).id
    await asyncio.wait_for(cut.wait(), 20)
    runs = await start(asking)
    run = await runs.wait(run_id, 20)
    assert (run.output, bought) == (["answer 1", "answer 2"], [1, 2])
