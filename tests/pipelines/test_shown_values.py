"""The values of a structured answer, shown while they are written: one event that is replaced, and gone in the end."""

import asyncio
from collections.abc import Awaitable, Callable

from coachwork.pipelines.runs import Runs
from coachwork.pipelines.steps import step
from coachwork.tracing.scope import current_scope

Start = Callable[..., Awaitable[Runs]]


async def test_a_reader_sees_values_grow_and_then_the_result_alone(start: Start) -> None:
    seen: asyncio.Queue[int] = asyncio.Queue()

    @step
    async def fill() -> int:
        current_scope().partial({"lines": 0})  # in one moment with the next: only the last is told
        for lines in (1, 2, 3):
            current_scope().partial({"lines": lines})
            assert await seen.get() == lines
        return 3

    async def form() -> int:
        return await fill()

    runs = await start(form)
    run = await runs.start("form", {})
    numbers, values = [], []
    async for number, event in runs.events(run.id, 0):
        numbers.append(number)
        if event["type"] == "data-partial":
            values.append(event["data"]["value"])
            if values[-1] is not None:
                seen.put_nowait(values[-1]["lines"])
    assert values == [{"lines": 1}, {"lines": 2}, {"lines": 3}, None]
    assert numbers == sorted(set(numbers))
    assert (await runs.get(run.id)).output == 3
    later = [event["data"]["value"] async for _, event in runs.events(run.id, 0) if event["type"] == "data-partial"]
    assert later == [None]  # one event, however often it was told; no value that was only on its way
