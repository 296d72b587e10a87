"""A prompt on its cases: each asked so many times, each answer judged. Knows no table and no screen.

A case is judged by a prompt that has not seen its answer: see `examples.py`.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from coachwork.errors import CoachworkError, InputError, OutputRefused, ProjectError, did_you_mean
from coachwork.messages import Attempt, JsonValue, ModelEvent, ModelRequest, StepRecord
from coachwork.prompts.ask import Asked, Holding
from coachwork.prompts.cases import Case, Judged
from coachwork.prompts.versions import Trial
from coachwork.tracing.scope import DirectScope, entered

if TYPE_CHECKING:
    from coachwork.prompts.prompt import Prompt


@dataclass(frozen=True)
class Try:
    """One answer to a case. `wrong` says what is, by evaluator; `error` is the code of what stood in the way."""

    case: str
    number: int
    passed: bool
    wrong: tuple[str, ...]
    output: JsonValue
    model: str
    how: str
    seconds: float
    cost_nano: int | None
    error: str = ""


@dataclass(frozen=True)
class Answer:
    """What came of one question: the value as JSON or the failure, and the record of what it took."""

    output: JsonValue
    failure: CoachworkError | None
    seconds: float
    record: StepRecord


@dataclass(frozen=True)
class OneModel:
    """Models of which one alone is asked, whatever the route. `max_tokens` bounds an answer that has no own bound."""

    models: Asked
    model: str
    max_tokens: int

    async def stream(
        self, route: str, request: ModelRequest, *, after: Sequence[Attempt] = ()
    ) -> AsyncGenerator[ModelEvent, None]:
        own = request.on(self.model)
        own = replace(own, alternatives=(), variants={}, max_tokens=own.max_tokens or self.max_tokens)
        async with aclosing(self.models.stream(self.model, own)) as events:
            async for event in events:
                yield event

    async def embed(self, route: str, texts: Sequence[str], *, purpose: Any) -> Any:
        return await self.models.embed(route, texts, purpose=purpose)

    def held(self, model: str) -> str:
        return self.models.held(model) if isinstance(self.models, Holding) else ""


class _Watching(DirectScope):
    """Keeps the record of the one step that is made below it."""

    record: StepRecord | None = None

    async def step(self, record: StepRecord, call: Callable[[], Awaitable[JsonValue]]) -> JsonValue:
        self.record = record
        return await call()


async def try_cases(
    prompt: "Prompt[..., Any]",
    cases: Sequence[Case],
    *,
    repeats: int = 1,
    at_once: int = 4,
    told: Callable[[Try], None] = lambda tried: None,
) -> list[Try]:
    """Ask each case `repeats` times, `at_once` at a time; gives the tries in the order of the cases.

    A model that fails is a failed try, with its error; what is wrong with the project is raised.
    """
    places = asyncio.Semaphore(at_once)

    async def one(case: Case, number: int) -> Try:
        async with places:
            tried = await _tried(prompt, case, number)
        told(tried)
        return tried

    return list(await asyncio.gather(*(one(case, number) for case in cases for number in range(1, repeats + 1))))


async def answered(prompt: "Prompt[..., Any]", arguments: Mapping[str, Any]) -> tuple[Answer, Any]:
    """Ask once; gives what came of it, and the value as its type. A failure that can be told is part of the answer."""
    scope, began = _Watching(), time.monotonic()
    output: Any = None
    as_json: JsonValue = None
    failure: CoachworkError | None = None
    with entered(scope):
        try:
            output = await prompt(**arguments)
            as_json = prompt.compiled.result.dump_python(output, mode="json")
        except CoachworkError as error:
            failure = error
            as_json = error.raw if isinstance(error, OutputRefused) else None
    record = scope.record or StepRecord("prompt", prompt.name)
    return Answer(as_json, failure, time.monotonic() - began, record), output


async def _tried(prompt: "Prompt[..., Any]", case: Case, number: int) -> Try:
    answer, output = await answered(prompt, case.arguments)
    if answer.failure is None:
        expected = None if case.expected is None else prompt.compiled.result.dump_python(case.expected, mode="json")
        judged = Judged(output, answer.output, case.expected, expected, answer.seconds)
        wrong = [f"{each.name}: {words}" for each in case.evaluators if (words := each.judge(judged))]
    else:
        wrong = [answer.failure.message]
    return Try(
        case.name,
        number,
        not wrong,
        tuple(wrong),
        answer.output,
        answer.record.model,
        answer.record.how,
        answer.seconds,
        answer.record.cost_nano,
        "" if answer.failure is None else answer.failure.code,
    )


def cases_of(prompt: "Prompt[..., Any]", names: Sequence[str] = ()) -> list[Case]:
    """The cases of these names, or all. Raises ProjectError where there are none, InputError for an unknown name."""
    cases = prompt.compiled.cases
    if cases is None or not cases.cases:
        raise ProjectError(
            f"the prompt {prompt.name!r} has no cases",
            file=prompt.file.removesuffix(".md") + ".cases.yaml",
            hint="Write that file: `cases:` and a list, each with `inputs:` and `expected_output:`.",
        )
    by_name = {case.name: case for case in cases.cases}
    for name in names:
        if name not in by_name:
            raise InputError(f"there is no case {name!r} in {cases.path}", hint=did_you_mean(name, list(by_name)))
    return [by_name[name] for name in names] if names else list(cases.cases)


def summed(prompt: "Prompt[..., Any]", tries: Sequence[Try], repeats: int, at: int) -> Trial:
    """The tries as what is kept of them. `at` in milliseconds since 1970 UTC."""
    costs = [tried.cost_nano for tried in tries]
    known = [cost for cost in costs if cost is not None]
    rows: dict[str, dict[str, Any]] = {}
    for tried in tries:
        row = rows.setdefault(tried.case, {"name": tried.case, "passed": 0, "tries": 0, "wrong": []})
        row["passed"] += tried.passed
        row["tries"] += 1
        row["wrong"] += [words for words in tried.wrong if words not in row["wrong"]]
    return Trial(
        prompt=prompt.name,
        version=prompt.version,
        route=prompt.route,
        at=at,
        repeats=repeats,
        passed=sum(tried.passed for tried in tries),
        tries=len(tries),
        cost_nano=sum(known) if len(known) == len(costs) else None,
        seconds=sum(tried.seconds for tried in tries),
        cases=list(rows.values()),
    )
