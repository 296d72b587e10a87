"""A limit of an agent counts all that is spent below it: prompts in its tools, pipelines, calls side by side."""

import asyncio
from functools import partial
from typing import Any

import pytest

from coachwork.agents import Limits, together, tool
from coachwork.errors import BudgetExceeded, ProjectError
from coachwork.messages import ModelRequest, Passage, ToolResultPart
from coachwork.pipelines.pipeline import Pipeline
from coachwork.testing import line
from coachwork.tracing.scope import DirectScope, entered

from .conftest import Desk, Made, call

TEXT = "---\nroute: smart\nabout: Answers.\nmax_tokens: 50\n---\nAnswer.\n## user\n{{letter}}\n"
FREE = partial(Limits, turns=None, tool_calls=None)
SUNNY = line("Sunny.", times=None)


def words(request: ModelRequest) -> list[str]:
    return [part.content for part in request.messages[-1].parts if isinstance(part, ToolResultPart)]


def asking(made: Made, answers: Any = None) -> tuple[Desk, Any]:
    """A prompt on a model of its own, and a tool that is a plain function which asks it."""
    other = made(answers or [SUNNY], text=TEXT)

    @tool(reads=True, trusted=True)
    async def ask_another(letter: str) -> str:
        """Asks a model."""
        return str(await other.prompt(letter))

    return other, ask_another


def as_pipeline(function: Any) -> Pipeline:
    @tool(reads=True, trusted=True)
    async def in_a_pipeline(letter: str) -> str:
        """Asks a model, in a pipeline."""
        return str(await function(letter))

    return Pipeline(in_a_pipeline, about="Asks a model.")


@pytest.mark.parametrize("kind", ["function", "pipeline"])
@pytest.mark.parametrize("limits", [FREE(usd=0.0022), FREE(tokens=1500)], ids=["usd", "tokens"])
async def test_what_a_tool_asks_of_models_is_spent_by_the_agent(made: Made, kind: str, limits: Limits) -> None:
    other = made([SUNNY], text=TEXT)

    @tool(reads=True, trusted=True)
    async def ask_another(letter: str) -> str:
        """Asks a model."""
        return str(await other.prompt("long " * 160))

    below = ask_another if kind == "function" else as_pipeline(ask_another)
    numbers = iter(range(1000))

    async def asks(request: ModelRequest) -> Any:
        return call(below.__name__ if kind == "function" else "in_a_pipeline", f'{{"letter": "{next(numbers)}"}}')

    outcome = await made(asks, below, limits=limits, text=TEXT).agent.run("?")
    asked = len(other.fake.requests)
    assert (outcome.status, asked > 1) == ("limit", True)
    assert outcome.spent.tokens > 160 * asked
    if limits.usd is not None:
        assert 160_000 * asked < (outcome.spent.cost_nano or 0) <= limits.usd * 1e9
    if limits.tokens is not None:
        assert outcome.spent.tokens <= limits.tokens


async def test_tools_side_by_side_hold_what_they_may_cost_before_they_ask(made: Made) -> None:
    at_work, most = 0, 0

    async def slowly(request: ModelRequest) -> Any:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        await asyncio.sleep(0.02)
        at_work -= 1
        return "Sunny."

    other, ask_another = asking(made, slowly)

    async def asks(request: ModelRequest) -> Any:
        return " ".join(words(request)) or [call("ask_another", f'{{"letter": "{number}"}}') for number in range(8)]

    outcome = await made(asks, ask_another, limits=Limits(usd=0.003), text=TEXT).agent.run("?")
    assert (outcome.value, len(other.fake.requests)) == (" ".join(["Sunny."] * 8), 8)
    assert 1 < most < 5  # so many could cost what is left; the others waited for their turn
    assert (outcome.spent.cost_nano or 0) <= 0.003e9


async def test_what_is_asked_under_a_common_limit_without_an_agent_counts_as_well(made: Made) -> None:
    other, _tool = asking(made)

    async def on_and_on() -> None:
        for number in range(1000):
            await other.prompt(f"{number}")

    with together(Limits(usd=0.001)) as account, pytest.raises(BudgetExceeded, match="these agents together has"):
        await on_and_on()
    assert 1 < len(other.fake.requests) < 1000
    assert 0 < (account.spent.cost_nano or 0) <= 0.001e9


