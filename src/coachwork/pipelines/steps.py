"""The small verbs of a pipeline: `@step`, `note`, `transcribe`. Each is a recorded step or words for the reader."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import wraps
from itertools import count
from typing import Any, ParamSpec, TypeVar, cast, get_type_hints, overload

import structlog
from pydantic import TypeAdapter
from pydantic_core import to_jsonable_python

from coachwork.errors import CoachworkError, ProjectError, RunFailed
from coachwork.messages import Audio, JsonValue, StepRecord, Transcript
from coachwork.pipelines.run_scope import Repeat, RunScope, current_run
from coachwork.tracing.scope import current_scope, recorded

log = structlog.get_logger(__name__)
P = ParamSpec("P")
R = TypeVar("R")


@overload
def step(function: Callable[P, Awaitable[R]], /) -> Callable[P, Awaitable[R]]: ...


@overload
def step(
    *, retries: int = 0, wait: float = 1.0, repeat: Repeat = "again"
) -> Callable[[Callable[P, Awaitable[R]]], Callable[P, Awaitable[R]]]: ...


def step(
    function: Callable[P, Awaitable[R]] | None = None,
    /,
    *,
    retries: int = 0,
    wait: float = 1.0,
    repeat: Repeat = "again",
) -> Any:
    """Make an async function a recorded step: within a run it is done once, and its result is kept.

    The result has to fit the function's return type, which says how it is kept. An exception is
    kept as RunFailed. `retries`: after a failure it is tried so many times more, first after `wait`
    seconds, then after twice as long each time; an error of Coachwork's that is not `retryable` is
    final at once. `repeat="ask"` is for what must not happen twice: where a crash cut the step, a
    person is asked whether it is done again, instead of guessing. Raises ProjectError for a function
    that is not async or does not say what it returns.
    """
    if function is None:
        return lambda given: _recorded_step(given, _Policy(retries, wait, repeat))
    return _recorded_step(function, _Policy(retries, wait, repeat))


@dataclass(frozen=True)
class _Policy:
    retries: int
    wait: float
    repeat: Repeat


def _recorded_step(function: Callable[P, Awaitable[R]], policy: _Policy) -> Callable[P, Awaitable[R]]:
    hints = get_type_hints(function, include_extras=True)
    if not inspect.iscoroutinefunction(function) or "return" not in hints:
        raise ProjectError(
            f"step {function.__name__!r} has to be async and to say what it returns",
            file=inspect.getsourcefile(function) or "",
            line=function.__code__.co_firstlineno,
            hint="Write `async def … -> Type:`.",
        )
    if policy.retries < 0 or policy.wait < 0:
        raise ProjectError(f"step {function.__name__!r}: retries={policy.retries}, wait={policy.wait} is below zero")
    adapter: TypeAdapter[R] = TypeAdapter(hints["return"])
    signature, name = inspect.signature(function), function.__name__
    label = (inspect.getdoc(function) or "").split("\n")[0].rstrip(".") or name.replace("_", " ").capitalize()

    @wraps(function)
    async def recorded_step(*args: P.args, **kwargs: P.kwargs) -> R:
        scope = current_scope()
        if not isinstance(scope, RunScope):
            return await _tried(policy, None, lambda: function(*args, **kwargs))
        shown = to_jsonable_python(signature.bind(*args, **kwargs).arguments, fallback=repr)
        record = StepRecord(kind="step", name=name, label=label, input=shown)

        async def as_json() -> JsonValue:
            done = await _tried(policy, record, lambda: function(*args, **kwargs))
            return cast(JsonValue, adapter.dump_python(done, mode="json"))

        return adapter.validate_python(await scope.step(record, as_json, repeat=policy.repeat))

    return recorded_step


async def _tried(policy: _Policy, record: StepRecord | None, call: Callable[[], Awaitable[R]]) -> R:
    """Call, and again after a failure that may pass. Raises the last one."""
    for number in count(1):
        try:
            result = await call()
        except Exception as error:
            final = isinstance(error, CoachworkError) and not error.retryable and not isinstance(error, RunFailed)
            if final or number > policy.retries:
                raise
            log.warning("step.tried", step="" if record is None else record.name, number=number, error=repr(error))
        else:
            if record is not None and number > 1:
                record.detail = f"at try {number}"
            return result
        await asyncio.sleep(policy.wait * 2 ** (number - 1))
    raise AssertionError("unreachable")


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
    )

    async def listen() -> Transcript:
        heard = await run.services.models.transcribe(route, audio)
        record.model, record.cost_nano, record.usage = heard.model, heard.cost_nano, heard.usage
        record.detail = f"{heard.transcript.seconds:.0f} s of speech"
        return heard.transcript

    return await recorded(record, Transcript, listen)
