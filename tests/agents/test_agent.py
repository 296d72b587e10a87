"""An agent asks, uses tools, answers: and stops where a limit, a loop or a refusal says so."""

import asyncio
from typing import Any, Literal

import pytest
from pydantic import BaseModel

from coachwork.agents import Limits, together, tool
from coachwork.agents.tool import tool_of
from coachwork.errors import AgentStopped, NotFound, ProjectError
from coachwork.messages import ModelRequest, Passage, StepRecord, ToolResultPart
from coachwork.pipelines.pipeline import Pipeline
from coachwork.pipelines.steps import step
from coachwork.testing import line
from coachwork.tracing.scope import DirectScope, entered

from .conftest import Made, call


@tool(reads=True, trusted=True)
async def find_order(number: int) -> str:
    """Finds an order by its number."""
    return f"Order {number} was sent."


@tool(reads=True, trusted=True)
async def never_there(number: int) -> str:
    """Finds nothing."""
    raise NotFound(f"no order {number}", reader="There is no such order.")


class Steps(DirectScope):
    """A scope that keeps the records of its steps."""

    def __init__(self, user: str = "") -> None:
        self.user = user
        self.records: list[StepRecord] = []

    async def step(self, record: StepRecord, call: Any) -> Any:
        self.records.append(record)
        return await call()


def results(request: ModelRequest) -> list[str]:
    """What the last message told of tools."""
    return [part.content for part in request.messages[-1].parts if isinstance(part, ToolResultPart)]


async def test_a_tool_is_used_and_the_answer_follows_each_a_recorded_step(made: Made) -> None:
    desk = made([call("find_order", '{"number": "7"}'), "It was sent."], find_order)
    with entered(Steps()) as steps:
        outcome = await desk.agent.run("Where is order 7?")
    assert (outcome.status, outcome.value, outcome.why) == ("done", "It was sent.", "")
    told = [(step.kind, step.name) for step in steps.records]
    assert told == [("prompt", "answer"), ("tool", "find_order"), ("prompt", "answer")]
    assert steps.records[1].input == {"number": 7}  # read by the ladder: a number in quotes is one
    [use] = outcome.uses
    assert (use.tool, use.arguments, use.failed) == ("find_order", {"number": 7}, False)
    assert results(desk.fake.requests[1]) == [use.result] == ["Order 7 was sent."]
    assert "never an instruction" in desk.fake.requests[0].messages[1].text
    assert (outcome.spent.turns, outcome.spent.tool_calls, outcome.tainted) == (2, 1, False)
    assert (outcome.spent.cost_nano or 0) > 0


async def test_calls_of_one_turn_run_side_by_side_and_are_told_in_their_order(made: Made) -> None:
    here = asyncio.Event()

    @tool(reads=True, trusted=True)
    async def slow() -> str:
        """Waits for the other."""
        await here.wait()
        return "slow"

    @tool(reads=True, trusted=True)
    async def quick() -> str:
        """Lets the other go on."""
        here.set()
        return "quick"

    async def answers(request: ModelRequest) -> Any:
        return "Done." if results(request) else [call("slow"), call("quick")]

    desk = made(answers, slow, quick)
    with entered(Steps()) as steps:
        assert await desk.agent("Go") == "Done."
    assert results(desk.fake.requests[1]) == ["slow", "quick"]
    assert [step.name for step in steps.records] == ["answer", "slow", "quick", "answer"]


class Sorted(BaseModel):
    team: Literal["billing", "returns"]


async def test_a_structured_answer_is_right_or_asked_for_again(made: Made) -> None:
    said = [call("find_order", '{"number": 7}'), '{"team": "sales"}', '{"team": "billing"}']
    desk = made(said, find_order, returns=Sorted)
    outcome = await desk.agent.run("7")
    assert (outcome.value, outcome.spent.turns) == (Sorted(team="billing"), 2)
    assert "should be one of 'billing', 'returns'" in desk.fake.requests[2].messages[-1].text

    never = made(['{"team": "sales"}'] * 2, find_order, returns=Sorted)
    refused = await never.agent.run("7")
    assert (refused.status, refused.value, refused.text) == ("refused", None, '{"team": "sales"}')
    with pytest.raises(AgentStopped, match="stopped") as stopped:
        await made(['{"team": "sales"}'] * 2, find_order, returns=Sorted).agent("7")
    assert stopped.value.details["outcome"]["status"] == "refused"


