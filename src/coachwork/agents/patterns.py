"""How several prompts and agents work together: small functions over plain async functions. No graph, no engine.

Each takes anything that is awaited (a prompt, an agent, a function) and is replayed like any code of a pipeline. Copy
one and change it where it does not fit: that is what they are for. After Anthropic's "Building effective agents"
(https://www.anthropic.com/engineering/building-effective-agents) and Du et al. 2023 (debate).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from coachwork.errors import InputError, did_you_mean
from coachwork.tracing.branches import gather, map_over

Given = TypeVar("Given")
Part = TypeVar("Part")
Draft = TypeVar("Draft")
Made = TypeVar("Made")
Whole = TypeVar("Whole")


async def sequence(given: Any, *steps: Callable[[Any], Awaitable[Any]]) -> Any:
    """Each step works on what the one before it made."""
    for step in steps:
        given = await step(given)
    return given


async def router(
    given: Given, choose: Callable[[Given], Awaitable[str]], ways: Mapping[str, Callable[[Given], Awaitable[Made]]]
) -> Made:
    """One looks at what came in and names who does it. Raises InputError for a name that is not among `ways`."""
    chosen = str(await choose(given))
    if chosen not in ways:
        raise InputError(f"the router chose {chosen!r}", hint=did_you_mean(chosen, list(ways)))
    return await ways[chosen](given)


async def experts(
    given: Given,
    asked: Mapping[str, Callable[[Given], Awaitable[Made]]],
    judge: Callable[[Given, dict[str, Made]], Awaitable[Whole]],
) -> Whole:
    """Several answer side by side, and a judge makes one of their answers, by name."""
    answers: dict[str, Made] = await gather(**{name: expert(given) for name, expert in asked.items()})
    return await judge(given, answers)


async def orchestrator(
    given: Given,
    plan: Callable[[Given], Awaitable[Sequence[Part]]],
    work: Callable[[Part], Awaitable[Made]],
    join: Callable[[Given, list[Made]], Awaitable[Whole]],
    *,
    at_once: int = 4,
    most: int = 20,
) -> Whole:
    """One cuts the task up, workers do the parts at the same time, one puts them together. `most` parts are done."""
    parts = list(await plan(given))[:most]
    return await join(given, await map_over(work, parts, at_once=at_once))


@dataclass(frozen=True)
class HandOff(Generic[Given]):
    """What an agent gives instead of an answer: who goes on, and with what."""

    to: str
    given: Given


async def hand_off(
    first: str,
    given: Given,
    agents: Mapping[str, Callable[[Given], Awaitable[Made | HandOff[Given]]]],
    *,
    most: int = 5,
) -> Made:
    """Agents hand a task on until one has the answer. Raises InputError for an unknown one and after `most` hands."""
    name = first
    for _hand in range(most):
        if name not in agents:
            raise InputError(f"the task was handed to {name!r}", hint=did_you_mean(name, list(agents)))
        made = await agents[name](given)
        if not isinstance(made, HandOff):
            return made
        name, given = made.to, made.given
    raise InputError(
        f"the task was handed on {most} times, last to {name!r}", hint="Let one of them answer at the end."
    )


async def debate(
    given: Given,
    sides: Mapping[str, Callable[[Given, dict[str, Made]], Awaitable[Made]]],
    judge: Callable[[Given, dict[str, Made]], Awaitable[Whole]],
    *,
    rounds: int = 2,
) -> Whole:
    """Each side answers, reads the others, and answers again: `rounds` times, or until nobody changes. A judge ends."""
    answers: dict[str, Made] = {}
    for _round in range(rounds):
        before = answers
        answers = await gather(**{name: side(given, before) for name, side in sides.items()})
        if answers == before:
            break
    return await judge(given, answers)


@dataclass(frozen=True)
class Improved(Generic[Draft]):
    """What a loop ended with: `good` where the judge had nothing left to say, and its last words where it had."""

    draft: Draft
    good: bool
    tries: int
    objections: str = ""


async def improve(
    given: Given,
    make: Callable[[Given, Draft | None, str], Awaitable[Draft]],
    judge: Callable[[Given, Draft], Awaitable[str]],
    *,
    most: int = 3,
) -> Improved[Draft]:
    """One makes, one judges, until the judge has no objection ("") or `most` drafts were made."""
    draft: Draft | None = None
    objections = ""
    for tries in range(1, most + 1):
        draft = await make(given, draft, objections)
        objections = (await judge(given, draft)).strip()
        if not objections:
            return Improved(draft, True, tries)
    assert draft is not None
    return Improved(draft, False, most, objections)
