"""What was received is not asked for again, even where the process dies right after the answer was kept."""

import asyncio

from coachwork.pipelines.steps import step

asked: list[str] = []
kept = asyncio.Event()


@step
async def buy(what: str) -> str:
    asked.append(what)
    return f"{what}, paid"


async def shop(what: str) -> str:
    answer = await buy(what)
    if not kept.is_set():
        kept.set()
        await asyncio.Event().wait()  # the process dies here
    return answer


async def test_an_answer_that_came_before_the_crash_is_not_bought_again(start):
    asked.clear()
    kept.clear()
    runs = await start(shop)
    run_id = (await runs.start("shop", {"what": "an answer"})).id
    await asyncio.wait_for(kept.wait(), 10)
    assert asked == ["an answer"]

    runs = await start(shop)
    run = await runs.wait(run_id, 20)
    assert (run.status, run.output) == ("succeeded", "an answer, paid")
    assert asked == ["an answer"]
    assert [found.status for found in run.steps] == ["succeeded"]