async def test_the_time_of_an_agent_bounds_a_model_that_a_pipeline_below_it_asks(made: Made) -> None:
    _other, function = asking(made, [line("Too late.", delay=60)])

    async def asks(request: ModelRequest) -> Any:
        return words(request)[0] if words(request) else call("in_a_pipeline", '{"letter": "?"}')

    outcome = await made(asks, as_pipeline(function), limits=Limits(seconds=0.5), text=TEXT).agent.run("?")
    assert (outcome.status, len(outcome.uses), outcome.uses[0].failed) == ("limit", 1, True)
    assert "may work for 0.5 s, and did" in outcome.why
    assert outcome.spent.seconds < 10


async def test_a_call_that_a_kill_cut_counts_at_its_worst_case_for_nobody_knows_what_it_cost(made: Made) -> None:
    class Again(DirectScope):
        """A step that had begun when its process was killed."""

        cut_before = True
        step_seq: int | None = 1

    with entered(Again()):
        outcome = await made(["Sunny."], limits=FREE(usd=0.01), text=TEXT).agent.run("?")
        refused = await made(["Sunny."], limits=FREE(usd=0.001), text=TEXT).agent.run("?")
    whole = await made(["Sunny."], limits=FREE(usd=0.001), text=TEXT).agent.run("?")
    assert (whole.status, outcome.status, refused.status) == ("done", "done", "limit")
    assert (outcome.spent.cost_nano or 0) > 600_000 + (whole.spent.cost_nano or 0)


@pytest.mark.parametrize("wrong", [{"usd": float("nan")}, {"usd": -1}, {"turns": -2}, {"seconds": float("inf")}])
def test_limits_that_can_not_be_meant_are_refused(wrong: dict[str, Any]) -> None:
    [(name, value)] = wrong.items()
    with pytest.raises(ProjectError, match=f"{name}={value!r}"):
        Limits(**wrong)


# ── Loops ──────────────────────────────────────────────────────────────────────────────────────


def weather(**marks: Any) -> tuple[list[str], Any]:
    asked: list[str] = []

    @tool(reads=True, trusted=True, **marks)
    async def look(city: str, day: int = 1) -> str:
        """Tells the weather."""
        asked.append(city)
        return f"Sunny in {city}."

    return asked, look


@pytest.mark.parametrize(
    ("says", "looks"),
    [
        (['{"city": "Oslo", "day": 1}', '{ "day":1,\n"city":"Oslo" }'], 2),
        (['{"city": "Oslo"}', '{"city": "Rome"}'], 4),  # A-B-A-B
        (['{"town": "Oslo", "day": 2}', '{"day": 2, "town": "Oslo"}'], 0),  # it never fits
    ],
    ids=["key order", "alternation", "never fits"],
)
async def test_a_loop_is_a_loop_however_it_is_written(made: Made, says: list[str], looks: int) -> None:
    asked, look = weather()
    turns = iter(range(1000))

    async def answers(request: ModelRequest) -> Any:
        return call("look", says[next(turns) % len(says)], id=f"c{len(request.messages)}")

    outcome = await made(answers, look, limits=FREE()).agent.run("?")
    assert (outcome.status, len(asked)) == ("loop", looks)
    assert "same arguments 4 times" in outcome.why


async def test_a_tool_that_is_not_there_is_asked_for_only_so_often(made: Made) -> None:
    desk = made([line(call("loook", '{"city": "Oslo"}'), times=None)], weather()[1], limits=FREE())
    outcome = await desk.agent.run("?")
    assert (outcome.status, len(outcome.uses)) == ("loop", 4)
    assert "Did you mean 'look'?" in outcome.uses[-1].result


async def test_calls_of_one_turn_with_the_same_id_are_each_done(made: Made) -> None:
    asked, look = weather()

    async def answers(request: ModelRequest) -> Any:
        told = words(request)
        return " ".join(told) or [call("look", f'{{"city": "{city}"}}', id="1") for city in ("Oslo", "Rome", "Bern")]

    outcome = await made(answers, look).agent.run("?")
    assert outcome.value == "Sunny in Oslo. Sunny in Rome. Sunny in Bern."
    assert sorted(asked) == ["Bern", "Oslo", "Rome"]


async def test_passages_of_a_tool_are_cut_like_any_result_and_the_model_is_told(made: Made) -> None:
    @tool(reads=True, longest=500)
    async def everything() -> list[Passage]:
        """Gives whatever there is."""
        one = Passage(knowledge="h", document="a.md", title="A", title_path=[], start=0, end=1, text="long " * 40)
        return [one] * 50

    outcome = await made([call("everything"), "Done."], everything).agent.run("?")
    assert (len(outcome.passages), outcome.value) == (2, "Done.")
    assert outcome.uses[0].result.endswith("[cut: 2 of 50 passages]")
