"""What was received is not asked for again, even where the crash falls between the answer and its checkpoint."""

import asyncio
from typing import Any

from coachwork.pipelines.engine import once
from coachwork.pipelines.steps import step

asked: list[str] = []


@step
async def buy(what: str) -> str:
    asked.append(what)
    return f"{what}, paid"


async def shop(what: str) -> str:
    return await buy(what)


async def test_an_answer_that_came_before_the_crash_is_not_bought_again(start):
    asked.clear()
    answered = asyncio.Event()

    async def once_that_dies(name: str, call: Any, *args: Any) -> Any:
        """As `once`, in a process that dies after the step's own commit and before DBOS writes its checkpoint."""

        async def dying(*given: Any) -> Any:
            await call(*given)
            answered.set()
            await asyncio.Event().wait()

        return await once(name, dying, *args)

    runs = await start(shop, once=once_that_dies)
    run_id = (await runs.start("shop", {"what": "an answer"})).id
    await asyncio.wait_for(answered.wait(), 10)
    assert asked == ["an answer"]

    runs = await start(shop)
    run = await runs.wait(run_id, 20)
    assert (run.status, run.output) == ("succeeded", "an answer, paid")
    assert asked == ["an answer"]
    assert [found.status for found in run.steps] == ["succeeded"]
