"""A prompt on its cases: each asked so many times, each answer judged. Knows no table and no screen.

A case is judged by a prompt that has not seen its answer: see `examples.py`.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coachwork.errors import CoachworkError, OutputRefused
from coachwork.messages import JsonValue, StepRecord
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


async def _tried(prompt: "Prompt[..., Any]", case: Case, number: int) -> Try:
    scope, began = _Watching(), time.monotonic()
    output: Any = None
    as_json: JsonValue = None
    error = ""
    with entered(scope):
        try:
            output = await prompt(**case.arguments)
            as_json = prompt.compiled.result.dump_python(output, mode="json")
            seconds = time.monotonic() - began
            expected = None if case.expected is None else prompt.compiled.result.dump_python(case.expected, mode="json")
            judged = Judged(output, as_json, case.expected, expected, seconds)
            wrong = [f"{each.name}: {words}" for each in case.evaluators if (words := each.judge(judged))]
        except CoachworkError as failure:
            seconds = time.monotonic() - began
            error = failure.code
            wrong = [failure.message]
            as_json = failure.raw if isinstance(failure, OutputRefused) else None
    record = scope.record or StepRecord("prompt", prompt.name)
    return Try(
        case.name,
        number,
        not wrong,
        tuple(wrong),
        as_json,
        record.model,
        record.how,
        seconds,
        record.cost_nano,
        error,
    )


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