async def test_what_can_not_be_called_is_told_to_the_model_which_goes_on(made: Made) -> None:
    @tool(reads=True, trusted=True)
    async def breaks(key: str) -> str:
        """Breaks."""
        raise ValueError(f"no luck with {key}")

    asks = [
        call("find_ordr"),
        call("find_order", '{"number": "many"}'),
        call("never_there", '{"number": 1}'),
        call("breaks", '{"key": "sk-abcdefgh12345678"}'),
    ]
    desk = made([*asks, "I could not find it."], find_order, never_there, breaks)
    outcome = await desk.agent.run("?")
    assert outcome.value == "I could not find it."
    told = [use.result for use in outcome.uses]
    assert told[0] == "There is no tool 'find_ordr'. Did you mean 'find_order'?"
    assert told[1].startswith("The arguments do not fit: number")
    assert told[2] == "There is no such order."
    assert told[3] == "breaks failed with ValueError."
    assert all(use.failed for use in outcome.uses)


async def test_a_result_is_cut_and_keys_are_taken_out(made: Made) -> None:
    @tool(reads=True, trusted=True, longest=100)
    async def dump() -> str:
        """Gives a lot."""
        return "key sk-abcdefgh12345678 " + "x" * 500

    desk = made([call("dump"), "Done."], dump)
    [use] = (await desk.agent.run("?")).uses
    assert "sk-abc" not in use.result
    assert "[secret]" in use.result
    assert use.result.endswith("[cut: 100 of 513 characters]")


# ── Limits ─────────────────────────────────────────────────────────────────────────────────────


def for_ever() -> Any:
    numbers = iter(range(10_000))

    async def answers(request: ModelRequest) -> Any:
        return call("find_order", f'{{"number": {next(numbers)}}}')

    return answers


@pytest.mark.parametrize(
    ("limits", "why", "turns"),
    [
        (Limits(turns=3), "may ask a model 3 times", 3),
        (Limits(tool_calls=2), "may call tools 2 times", 3),
        (Limits(tokens=400), "tokens", None),
        (Limits(usd=0.0018), "could cost", None),
    ],
)
async def test_a_limit_ends_the_work_with_what_was_done_by_then(
    made: Made, limits: Limits, why: str, turns: int | None
) -> None:
    text = "---\nroute: smart\nmax_tokens: 50\n---\nAnswer.\n## user\n{{letter}}\n"
    desk = made(for_ever(), find_order, limits=limits, text=text)
    outcome = await desk.agent.run("Where is it?")
    assert (outcome.status, outcome.value) == ("limit", None)
    assert why in outcome.why
    assert turns is None or outcome.spent.turns == turns
    assert len(outcome.uses) >= 1
    assert limits.usd is None or (outcome.spent.cost_nano or 0) <= limits.usd * 1e9
    assert limits.tokens is None or outcome.spent.tokens <= limits.tokens


async def test_the_same_call_again_and_again_is_a_loop(made: Made) -> None:
    async def answers(request: ModelRequest) -> Any:
        return call("find_order", '{"number": 7}')

    outcome = await made(answers, find_order, limits=Limits(same_call=2)).agent.run("?")
    assert outcome.status == "loop"
    assert "same arguments 4 times" in outcome.why
    assert [use.failed for use in outcome.uses] == [False, False, True]
    assert outcome.uses[2].result.startswith("You called find_order with these arguments 2 times")


async def test_a_tool_that_takes_too_long_is_stopped_and_time_counts(made: Made) -> None:
    @tool(reads=True, trusted=True, seconds=0.05)
    async def sleeps() -> str:
        """Sleeps."""
        await asyncio.sleep(60)
        return "never"

    desk = made([call("sleeps"), "Done."], sleeps)
    outcome = await desk.agent.run("?")
    assert outcome.uses[0].result == "sleeps took too long and was stopped."
    assert outcome.spent.seconds >= 0.05


async def test_agents_share_a_limit(made: Made) -> None:
    with together(Limits(turns=5)) as account:
        first, second = await asyncio.gather(
            made(for_ever(), find_order).agent.run("a"), made(for_ever(), find_order).agent.run("b")
        )
    assert (first.status, second.status) == ("limit", "limit")
    assert first.spent.turns + second.spent.turns == account.spent.turns == 5
    assert "these agents together" in first.why


# ── Tools ──────────────────────────────────────────────────────────────────────────────────────


async def test_a_tool_is_there_for_its_users_alone(made: Made) -> None:
    @tool(reads=True, trusted=True, users=["ann"])
    async def salaries() -> str:
        """Tells salaries."""
        return "800"

    desk = made([line(call("salaries"), times=None)], salaries, limits=Limits(turns=2))
    with entered(Steps("eve")):
        outcome = await desk.agent.run("?")
    assert desk.fake.requests[0].tools == ()
    assert outcome.uses[0].result.startswith("There is no tool 'salaries'")
    with entered(Steps("ann")):
        assert (await made([call("salaries"), "Done."], salaries).agent.run("?")).uses[0].result == "800"


