"""An agent inside a run: it waits for a person over a restart, and neither asks a model nor acts twice."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.runnables import RunnableLambda
from pydantic import TypeAdapter

from coachwork.agents import Agent, Limits, Memory, together, tool
from coachwork.agents import memory_rows as rows
from coachwork.app.application import App
from coachwork.errors import RunFailed
from coachwork.messages import ModelRequest, ToolCallPart, ToolResultPart
from coachwork.models import Models, ModelsConfig
from coachwork.pipelines.pipeline import Pipeline
from coachwork.pipelines.runs import Runs
from coachwork.pipelines.steps import step
from coachwork.prompts import Prompt, prompt
from coachwork.prompts.compiled import RouteModel
from coachwork.testing import FakeModel
from coachwork.tracing.branches import gather
from coachwork.tracing.scope import current_scope
from coachwork.tracing.secrets import keep_secret

Start = Callable[..., Awaitable[Runs]]
read: list[str] = []
sent: list[str] = []


@tool(reads=True)
async def read_mail(number: int) -> str:
    """Reads a mail."""
    read.append(f"mail {number}")
    return f"Mail {number}: please answer."


@tool()
async def send_mail(to: str) -> str:
    """Sends a mail."""
    sent.append(to)
    return "Sent."


async def says(request: ModelRequest) -> Any:
    results = [part.content for part in request.messages[-1].parts if isinstance(part, ToolResultPart)]
    if not results:
        return [ToolCallPart(f"r{number}", "read_mail", f'{{"number": {number}}}') for number in (1, 2)]
    return f"All done: {results[0]}" if len(results) == 1 else ToolCallPart("s", "send_mail", '{"to": "a@b.example"}')


async def until_waiting(runs: Runs, run_id: str) -> str:
    async for _number, event in runs.events(run_id, 0):
        if event["type"] == "data-approval":
            return str(event["id"])
    raise AssertionError("nobody was asked")


def bound(folder: Path, fake: FakeModel) -> Prompt[..., Any]:
    async def answer(letter: str) -> str: ...  # type: ignore[empty-body]

    (folder / "prompts").mkdir(exist_ok=True)
    (folder / "prompts" / "answer.md").write_text("---\nroute: smart\n---\nAnswer.\n## user\n{{letter}}\n")
    config = ModelsConfig.model_validate({"routes": {"smart": {"models": ["fake:m"], "retries": 0}}})
    models = Models(config, database=None, cache_dir=folder, environ={}, extra_providers={"fake": fake})
    made: Prompt[..., Any] = prompt(answer)
    made.bind(folder, models, {"smart": [RouteModel("fake:m")]})
    return made


async def test_an_agent_that_waits_for_a_person_goes_on_after_a_restart(start: Start, tmp_path: Path) -> None:
    read.clear()
    sent.clear()
    fake = FakeModel(says)
    desk = Agent(bound(tmp_path, fake), [read_mail, send_mail])

    async def letters(letter: str) -> str:
        return await desk(letter)

    runs = await start(letters)
    run_id = (await runs.start("letters", {"letter": "What is new?"})).id
    approval_id = await until_waiting(runs, run_id)
    asked = await runs.approval(approval_id)
    assert (asked.title, asked.value) == ("May the assistant use send_mail?", {"to": "a@b.example"})

    runs = await start(letters)
    assert sent == []
    await runs.answer(approval_id, "edit", {"to": "c@d.example"}, "", "ann")
    run = await runs.wait(run_id, 30)
    assert (run.status, run.output) == ("succeeded", "All done: Sent.")
    assert (sorted(read), sent) == (["mail 1", "mail 2"], ["c@d.example"])  # both at once, each once
    assert [step.input for step in run.steps[1:3]] == [{"number": 1}, {"number": 2}]
    assert len(fake.requests) == 3
    assert [(step.kind, step.name) for step in run.steps] == [
        ("prompt", "answer"),
        ("tool", "read_mail"),
        ("tool", "read_mail"),
        ("prompt", "answer"),
        ("approval", "approval"),
        ("tool", "send_mail"),
        ("prompt", "answer"),
    ]
    assert run.steps[4].status == "succeeded"


async def test_what_a_step_let_in_is_known_after_a_restart_too(start: Start, tmp_path: Path) -> None:
    sent.clear()

    async def obeys(request: ModelRequest) -> Any:
        results = [part.content for part in request.messages[-1].parts if isinstance(part, ToolResultPart)]
        if request.tools[0].name == "read_mail":
            return results[0] if results else ToolCallPart("r", "read_mail", '{"number": 1}')
        return results[0] if results else ToolCallPart("s", "send_mail", '{"to": "a@b.example"}')

    answer = bound(tmp_path, FakeModel(obeys))
    reader, writer = Agent(answer, [read_mail]), Agent(answer, [send_mail])

    @step
    async def facts(letter: str) -> str:
        return await reader(letter)

    async def letters(letter: str) -> str:
        found = await facts(letter)
        good = await current_scope().ask_person("Good?", found, TypeAdapter(str))
        return await writer(good.value)

    runs = await start(letters)
    run_id = (await runs.start("letters", {"letter": "What is new?"})).id
    approval_id = await until_waiting(runs, run_id)
    runs = await start(letters)
    await runs.answer(approval_id, "accept", None, "", "ann")
    async for _number, event in runs.events(run_id, 0):
        if event["type"] == "data-approval" and event["id"] != approval_id:
            break
    assert sent == []
    asked = next(each for each in (await runs.get(run_id)).approvals if each.status == "pending")
    assert asked.title == "May the assistant use send_mail?"
    await runs.answer(asked.id, "reject", None, "", "ann")
    assert (await runs.wait(run_id, 30)).status == "succeeded"
    assert sent == []


async def test_agents_with_several_calls_a_turn_work_side_by_side_and_are_replayed_alike(
    start: Start, tmp_path: Path
) -> None:
    async def reads_two(request: ModelRequest) -> Any:
        results = [part.content for part in request.messages[-1].parts if isinstance(part, ToolResultPart)]
        return " ".join(results) if results else await says(request)

    read.clear()
    fake = FakeModel(reads_two)
    reader = Agent(bound(tmp_path, fake), [read_mail])

    async def two(letter: str) -> str:
        first, second = await gather(reader(letter), reader(letter))
        answer = await current_scope().ask_person("Good?", first, TypeAdapter(str))
        return f"{answer.value} | {second}"

    runs = await start(two)
    run_id = (await runs.start("two", {"letter": "What is new?"})).id
    approval_id = await until_waiting(runs, run_id)
    runs = await start(two)
    await runs.answer(approval_id, "accept", None, "", "ann")
    run = await runs.wait(run_id, 30)
    one = "Mail 1: please answer. Mail 2: please answer."
    assert (run.status, run.output) == ("succeeded", f"{one} | {one}")
    assert (len(read), len(fake.requests)) == (4, 4)


async def test_a_tool_that_acts_is_not_done_again_after_a_crash_before_a_person_says_so(
    start: Start, tmp_path: Path
) -> None:
    reached, done = asyncio.Event(), []

    @tool()
    async def pay(euro: int) -> str:
        """Pays."""
        done.append(f"pay {euro}")
        if done.count("pay 9") == 1:
            reached.set()
            await asyncio.Event().wait()  # the worker ends here: paid, and nobody knows
        return "Paid."

    @tool(repeats=True)
    async def mark(letter: str) -> str:
        """Marks a letter as read; twice is as good as once."""
        done.append(f"mark {letter}")
        await reached.wait()
        if done.count(f"mark {letter}") == 1:
            await asyncio.Event().wait()
        return "Marked."

    async def both(request: ModelRequest) -> Any:
        results = [part.content for part in request.messages[-1].parts if isinstance(part, ToolResultPart)]
        asks = [ToolCallPart("p", "pay", '{"euro": 9}'), ToolCallPart("m", "mark", '{"letter": "x"}')]
        return " ".join(results) if results else asks

    desk = Agent(bound(tmp_path, FakeModel(both)), [pay, mark])

    async def bills(letter: str) -> str:
        return await desk(letter)

    runs = await start(bills)
    run_id = (await runs.start("bills", {"letter": "Pay!"})).id
    async with asyncio.timeout(30):
        while len(done) < 2:  # noqa: ASYNC110  two tools
            await asyncio.sleep(0.02)
    runs = await start(bills)
    approval_id = await until_waiting(runs, run_id)
    asked = await runs.approval(approval_id)
    assert (asked.title, asked.value) == ("May the assistant use pay again?", {"euro": 9})
    assert sorted(done) == ["mark x", "mark x", "pay 9"]
    runs = await start(bills)  # and once more, while a person thinks
    await runs.answer(approval_id, "reject", None, "It was paid.", "ann")
    run = await runs.wait(run_id, 30)
    said = "It may have been done before an interruption. A person did not allow this (rejected): It was paid. Marked."
    assert (run.status, run.output) == ("succeeded", said)
    assert sorted(done) == ["mark x", "mark x", "pay 9"]


async def test_a_pipeline_as_a_tool_asks_for_the_step_that_a_crash_cut_and_keeps_what_was_done(
    start: Start, tmp_path: Path
) -> None:
    reached, done = asyncio.Event(), list[str]()

    @step
    async def reserve(euro: int) -> str:
        """Reserving the money."""
        done.append("reserve")
        return "reserved"

    @step
    async def pay(euro: int) -> str:
        """Paying the money."""
        done.append("pay")
        if done.count("pay") == 1:
            reached.set()
            await asyncio.Event().wait()  # the worker ends here: paid, and nobody knows
        return "paid"

    async def transfer(euro: int) -> str:
        """Transfers money."""
        return f"{await reserve(euro)}, {await pay(euro)}"

    async def wants(request: ModelRequest) -> Any:
        results = [part.content for part in request.messages[-1].parts if isinstance(part, ToolResultPart)]
        return results[0] if results else ToolCallPart("t", "transfer", '{"euro": 9}')

    desk = Agent(bound(tmp_path, FakeModel(wants)), [Pipeline(transfer)])

    async def bills(letter: str) -> str:
        return await desk(letter)

    runs = await start(bills)
    run_id = (await runs.start("bills", {"letter": "Pay!"})).id
    async with asyncio.timeout(30):
        await reached.wait()
    runs = await start(bills)
    approval_id = await until_waiting(runs, run_id)
    asked = await runs.approval(approval_id)
    assert asked.title == "Do “Paying the money” again?"
    assert asked.context == [{"label": "What it was given", "value": {"euro": 9}}]
    assert done == ["reserve", "pay"]
    await runs.answer(approval_id, "accept", None, "", "ann")
    run = await runs.wait(run_id, 30)
    assert (run.status, run.output) == ("succeeded", "reserved, paid")
    assert done == ["reserve", "pay", "pay"]


async def test_a_hosted_object_as_a_tool_asks_before_it_begins_again(start: Start, tmp_path: Path) -> None:
    reached, done = asyncio.Event(), list[str]()

    async def act(text: str) -> str:
        done.append(text)
        if len(done) == 1:
            reached.set()
            await asyncio.Event().wait()
        return f"did {text}"

    async def wants(request: ModelRequest) -> Any:
        results = [part.content for part in request.messages[-1].parts if isinstance(part, ToolResultPart)]
        return results[0] if results else ToolCallPart("t", "crew", '{"text": "it"}')

    app = App("Desk")
    crew = app.host("crew", RunnableLambda(act), input=str, output=str, about="Does things.")
    desk = Agent(bound(tmp_path, FakeModel(wants)), [crew])

    async def bills(letter: str) -> str:
        return await desk(letter)

    runs = await start(bills)
    run_id = (await runs.start("bills", {"letter": "Do it!"})).id
    async with asyncio.timeout(30):
        await reached.wait()
    runs = await start(bills)
    approval_id = await until_waiting(runs, run_id)
    assert ((await runs.approval(approval_id)).title, done) == ("Do “Crew” again?", ["it"])
    await runs.answer(approval_id, "accept", None, "", "ann")
    run = await runs.wait(run_id, 30)
    assert (run.output, done) == ("did it", ["it", "it"])


async def test_a_memory_that_is_summed_up_while_workers_end_has_one_summary_and_is_asked_for_once(
    start: Start, tmp_path: Path
) -> None:
    hangs, reached, asked = ["summary", "answer"], asyncio.Event(), list[str]()

    async def answers(request: ModelRequest) -> Any:
        what = "summary" if request.messages[0].text.startswith("Sum up") else "answer"
        asked.append(what)
        if hangs and what == hangs[0] and len(await memory.history("ann")) > 2:
            hangs.pop(0)
            reached.set()
            await asyncio.Event().wait()
        return "We spoke of cats." if what == "summary" else "word " * 40

    memory = Memory("desk", tokens=60, keep=1)
    desk = Agent(bound(tmp_path, FakeModel(answers)), memory=memory)

    async def talk(letter: str) -> str:
        return await desk.remembering("ann")(letter)

    runs = await start(talk)
    memory.bind(runs._services.database)
    for letter in ("Cats?", "Dogs?"):
        assert (await runs.wait((await runs.start("talk", {"letter": letter})).id, 30)).status == "succeeded"
    asked.clear()
    run_id = (await runs.start("talk", {"letter": "Birds?"})).id
    for _crash in ("while the summary was asked for", "after it was kept"):
        async with asyncio.timeout(30):
            await reached.wait()
        reached.clear()
        runs = await start(talk)
        memory.bind(runs._services.database)
    run = await runs.wait(run_id, 30)
    assert (run.status, asked) == ("succeeded", ["summary", "summary", "answer", "answer"])  # one of each was cut
    past = await memory.database.read(lambda connection: rows.past(connection, "desk", "ann"))
    assert (past.summary, [one.content for one in past.said][::2]) == ("We spoke of cats.", ["Dogs?", "Birds?"])
    assert [turn.content for turn in await memory.history("ann")][::2] == ["Cats?", "Dogs?", "Birds?"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("limits", "refused"),
    [(Limits(turns=4), "may ask a model 4 times, and did"), (Limits(tool_calls=2), "may call tools 2 times, and did")],
    ids=["turns", "calls"],
)
async def test_agents_beside_each_other_under_one_limit_stop_where_they_did_after_a_restart(
    start: Start, tmp_path: Path, limits: Limits, refused: str
) -> None:
    used_up = asyncio.Event()

    async def reads_on(request: ModelRequest) -> Any:
        turns = sum(isinstance(part, ToolResultPart) for message in request.messages for part in message.parts)
        if request.messages[-1].text == "B":
            await used_up.wait()  # the first time, A was faster
        return "Read." if turns == 2 else ToolCallPart(f"r{turns}", "read_mail", f'{{"number": {turns}}}')

    fake = FakeModel(reads_on)
    reader = Agent(bound(tmp_path, fake), [read_mail])
    restarted = asyncio.Event()

    async def both(letter: str) -> list[str]:
        async def first() -> Any:
            if restarted.is_set():  # A comes late: no step of its own, only another order
                await asyncio.sleep(0.2)
            outcome = await reader.run("A")
            used_up.set()
            return outcome

        with together(limits):
            outcomes = await gather(a=first(), b=reader.run("B"))
        await current_scope().ask_person("Good?", letter, TypeAdapter(str))
        return [f"{name}: {one.status} {one.why} {one.spent.turns}" for name, one in outcomes.items()]

    runs = await start(both)
    run_id = (await runs.start("both", {"letter": "?"})).id
    approval_id = await until_waiting(runs, run_id)
    before = [(each.kind, each.name) for each in (await runs.get(run_id)).steps]
    restarted.set()
    runs = await start(both)
    await runs.answer(approval_id, "accept", None, "", "ann")
    run = await runs.wait(run_id, 30)
    assert (run.status, run.output) == ("succeeded", ["a: done  3", f"b: limit these agents together {refused} 1"])
    assert [(each.kind, each.name) for each in run.steps] == before
    assert (before.count(("step", "limit")), len(fake.requests)) == (1, 4)


async def test_a_secret_in_the_error_of_the_applications_own_code_is_kept_nowhere(start: Start, tmp_path: Path) -> None:
    keep_secret(["Plain word/4711, no shape"])
    caught: list[str] = []

    @step
    async def calls(url: str) -> str:
        raise RuntimeError(f"no access to {url} with Plain word/4711, no shape")

    async def letters(letter: str) -> str:
        try:
            await calls("x")
        except RunFailed as failure:
            caught.append(failure.message)
        raise ValueError("Plain word/4711, no shape")

    runs = await start(letters)
    run = await runs.wait((await runs.start("letters", {"letter": "?"})).id, 30)
    assert caught == ["RuntimeError: no access to x with [secret]"]
    assert run.error is not None
    assert run.error["message"] == "ValueError: [secret]"
    told = [str(event) async for _number, event in runs.events(run.id, 0)]
    assert "4711" not in f"{run} {told}"
