"""The small verbs of a pipeline: `@step`, `note`, `transcribe`. Each is a recorded step or words for the reader."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial, wraps
from itertools import count
from typing import Any, ParamSpec, TypeVar, get_type_hints, overload

import structlog
from pydantic import TypeAdapter
from pydantic_core import to_jsonable_python

from coachwork.errors import CoachworkError, InDoubt, ProjectError, RunFailed
from coachwork.messages import Audio, JsonValue, StepRecord, Transcript
from coachwork.pipelines.labels import label_of
from coachwork.pipelines.run_scope import current_run
from coachwork.tracing.care import careful_here, in_time
from coachwork.tracing.scope import current_scope, recorded

log = structlog.get_logger(__name__)
P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class _Policy:
    retries: int
    wait: float
    repeatable: bool | None


@overload
def step(function: Callable[P, Awaitable[R]], /) -> Callable[P, Awaitable[R]]: ...


@overload
def step(
    *, retries: int = 0, wait: float = 1.0, repeatable: bool | None = None
) -> Callable[[Callable[P, Awaitable[R]]], Callable[P, Awaitable[R]]]: ...


def step(
    function: Callable[P, Awaitable[R]] | None = None,
    /,
    *,
    retries: int = 0,
    wait: float = 1.0,
    repeatable: bool | None = None,
) -> Any:
    """Make an async function a recorded step: within a run it is done once, and its result is kept.

    The result has to fit the function's return type, which says how it is kept. An exception is
    kept as RunFailed. `retries`: after a failure it is tried so many times more, first after `wait`
    seconds, then after twice as long each time; an error of Coachwork's that is not `retryable` is
    final at once. `repeatable=False` is for what must not happen twice: where a crash cut the step, a
    person is asked whether it is done again; InDoubt is raised where not. Unless it says either, it may be, but for a
    pipeline that an agent uses as a tool which acts. Raises ProjectError for a function
    that is not async, does not say what it returns, or has a policy that is none.
    """
    policy = _Policy(retries, wait, repeatable)
    return _recorded_step(function, policy) if function else lambda given: _recorded_step(given, policy)


def _recorded_step(function: Callable[P, Awaitable[R]], policy: _Policy) -> Callable[P, Awaitable[R]]:
    adapter: TypeAdapter[R] = TypeAdapter(_returned(function, policy))
    signature, name = inspect.signature(function), function.__name__
    label = label_of(function, name)

    @wraps(function)
    async def recorded_step(*args: P.args, **kwargs: P.kwargs) -> R:
        shown = to_jsonable_python(signature.bind(*args, **kwargs).arguments, fallback=repr)
        call = partial(function, *args, **kwargs)
        while True:
            repeatable = not careful_here() if policy.repeatable is None else policy.repeatable
            record = StepRecord(kind="step", name=name, label=label, input=shown, repeatable=repeatable)
            try:
                return await recorded(record, adapter, partial(in_time, label, partial(_tried, policy, record, call)))
            except InDoubt as doubt:
                if repeatable or not await done_again(label, shown):
                    raise doubt

    recorded_step.__coachwork_step__ = label  # type: ignore[attr-defined]  # by which the outline knows a step
    return recorded_step


def _returned(function: Callable[..., Any], policy: _Policy) -> Any:
    """The type that a step says it returns. Raises ProjectError for what can't be a step."""
    hints = get_type_hints(function, include_extras=True)
    wrong, hint = "", ""
    if not inspect.iscoroutinefunction(function) or "return" not in hints:
        wrong, hint = "has to be async and to say what it returns", "Write `async def … -> Type:`."
    elif policy.retries < 0 or policy.wait < 0:
        wrong = f"can't be tried with retries={policy.retries}, wait={policy.wait}: nothing below zero"
    if wrong:
        file, line = inspect.getsourcefile(function) or "", function.__code__.co_firstlineno
        raise ProjectError(f"step {function.__name__!r} {wrong}", file=file, line=line, hint=hint)
    return hints["return"]


async def done_again(label: str, given: JsonValue) -> bool:
    """Ask a person, who sees what it was `given`, whether a step that a crash cut is done again."""
    said = await current_scope().ask_person(
        f"Do “{label}” again?",
        "It was under way when its worker ended, and may have been done. Accept to do it again, reject to leave it.",
        TypeAdapter(str),
        context={"What it was given": given},
    )
    return said.accepted


async def _tried(policy: _Policy, record: StepRecord, call: Callable[[], Awaitable[R]]) -> R:
    """Call, and again after a failure that may pass. Raises the last one."""
    for number in count(1):
        try:
            result = await call()
        except Exception as error:
            final = isinstance(error, CoachworkError) and not error.retryable and not isinstance(error, RunFailed)
            if final or number > policy.retries:
                raise
            log.warning("step.tried", step=record.name, number=number, error=type(error).__name__)
        else:
            record.detail = f"at try {number}" if number > 1 else record.detail
            return result
        await asyncio.sleep(policy.wait * 2 ** (number - 1))
    raise AssertionError("unreachable: count() does not end")


def note(label: str) -> None:
    """Tell the reader, in your words, what the run is doing now: `note("Searching 3 contracts")`."""
    current_scope().note(label)


async def transcribe(audio: Audio, *, route: str = "transcribe") -> Transcript:
    """What is said in a recording, by the models of a route.

    Raises ModelError when no model could, or CoachworkError outside a run.
    """
    run = current_run("transcribe()")
    record = StepRecord(
        kind="transcribe",
        name="transcribe",
        label="Listening to the recording",
        route=route,
        input={"media_type": audio.media_type, "bytes": len(audio.data)},
        tainted=True,
    )

    async def listen() -> Transcript:
        heard = await run.services.models.transcribe(route, audio)
        record.model, record.cost_nano, record.usage = heard.model, heard.cost_nano, heard.usage
        record.detail = f"{heard.transcript.seconds:.0f} s of speech"
        return heard.transcript

    return await recorded(record, Transcript, listen)
