"""How a prompt's answers were won: counted by model over runs, beside the time before."""

from collections.abc import Awaitable, Callable
from typing import Any

from coachwork.errors import OutputRefused
from coachwork.messages import StepRecord
from coachwork.pipelines.answers import compared
from coachwork.pipelines.runs import Runs
from coachwork.store.database import Database
from coachwork.tracing.scope import recorded

Start = Callable[..., Awaitable[Runs]]
DAY = 86_400_000


async def ask(model: str, how: str, **more: Any) -> str:
    async def call() -> str:
        if not how:
            raise OutputRefused("no Triage", raw="?", reasons=["team: is missing"])
        return "answer"

    return await recorded(StepRecord(kind="prompt", name="triage", model=model, how=how, **more), str, call)


async def work(model: str, how: str, cached: bool) -> None:
    await ask(model, how, cached=cached)


async def test_answers_are_counted_by_model_and_by_how_they_were_won(start: Start, tmp_path: Any) -> None:
    runs = await start(work)
    given = [("big", "native"), ("big", "repaired"), ("big", "native"), ("big", ""), ("small", "reasked")]
    for model, how in given:
        run = await runs.start("work", {"model": model, "how": how, "cached": False})
        ended = await runs.wait(run.id, 30)
    run = await runs.start("work", {"model": "small", "how": "strict", "cached": True})  # says nothing of the model
    ended = await runs.wait(run.id, 30)
    at = int(ended.steps[0].started_at.timestamp() * 1000)

    database = Database(f"sqlite:///{tmp_path}/test.db")
    try:
        big, small = database.read_now(lambda c: compared(c, "triage", 1, at + 1000))
        later = database.read_now(lambda c: compared(c, "triage", 1, at + DAY + 1000))
        nobody = database.read_now(lambda c: compared(c, "triage", 1, at - DAY))
    finally:
        database.close()
    assert (big.model, big.now.asked, big.now.at_once) == ("big", 4, 0.5)
    assert (big.now.how, big.now.failed) == ({"native": 2, "repaired": 1}, {"output-refused": 1})
    assert (small.model, small.now.how, small.now.at_once) == ("small", {"reasked": 1}, 0.0)
    assert big.before.at_once is None
    assert [(each.model, each.now.asked, each.before.asked) for each in later] == [("big", 0, 4), ("small", 0, 1)]
    assert nobody == []