async def test_agents_prompts_and_passages_are_tools_as_well(made: Made) -> None:
    @tool(reads=True)
    async def look(query: str) -> list[Passage]:
        """Looks things up."""
        return [Passage(knowledge="h", document=f"{query}.md", title=query, title_path=["P"], start=0, end=1, text="T")]

    helper = made(["The helper's answer."])
    asks = [call("answer", '{"letter": "Help!"}'), call("look", '{"query": "a"}'), call("look", '{"query": "b"}')]
    outcome = await made([*asks, "Done [1] [2]."], helper.agent, look).agent.run("?")
    assert outcome.uses[0].result == "The helper's answer."
    assert [use.result for use in outcome.uses[1:]] == ["[1] a › P\nT", "[2] b › P\nT"]
    assert [passage.document for passage in outcome.passages] == ["a.md", "b.md"]
    assert outcome.tainted


def test_a_tool_says_what_it_is_or_is_refused_with_its_place() -> None:
    async def silent(number: int) -> str:
        return ""

    async def untyped(number) -> str:  # type: ignore[no-untyped-def]
        """Does something."""
        return ""

    def plain(number: int) -> str:
        """Does something."""
        return ""

    wrong = {"no docstring": silent, "has no type": untyped, "not async": plain, "can't be a tool": "x"}
    for says, function in wrong.items():
        with pytest.raises(ProjectError, match=says):
            tool_of(function)


async def test_an_agent_below_another_spends_from_the_money_and_the_time_of_the_one_above(made: Made) -> None:
    @tool(reads=True, trusted=True)
    async def asks_another(letter: str) -> str:
        """Asks an agent within a function."""
        return str((await inner.agent.run(letter)).why)

    text = "---\nroute: smart\nabout: Answers.\nmax_tokens: 50\n---\nAnswer.\n## user\n{{letter}}\n"
    for name in ("inner", "asks_another"):
        inner = made(for_ever(), find_order, name="inner", text=text)
        letters = iter("abcdefghijklmnopqrstuvwxyz")
        below = inner.agent if name == "inner" else asks_another

        async def asks(request: ModelRequest, name: str = name, letters: Any = letters) -> Any:
            return call(name, f'{{"letter": "{next(letters)}"}}')

        outcome = await made(asks, below, limits=Limits(usd=0.003), text=text).agent.run("?")
        assert (outcome.status, "could cost" in outcome.why) == ("limit", True)
        asked = len(inner.fake.requests)
        assert asked > 1
        assert 0 < (outcome.spent.cost_nano or 0) <= 0.003e9
        assert outcome.spent.tokens > 20 * asked + 100 * outcome.spent.turns  # those of both together


async def test_a_model_that_takes_all_the_time_that_is_left_ends_the_work(made: Made) -> None:
    desk = made([line("Too late.", delay=30)], limits=Limits(seconds=0.5))
    outcome = await desk.agent.run("?")
    assert (outcome.status, outcome.why) == (
        "limit",
        "the agent 'answer' had 0.5 s left, and the model did not answer in that time",
    )


async def test_a_step_that_hangs_in_a_pipeline_used_as_a_tool_is_stopped(made: Made) -> None:
    @step
    async def hang() -> str:
        """Hanging about."""
        await asyncio.Event().wait()
        return "never"

    @tool(seconds=0.2)
    async def slow(letter: str) -> str:
        """Takes for ever."""
        return await hang()

    desk = made([call("slow", '{"letter": "?"}'), "Done."], Pipeline(slow))
    outcome = await desk.agent.run("?")
    assert outcome.uses[0].result == "Hanging about took too long and was stopped."


async def test_what_was_begun_beside_a_call_that_is_one_too_many_is_brought_to_its_end(made: Made) -> None:
    ended = []

    @tool()
    async def pay(euro: int) -> str:
        """Pays."""
        await asyncio.sleep(0.05)
        ended.append(euro)
        return "Paid."

    async def four(request: ModelRequest) -> Any:
        return [call("pay", f'{{"euro": {euro}}}') for euro in (1, 2, 3, 4)]

    outcome = await made(four, pay, limits=Limits(tool_calls=3)).agent.run("?")
    assert (outcome.status, sorted(ended)) == ("limit", [1, 2, 3])
    assert [use.result for use in outcome.uses] == ["Paid."] * 3
