"""Waiting, deadlines, tries again, steps that must not happen twice, and code that changed under a run."""

import asyncio

import pytest

from coachwork.errors import RateLimited, Rejected
from coachwork.pipelines.runs import Runs
from coachwork.pipelines.steps import step
from coachwork.pipelines.waits import patched, sleep

done: list[str] = []
hang = asyncio.Event()


@pytest.fixture(autouse=True)
def _clean() -> None:
    done.clear()


@step
async def work(name: str) -> str:
    done.append(name)
    return name


async def nap(time: str) -> str:
    await work("before")
    await sleep(time)
    await sleep("0.1s")
    return await work("after")


async def ended(runs: Runs, pipeline: str, **input: object):
    return await runs.wait((await runs.start(pipeline, input)).id, 20)


async def test_a_sleeping_run_holds_no_place_and_wakes_in_another_process(start, until):
    runs = await start(nap, hurry, concurrency=1)
    run_id = (await runs.start("nap", {"time": "2s"})).id
    await until(lambda: done)
    other = await ended(runs, "hurry", text="x")
    assert other.status == "succeeded"
    assert (await runs.get(run_id)).status == "running"
    runs = await start(nap)
    run = await runs.wait(run_id, 20)
    assert run.output == "after"
    assert done == ["before", "after"]
    slept = run.steps[1]
    assert (slept.kind, slept.status) == ("sleep", "succeeded")
    assert slept.seconds >= 2


async def hurry(text: str) -> str:
    return text


async def too_long(text: str) -> str:
    await work("begun")
    await sleep("1h")
    return text


async def test_a_deadline_ends_a_run_even_while_nothing_holds_it(start):
    runs = await start(too_long)
    run_id = (await runs.start("too_long", {"text": "x"}, deadline=1.5)).id
    async for _seq, _event in runs.events(run_id):
        pass
    run = await runs.get(run_id)
    assert (run.status, run.error["code"]) == ("failed", "run-too-late")
    assert "1.5 s" in run.error["message"]
    assert run.steps[-1].status == "cancelled"


@step(retries=3, wait=0.01)
async def flaky(fails: int) -> str:
    done.append("try")
    if len(done) <= fails:
        raise RateLimited("too many", model="fake:x")
    return "at last"


@step(retries=3, wait=0.01)
async def hopeless(text: str) -> str:
    done.append("try")
    raise Rejected("no", model="fake:x")


async def trying(fails: int) -> str:
    return await flaky(fails)


async def refused(text: str) -> str:
    return await hopeless(text)


async def test_a_step_is_tried_again_as_its_policy_says(start):
    runs = await start(trying, refused)
    run = await ended(runs, "trying", fails=2)
    assert (run.output, run.steps[0].detail) == ("at last", "at try 3")
    done.clear()
    run = await ended(runs, "trying", fails=9)
    assert (run.status, run.error["code"], len(done)) == ("failed", "rate-limited", 4)
    done.clear()
    assert (await ended(runs, "refused", text="x")).error["code"] == "rejected"
    assert done == ["try"]  # what can't pass is not tried again


@step(repeat="ask")
async def transfer(amount: int) -> str:
    """Sending the money."""
    done.append(f"sent {amount}")
    if hang.is_set():
        await asyncio.Event().wait()
    return "sent"


async def pay(amount: int) -> str:
    return await transfer(amount)


@pytest.mark.parametrize(("answer", "status", "times"), [("accept", "succeeded", 2), ("reject", "failed", 1)])
async def test_what_must_not_happen_twice_asks_a_person_after_a_crash(start, until, answer, status, times):
    hang.set()
    runs = await start(pay)
    run_id = (await runs.start("pay", {"amount": 5})).id
    await until(lambda: done)
    hang.clear()
    runs = await start(pay)  # the process died while the money was on its way
    run = await runs.wait(run_id, 20)
    [asked] = run.approvals
    assert "“Sending the money” was under way" in asked.title
    assert len(done) == 1
    await runs.answer(asked.id, answer, comment="I looked")
    run = await runs.wait(run_id, 20)
    assert (run.status, len(done)) == (status, times)
    if status == "failed":
        assert run.error["code"] == "step-interrupted"
        assert "I looked" in run.error["message"]


def version(*names: str, patch: str = "", left_out: str = ""):
    """The pipeline `versioned` as it was written at some time."""

    async def versioned(text: str) -> list[str]:
        made = [await step_named(name) for name in names]
        if patch and await patched(patch):
            made.append(await step_named("new"))
        if text == "wait" and not go_on:
            await asyncio.Event().wait()
        return [*made, await step_named("last")] if not left_out else made

    return versioned


go_on: list[bool] = []


def step_named(name: str):
    async def function() -> str:
        done.append(name)
        return name

    function.__name__ = name
    return step(function)()


@pytest.mark.parametrize(
    ("then", "expected"),
    [
        (version("b", "a"), "step 'a' as its step 1, and the code now makes step 'b' there"),
        (version("a", left_out="yes"), "step 'b' as its step 2, and the code now ends without making it"),
    ],
)
async def test_changed_code_that_no_longer_fits_fails_loudly_with_the_way_out(start, until, then, expected):
    go_on.clear()
    runs = await start(version("a", "b"))
    run_id = (await runs.start("versioned", {"text": "wait"})).id
    await until(lambda: len(done) >= 2)
    await asyncio.sleep(0.1)
    go_on.append(True)
    runs = await start(then)
    run = await runs.wait(run_id, 20)
    assert (run.status, run.error["code"]) == ("failed", "replay-mismatch")
    assert expected in run.error["message"]
    assert "Put the code back" in run.error["hint"]


async def test_a_patch_leaves_old_runs_as_they_were_and_changes_new_ones(start, until):
    go_on.clear()
    old = version("a", "b")
    runs = await start(old)
    run_id = (await runs.start("versioned", {"text": "wait"})).id
    await until(lambda: len(done) >= 2)
    await asyncio.sleep(0.1)
    go_on.append(True)
    runs = await start(patched_in_the_middle())
    assert (await runs.wait(run_id, 20)).output == ["a", "b", "last"]
    assert (await ended(runs, "versioned", text="x")).output == ["a", "new", "b", "last"]


def patched_in_the_middle():
    async def versioned(text: str) -> list[str]:
        made = [await step_named("a")]
        if await patched("look twice"):
            made.append(await step_named("new"))
        return [*made, await step_named("b"), await step_named("last")]

    return versioned
