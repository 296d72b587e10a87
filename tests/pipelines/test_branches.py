"""Working side by side: branches with several steps, their failures, and the same places on every replay."""

import asyncio

import pytest

from coachwork.errors import RunFailed
from coachwork.pipelines.approvals import approval
from coachwork.pipelines.branches import gather, map
from coachwork.pipelines.steps import step

done: list[str] = []
gates: dict[str, asyncio.Event] = {}
gate = asyncio.Event()


@pytest.fixture(autouse=True)
def _clean() -> None:
    done.clear()
    gates.clear()
    gate.clear()


@step
async def work(name: str) -> str:
    if name in gates:
        await gates[name].wait()
    done.append(name)
    return name.upper()


async def two(name: str) -> str:
    return await work(f"{name}1") + await work(f"{name}2")


async def side_by_side(text: str) -> list[str]:
    found = await gather(left=two("l"), right=two("r"))
    after = await work("after")
    return [found["left"], found["right"], after]


async def test_a_branch_numbers_its_own_steps_whoever_arrives_first(start, until):
    gates["l1"] = asyncio.Event()
    runs = await start(side_by_side)
    run_id = (await runs.start("side_by_side", {"text": "x"})).id
    await until(lambda: "r2" in done)
    gates["l1"].set()
    run = await runs.wait(run_id, 20)
    assert run.output == ["L1L2", "R1R2", "AFTER"]
    places = {found.path: (found.branch, found.output) for found in run.steps}
    assert places == {
        "1.left.1": ("1.left", "L1"),
        "1.left.2": ("1.left", "L2"),
        "1.right.1": ("1.right", "R1"),
        "1.right.2": ("1.right", "R2"),
        "2": ("", "AFTER"),
    }
    shown = [e["data"]["branch"] for _seq, e in [x async for x in runs.events(run_id)] if e["type"] == "data-step"]
    assert "1.right" in shown


async def test_a_new_process_repeats_only_what_had_not_ended(start, until):
    gates["l2"] = asyncio.Event()
    runs = await start(side_by_side)
    run_id = (await runs.start("side_by_side", {"text": "x"})).id
    await until(lambda: {"l1", "r1", "r2"} <= set(done))
    await asyncio.sleep(0.1)
    gates.clear()
    runs = await start(side_by_side)
    run = await runs.wait(run_id, 20)
    assert run.output == ["L1L2", "R1R2", "AFTER"]
    assert sorted(done) == ["after", "l1", "l2", "r1", "r2"]


@step
async def fail_(name: str) -> str:
    raise ValueError(f"{name} is wrong")


async def failing(text: str) -> str:
    async def slow() -> str:
        await work("begun")
        return await work("never")

    async def wrong() -> str:
        await work("before")
        await gate.wait()
        return await fail_("this")

    try:
        await gather(slow=slow(), wrong=wrong())
    except RunFailed as error:
        return f"caught {error.message} {await approval('Go on?', 'yes')}"
    return "nothing failed"


async def test_a_failure_stops_the_siblings_and_is_the_same_on_replay(start, until):
    gates["never"] = asyncio.Event()
    runs = await start(failing)
    run_id = (await runs.start("failing", {"text": "x"})).id
    await until(lambda: {"begun", "before"} <= set(done))
    gate.set()
    run = await runs.wait(run_id, 20)
    assert run.status == "waiting"
    states = {found.path: found.status for found in run.steps}
    assert states["1.wrong.2"] == "failed"
    assert states["1.slow.2"] in ("cancelled", "running") or "1.slow.2" not in states
    runs = await start(failing)  # the new process comes to the same failure without doing anything again
    await runs.answer(run.approvals[0].id, "accept")
    run = await runs.wait(run_id, 20)
    assert run.output.startswith("caught ValueError: this is wrong")
    assert sorted(done) == ["before", "begun"]


async def many(numbers: int) -> list[str]:
    return await map(two, [str(n) for n in range(numbers)], at_once=3)


async def test_map_keeps_the_order_and_the_limit(start):
    gates.update({f"{n}1": asyncio.Event() for n in range(7)})
    runs = await start(many)
    run_id = (await runs.start("many", {"numbers": 7})).id
    await asyncio.sleep(0.4)
    run = await runs.get(run_id)
    assert sorted(found.path for found in run.steps) == ["1.1.1", "1.2.1", "1.3.1"]
    for gate_ in gates.values():
        gate_.set()
    run = await runs.wait(run_id, 20)
    assert run.output == [f"{n}1{n}2" for n in range(7)]


async def nested(text: str) -> dict[str, list[str]]:
    async def inner(name: str) -> list[str]:
        return await map(two, [f"{name}a", f"{name}b"])

    return await gather(x=inner("x"), y=inner("y"))


async def test_branches_branch_again(start):
    runs = await start(nested)
    run = await runs.wait((await runs.start("nested", {"text": "x"})).id, 20)
    assert run.output == {"x": ["XA1XA2", "XB1XB2"], "y": ["YA1YA2", "YB1YB2"]}
    assert "1.y.1.2.2" in {found.path for found in run.steps}


async def two_people(text: str) -> list[str]:
    async def ask(who: str) -> str:
        decision = await approval(f"Does {who} agree?", text)
        return await work(f"{who} {decision.status}")

    return list((await gather(anna=ask("anna"), ben=ask("ben"))).values())


async def test_questions_in_branches_are_open_together_and_hold_no_worker(start, until):
    runs = await start(two_people, side_by_side, concurrency=1)
    run_id = (await runs.start("two_people", {"text": "x"})).id

    async def both_asked() -> bool:
        return len((await runs.get(run_id)).approvals) == 2

    await until(both_asked)
    other = await runs.wait((await runs.start("side_by_side", {"text": "x"})).id, 20)
    assert other.status == "succeeded"
    first, second = (await runs.get(run_id)).approvals
    await runs.answer(second.id, "reject")
    await until(lambda: "ben rejected" in done)
    assert (await runs.get(run_id)).status == "waiting"
    await runs.answer(first.id, "accept")
    run = await runs.wait(run_id, 20)
    assert run.output == ["ANNA ACCEPTED", "BEN REJECTED"]


async def test_outside_a_run_they_simply_happen():
    assert await gather(a=two("a"), b=two("b")) == {"a": "A1A2", "b": "B1B2"}
    assert await map(two, ["c"]) == ["C1C2"]
    assert await map(two, []) == []
    with pytest.raises(ValueError, match="at_once=0"):
        await map(two, ["d"], at_once=0)
