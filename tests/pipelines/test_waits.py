"""Time in a run: it sleeps without a worker, has a deadline, is tried again, and asks before it does a thing twice."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from coachwork.errors import CoachworkError, InDoubt, InputError, NotFound, ProjectError
from coachwork.pipelines.approvals import approval
from coachwork.pipelines.durations import rate_of
from coachwork.pipelines.pipeline import Queue
from coachwork.pipelines.runs import Runs
from coachwork.pipelines.steps import step
from coachwork.pipelines.waits import sleep
from coachwork.tracing.branches import gather

Start = Callable[..., Awaitable[Runs]]
done: list[str] = []


@step
async def work(name: str) -> str:
    done.append(name)
    return name


async def until(runs: Runs, run_id: str, status: str) -> Any:
    async with asyncio.timeout(30):
        while (run := await runs.get(run_id)).status != status:  # noqa: ASYNC110  another process could be who ends it
            await asyncio.sleep(0.02)
    return run


@pytest.mark.slow
async def test_a_run_sleeps_without_a_task_and_over_a_restart(start: Start) -> None:
    done.clear()

    async def patient() -> str:
        await work("before")
        await sleep(0.05)  # not worth being put back
        await sleep("1.5s")
        return await work("after")

    runs = await start(patient)
    run_id = (await runs.start("patient", {})).id
    await until(runs, run_id, "waiting")
    async with asyncio.timeout(20):
        while any(task.get_name() == f"run {run_id}" for task in asyncio.all_tasks()):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    runs = await start(patient)
    run = await until(runs, run_id, "succeeded")
    assert done == ["before", "after"]
    assert [found.kind for found in run.steps] == ["step", "sleep", "sleep", "step"]
    assert run.steps[2].seconds >= 1.5


async def test_what_stands_in_finally_is_done_at_the_end_and_not_when_the_run_is_put_back(start: Start) -> None:
    done.clear()

    async def tidy() -> str:
        try:
            return (await approval("Well?", "x")).status
        finally:
            await work("tidied")

    runs = await start(tidy)
    run_id = (await runs.start("tidy", {})).id
    [asked] = (await until(runs, run_id, "waiting")).approvals
    runs = await start(tidy)
    assert done == []
    await runs.answer(asked.id, "accept", None, "", "ann")
    await until(runs, run_id, "succeeded")
    assert done == ["tidied"]


@pytest.mark.slow
async def test_a_branch_sleeps_while_another_works(start: Start) -> None:
    async def both() -> dict[str, Any]:
        async def slow() -> str:
            await sleep("1.2s")
            return await work("slow")

        return await gather(slow=slow(), quick=work("quick"))

    runs = await start(both)
    run_id = (await runs.start("both", {})).id
    await until(runs, run_id, "waiting")
    assert (await until(runs, run_id, "succeeded")).output == {"slow": "slow", "quick": "quick"}


@pytest.mark.parametrize("time", ["soon", -1, 1e12])
async def test_what_is_no_time_is_named(start: Start, time: Any) -> None:
    async def odd() -> str:
        try:
            await sleep(time)
        except ValueError as error:
            return str(error)
        return ""

    runs = await start(odd)
    assert repr(time) in str((await until(runs, (await runs.start("odd", {})).id, "succeeded")).output)


@pytest.mark.slow
async def test_a_run_that_is_late_is_stopped_whether_it_works_or_waits(start: Start) -> None:
    async def working() -> str:
        await asyncio.Event().wait()
        return ""

    async def asking() -> str:
        return (await approval("Well?", "x")).status

    runs = await start(working, asking)
    with pytest.raises(InputError, match="deadline 'soon' is not a time"):
        await runs.start("working", {}, deadline="soon")
    ids = [(await runs.start(name, {}, deadline="1.2s", priority=3)).id for name in ("working", "asking")]
    for run_id in ids:
        run = await until(runs, run_id, "failed")
        assert (run.error["code"], run.priority) == ("deadline-exceeded", 3)
        assert "had 1.2 s" in run.error["message"]
    assert [found.status for found in (await runs.get(ids[1])).approvals] == ["cancelled"]


async def test_a_failure_that_may_pass_is_tried_again(start: Start) -> None:
    tries: list[str] = []

    @step(retries=2, wait=0.001)
    async def shaky(times: int) -> str:
        tries.append("try")
        if len(tries) <= times:
            raise ConnectionError("no answer")
        return "there"

    @step(retries=2, wait=0.001)
    async def final() -> str:
        tries.append("final")
        raise NotFound("never there")

    async def trying(times: int) -> str:
        return await shaky(times)

    async def at_once() -> str:
        return await final()

    runs = await start(trying, at_once)
    run = await until(runs, (await runs.start("trying", {"times": 2})).id, "succeeded")
    assert (len(tries), run.steps[0].detail) == (3, "at try 3")
    tries.clear()
    await until(runs, (await runs.start("trying", {"times": 9})).id, "failed")
    assert len(tries) == 3
    tries.clear()
    await until(runs, (await runs.start("at_once", {})).id, "failed")
    assert tries == ["final"]
    with pytest.raises(ProjectError, match="retries=-1"):
        step(retries=-1)(work)


@pytest.mark.parametrize(("word", "times"), [("accept", 2), ("reject", 1)])
async def test_what_must_not_happen_twice_is_asked_for_after_a_crash(start: Start, word: Any, times: int) -> None:
    sent: list[str] = []
    hangs = [True]

    @step(repeatable=False)
    async def send() -> str:
        """Sending the money."""
        sent.append("sent")
        if hangs:
            await asyncio.Event().wait()
        return "sent"

    async def paying() -> str:
        try:
            return await send()
        except InDoubt:
            return "left"

    runs = await start(paying)
    run_id = (await runs.start("paying", {})).id
    async with asyncio.timeout(30):
        while not sent:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    hangs.clear()
    runs = await start(paying)
    [asked] = (await until(runs, run_id, "waiting")).approvals
    assert "Sending the money" in asked.title
    await runs.answer(asked.id, word, None, "", "ann")
    run = await until(runs, run_id, "succeeded")
    assert (run.output, len(sent)) == ("sent" if word == "accept" else "left", times)


async def test_outside_of_a_run_nothing_sleeps() -> None:
    with pytest.raises(CoachworkError, match="inside a run only"):
        await sleep(1)


def test_rates_are_read_or_named() -> None:
    assert [rate_of(text) for text in ("30/m", "5/10s", "1/1.5h")] == [(30, 60.0), (5, 10.0), (1, 5400.0)]
    for text in ("30", "0/m", "m/30", "3/x"):
        with pytest.raises(ValueError, match="is no rate"):
            rate_of(text)
    assert Queue.written(rate_of, 2, "30/m", 1, "2h") == Queue(2, 30, 60.0, 1, 7200.0)
    with pytest.raises(ProjectError, match="pipeline 'rate_of': concurrency=0"):
        Queue.written(rate_of, 0, None, 0, None)
