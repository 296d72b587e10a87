"""The small verbs of a pipeline: `@step`, `note`, `transcribe`. Each is a recorded step or words for the reader."""

import inspect
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import ParamSpec, TypeVar, get_type_hints

from pydantic import TypeAdapter
from pydantic_core import to_jsonable_python

from coachwork.errors import ProjectError
from coachwork.messages import Audio, StepRecord, Transcript
from coachwork.pipelines.run_scope import current_run
from coachwork.tracing.scope import current_scope, recorded

P = ParamSpec("P")
R = TypeVar("R")


def step(function: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """Make an async function a recorded step: within a run it is done once, and its result is kept.

    The result has to fit the function's return type, which says how it is kept. An exception is
    kept as RunFailed. Raises ProjectError for a function that is not async or does not say what it returns.
    """
    hints = get_type_hints(function, include_extras=True)
    if not inspect.iscoroutinefunction(function) or "return" not in hints:
        raise ProjectError(
            f"step {function.__name__!r} has to be async and to say what it returns",
            file=inspect.getsourcefile(function) or "",
            line=function.__code__.co_firstlineno,
            hint="Write `async def … -> Type:`.",
        )
    adapter: TypeAdapter[R] = TypeAdapter(hints["return"])
    name, label = function.__name__, (inspect.getdoc(function) or "").split("\n")[0].rstrip(".")

    @wraps(function)
    async def recorded_step(*args: P.args, **kwargs: P.kwargs) -> R:
        given = inspect.signature(function).bind(*args, **kwargs).arguments
        shown = to_jsonable_python(given, fallback=repr)
        record = StepRecord(kind="step", name=name, label=label or name.replace("_", " ").capitalize(), input=shown)
        return await recorded(record, adapter, lambda: function(*args, **kwargs))

    return recorded_step


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
