"""Parallel branches keep their numbers: whatever the timing, a run that is taken up again finds every step."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import structlog

from coachwork.errors import InputError, NotFound, RunFailed
from coachwork.pipelines import journal
from coachwork.pipelines.approvals import approval
from coachwork.pipelines.pipeline import Pipeline
from coachwork.pipelines.runs import Runs
from coachwork.pipelines.steps import step
from coachwork.store.database import Database
from coachwork.tracing.branches import gather, map_over

Start = Callable[..., Awaitable[Runs]]
Until = Callable[[Callable[[], bool | Awaitable[bool]]], Awaitable[None]]
done: list[str] = []
left: list[int] = []  # how many more are done before the process hangs for ever, as if it had been killed there


@step
async def work(name: str, ms: int) -> str:
    if left:
        left[0] -= 1
        if left[0] < 0:
            await asyncio.Event().wait()
    await asyncio.sleep(ms / 1000)
    done.append(name)
    return name.upper()


async def chain(name: str, lengths: list[int]) -> str:
    return "".join([await work(f"{name}{n}", ms) for n, ms in enumerate(lengths)])


async def nested(seed: int) -> list[str]:
    """Branches of different lengths, one of them with branches of its own, then a step after all of them."""
    dice = random.Random(seed)
    lengths = [[dice.randrange(12) for _ in range(dice.randrange(4))] for _ in range(6)]
    inner = gather(chain("x", lengths[0]), chain("y", lengths[1]))
    a, (x, y), b = await gather(chain("a", lengths[2]), inner, chain("b", lengths[3]))
    more = await map_over(lambda n: chain(f"m{n}_", lengths[4]), range(5), at_once=2)
    named = await gather(c=chain("c", lengths[5]), d=work("d", 1))
    last = await work("last", 1)
    return [a, x, y, b, *more, *named.values(), last]


@pytest.mark.slow
async def test_steps_keep_their_places_over_crashes_at_any_moment(start: Start) -> None:
    for seed in range(2):
        done.clear()
        runs = await start(nested)
        whole = await runs.wait((await runs.start("nested", {"seed": seed})).id, 30)
        assert whole.status == "succeeded", whole.error
        names = sorted(done)
        assert len(names) == len(set(names)) == len(whole.steps)

        done.clear()
        left[:] = [random.Random(seed + 100).randrange(1, len(names))]
        runs = await start(nested)
        run_id = (await runs.start("nested", {"seed": seed})).id
        await _until_quiet()
        left.clear()
        runs = await start(nested)
        again = await runs.wait(run_id, 30)
        assert (again.status, again.output) == ("succeeded", whole.output), again.error
        numbered = lambda run: sorted((found.place, found.input["name"], found.within) for found in run.steps)  # noqa: E731
        assert numbered(again) == numbered(whole)
        assert set(done) == set(names)
        assert len(done) <= len(names) + 4  # what was at work in a branch when it died is done again, nothing else


async def _until_quiet() -> None:
    """Until nothing was done for a while: every branch has met its end."""
    before = -1
    while before != len(done):
        before = len(done)
        await asyncio.sleep(0.15)


async def test_a_step_tells_where_in_the_code_it_stands(start: Start) -> None:
    async def inner(name: str) -> str:
        return await work(name, 0)

    child = Pipeline(inner)

    async def outer() -> None:
        await work("top", 0)
        for _twice in range(2):
            await gather(price=work("p", 0), stock=chain("s", [0, 0]))
        await map_over(child, ["x", "y"], at_once=1)
        await child("alone")

    runs = await start(outer)
    run = await runs.wait((await runs.start("outer", {})).id, 30)
    told = [(step.input, [f"{one.kind} {one.group} {one.name}" for one in step.within]) for step in run.steps]
    assert [(given["name"], *places) for given, places in told] == [
        ("top",),
        ("p", "branch 1 price"),
        ("s0", "branch 1 stock"),
        ("s1", "branch 1 stock"),
        ("p", "branch 2 price"),
        ("s0", "branch 2 stock"),
        ("s1", "branch 2 stock"),
        ("x", "item 3 1", "pipeline 1 inner"),
        ("y", "item 3 2", "pipeline 1 inner"),
        ("alone", "pipeline 4 inner"),
    ]


async def test_all_branches_end_before_the_first_error_is_raised(start: Start) -> None:
    done.clear()

    @step
    async def fails(name: str) -> str:
        raise NotFound(f"no {name}")

    async def several() -> str:
        try:
            await gather(fails("one"), work("slow", 30), fails("two"))
        except NotFound as error:
            return error.message
        return "nothing"

    runs = await start(several)
    run = await runs.wait((await runs.start("several", {})).id, 30)
    assert (run.output, done) == ("no one", ["slow"])


async def test_no_more_are_at_work_than_may_be_and_results_keep_their_order() -> None:
    now, most = 0, 0

    async def one(number: int) -> int:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.005 * (number % 3))
        now -= 1
        return number * 10

    assert await map_over(one, range(10), at_once=3) == [number * 10 for number in range(10)]
    assert most == 3
    assert await map_over(one, []) == []
    with pytest.raises(InputError, match="at_once=0"):
        await map_over(one, [1], at_once=0)
    with pytest.raises(InputError, match="with and without names"):
        await gather(one(1), more=one(2))  # type: ignore[call-overload]


async def test_a_person_is_asked_inside_a_branch_and_the_others_go_on_to_their_end(start: Start) -> None:
    done.clear()

    async def asking() -> list[object]:
        async def ask() -> str:
            return (await approval("Is this right?", "value")).status

        return list(await gather(ask(), chain("a", [1, 1])))

    runs = await start(asking)
    run_id = (await runs.start("asking", {})).id
    async for _number, event in runs.events(run_id, 0):
        if event["type"] == "data-approval":
            approval_id = str(event["id"])
        if event["type"] == "data-run" and event["data"]["status"] == "waiting":
            break
    assert done == ["a0", "a1"]
    runs = await start(asking)
    await runs.answer(approval_id, "accept", None, "", "ann")
    run = await runs.wait(run_id, 30)
    assert (run.status, run.output) == ("succeeded", ["accepted", "A0A1"]), run.error
    assert sorted(done) == ["a0", "a1"]
    assert {(step.kind, step.within[0].name) for step in run.steps} == {("approval", "1"), ("step", "2")}


async def test_a_branch_hears_of_a_decision_elsewhere_although_the_database_failed_meanwhile(
    start: Start, tmp_path: Path, until: Until
) -> None:
    gate = asyncio.Event()

    @step
    async def long_work() -> str:
        await gate.wait()
        return "done"

    async def asking() -> list[str]:
        async def ask() -> str:
            status = (await approval("Is this right?", "value")).status
            gate.set()
            return status

        return list(await gather(ask(), long_work()))

    runs = await start(asking)
    run_id = (await runs.start("asking", {})).id
    await until(lambda: any(task.get_name() == "coachwork-approvals" for task in asyncio.all_tasks()))  # it is asked
    elsewhere = Database(f"sqlite:///{tmp_path}/test.db")
    with structlog.testing.capture_logs() as told:
        await elsewhere.write(lambda c: c.exec_driver_sql("alter table approvals rename to hidden"))
        await until(lambda: any(event["event"] == "approvals.look_failed" for event in told))
        await elsewhere.write(lambda c: c.exec_driver_sql("alter table hidden rename to approvals"))
    (asked,) = (await runs.get(run_id)).approvals
    await elsewhere.write(
        lambda c: journal.approval_decided(c, asked.id, "accepted", decision=None, comment="", by="ann")
    )
    elsewhere.close()
    run = await runs.wait(run_id, 30)
    assert (run.status, run.output) == ("succeeded", ["accepted", "done"]), run.error


async def test_an_error_of_the_applications_own_code_is_the_same_one_on_replay(start: Start) -> None:
    @step
    async def breaks() -> str:
        raise ValueError("kaputt")

    async def trying() -> str:
        try:
            await gather(breaks(), work("a", 1))
        except RunFailed as error:
            return type(error).__name__
        return ""

    runs = await start(trying)
    assert (await runs.wait((await runs.start("trying", {})).id, 30)).output == "RunFailed"
