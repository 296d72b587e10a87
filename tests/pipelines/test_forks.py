"""A run again from one of its steps: what was done before is taken over, and neither done nor paid again."""

import asyncio

import pytest
from pydantic import BaseModel

from coachwork.errors import Conflict, InputError, NotFound
from coachwork.messages import StepRecord
from coachwork.pipelines.approvals import approval
from coachwork.pipelines.compare import compare
from coachwork.pipelines.fork import Changes, PromptChange
from coachwork.tracing.scope import current_scope

CENT = 10_000_000  # in 1e-9 USD
done: list[str] = []
gates: dict[str, asyncio.Event] = {}


class Letter(BaseModel):
    text: str


async def paid(name: str, value: str) -> str:
    """A step that costs a cent."""

    async def work() -> str:
        done.append(name)
        if name in gates:
            await gates[name].wait()
        if value == "bad":
            raise ValueError("kaputt")
        return value.upper()

    return await current_scope().step(StepRecord(kind="prompt", name=name, label=name, cost_nano=CENT), work)


async def letter(topic: str, ending: str = "bye") -> Letter:
    """Three paid steps with a person in their middle."""
    first = await paid("plan", topic)
    second = await paid("write", first)
    decision = await approval("Send it?", Letter(text=second))
    return Letter(text=f"{decision.value.text} {await paid('close', ending)}")


@pytest.fixture(autouse=True)
def fresh():
    done.clear()
    gates.clear()


async def end_of(runs, run_id):
    async with asyncio.timeout(20):
        async for _event in runs.events(run_id):
            pass
    return await runs.get(run_id)


async def written(runs, **input):
    """A run of `letter` that a person has edited."""
    run = await runs.wait((await runs.start("letter", {"topic": "rain", **input})).id, 20)
    await runs.answer(run.approvals[0].id, "edit", {"text": "edited"}, by="ada")
    return await end_of(runs, run.id)


async def test_steps_before_the_fork_and_the_person_are_not_asked_again(start):
    runs = await start(letter)
    old = await written(runs)
    assert (old.output, old.cost_usd) == ({"text": "edited BYE"}, 0.03)
    done.clear()

    fork = await runs.fork(old.id, 4, input={"topic": "rain", "ending": "cheers"})
    assert (fork.forked_from, fork.forked_at) == (old.id, 4)
    new = await end_of(runs, fork.id)
    assert (new.status, new.output, new.cost_usd) == ("succeeded", {"text": "edited CHEERS"}, 0.01)
    assert done == ["close"]
    assert [step.reused for step in new.steps] == [True, True, True, False]
    [asked] = new.approvals
    assert (asked.status, asked.decided_by, asked.decision) == ("edited", "ada", {"text": "edited"})
    shown = [event["id"] async for _seq, event in runs.events(new.id) if event["type"] == "data-step"]
    assert shown[:3] == ["step-1", "step-2", "step-3"]
    assert (await runs.get(old.id)) == old


async def test_two_runs_are_compared_step_by_step(start):
    runs = await start(letter)
    old = await written(runs)
    new = await end_of(runs, (await runs.fork(old.id, 4, input={"topic": "rain", "ending": "cheers"})).id)
    found = compare(old, new)
    assert [pair.differs for pair in found.steps] == [[], [], [], ["output"]]
    assert (found.first_difference, found.same_input, found.same_output) == (3, False, False)
    assert found.cost_usd == pytest.approx(-0.02)
    same = compare(old, old)
    assert (same.first_difference, same.same_output, same.cost_usd) == (None, True, 0)

    failed = await end_of(runs, (await runs.fork(old.id, 1, input={"topic": "bad"})).id)
    found = compare(old, failed)
    assert (found.first_difference, found.steps[0].differs) == (0, ["output", "status"])
    assert [(pair.a is None, pair.b is None) for pair in found.steps] == [(False, False), *[(False, True)] * 3]


async def test_a_fork_that_was_cut_takes_over_nothing_twice(start, until):
    runs = await start(letter)
    old = await written(runs)
    done.clear()
    gates["close"] = asyncio.Event()
    fork = await runs.fork(old.id, 4)
    await until(lambda: "close" in done)
    runs = await start(letter)  # as after a crash
    gates["close"].set()
    new = await end_of(runs, fork.id)
    assert (new.status, new.cost_usd) == ("succeeded", 0.01)
    assert set(done) == {"close"}


async def test_a_failed_run_goes_on_from_the_step_that_failed(start):
    runs = await start(letter)
    old = await written(runs, ending="bad")
    assert old.status == "failed"
    done.clear()
    new = await end_of(runs, (await runs.fork(old.id, 4, input={"topic": "rain", "ending": "better"})).id)
    assert (new.output, done) == ({"text": "edited BETTER"}, ["close"])


async def test_what_can_not_be_forked_is_refused(start):
    runs = await start(letter)
    waiting = await runs.wait((await runs.start("letter", {"topic": "rain"})).id, 20)
    with pytest.raises(InputError, match=r"step 3 of run .* has not ended"):
        await runs.fork(waiting.id, 4)
    with pytest.raises(InputError, match="from step 1 to 4, not 9"):
        await runs.fork(waiting.id, 9)
    with pytest.raises(InputError, match="input of 'letter'"):
        await runs.fork(waiting.id, 1, input={"topic": 1})
    with pytest.raises(InputError, match="no prompts here"):
        await runs.fork(waiting.id, 1, Changes(prompts={"plan": PromptChange(model="a:b")}))
    with pytest.raises(NotFound):
        await runs.fork("run_none")
    with pytest.raises(ValueError, match="a version or a draft"):
        PromptChange(version="a", draft="b")

    first = await runs.fork(waiting.id, 2, idempotency_key="k")
    assert (await runs.fork(waiting.id, 2, idempotency_key="k")).id == first.id
    with pytest.raises(Conflict):
        await runs.fork(waiting.id, 1, idempotency_key="k")
