"""A pipeline that calls another: a run below a run, with its own steps, its own questions, and one end."""

import asyncio

import pytest
from pydantic import BaseModel

from coachwork.app.application import App
from coachwork.errors import Conflict, RunFailed
from coachwork.pipelines.approvals import approval
from coachwork.pipelines.branches import gather
from coachwork.pipelines.runs import RunFilter
from coachwork.pipelines.steps import step

app = App("Calls")
done: list[str] = []


class Word(BaseModel):
    text: str


@step
async def loud(text: str) -> str:
    done.append(text)
    return text.upper()


@app.pipeline
async def inner(word: Word) -> Word:
    """Says it loudly."""
    return Word(text=await loud(word.text))


@app.pipeline
async def asking(word: Word) -> Word:
    decision = await approval("Say it?", word)
    return Word(text=await loud(decision.value.text))


@app.pipeline
async def broken(word: Word) -> Word:
    raise KeyError(word.text)


@app.pipeline
async def stuck(word: Word) -> Word:
    await loud(word.text)
    await asyncio.Event().wait()
    return word


async def outer(text: str) -> str:
    first = await inner(Word(text=text))
    both = await gather(a=inner(Word(text="a")), b=asking(Word(text="b")))
    return first.text + both["a"].text + both["b"].text


async def catching(text: str) -> str:
    try:
        return (await broken(Word(text=text))).text
    except RunFailed as error:
        return error.message


async def waiting_below(text: str) -> str:
    return (await stuck(Word(text=text))).text


async def test_a_called_pipeline_is_a_run_below_with_its_own_steps_and_questions(start):
    done.clear()
    functions = (outer, *(pipeline.function for pipeline in app.pipelines.values()))
    runs = await start(*functions)
    run = await runs.wait((await runs.start("outer", {"text": "hello"})).id, 20)
    assert run.status == "waiting"
    assert [asked.title for asked in run.approvals] == ["Say it?"]
    runs = await start(*functions)  # a new process, while a run below waits
    await runs.answer(run.approvals[0].id, "edit", {"text": "c"})
    run = await runs.wait(run.id, 20)
    assert run.output == "HELLOAC"
    assert sorted(done) == ["a", "c", "hello"]
    assert {found.id: found.status for found in run.called} == {
        f"{run.id}.1": "succeeded",
        f"{run.id}.2.a.1": "succeeded",
        f"{run.id}.2.b.1": "succeeded",
    }
    below = await runs.get(f"{run.id}.1")
    assert (below.parent, below.output, [found.name for found in below.steps]) == (run.id, {"text": "HELLO"}, ["loud"])
    assert [listed.id for listed in (await runs.list(RunFilter())).items] == [run.id]
    assert [event["type"] async for _seq, event in runs.events(below.id)][-1] == "finish"


async def test_its_failure_is_the_callers_to_catch(start):
    runs = await start(catching)
    run = await runs.wait((await runs.start("catching", {"text": "x"})).id, 20)
    assert run.output == "KeyError: 'x'"
    assert [(found.kind, found.status) for found in run.steps] == [("pipeline", "failed")]


async def test_it_is_cancelled_with_its_caller_and_not_alone(start, until):
    done.clear()
    runs = await start(waiting_below)
    run_id = (await runs.start("waiting_below", {"text": "x"})).id
    await until(lambda: done)
    await asyncio.sleep(0.1)
    with pytest.raises(Conflict, match=f"works for run {run_id}"):
        await runs.cancel(f"{run_id}.1")
    await runs.cancel(run_id)
    assert (await runs.get(f"{run_id}.1")).status == "cancelled"
