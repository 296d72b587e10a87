"""CrewAI crews (https://docs.crewai.com): a copy of the crew works for each run, in a thread.

Hooks before model calls ask; events of CrewAI's bus tell what became of them. Both are global there: ours only see
runs that are hosted here.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Mapping
from contextvars import ContextVar
from functools import partial
from typing import Any

from .host import Host, Refused
from .task import Outcome, Task, plain, size
from .threads import in_thread

_numbers = itertools.count(1)
_watched: ContextVar[_Watched | None] = ContextVar("coachwork_crewai", default=None)
_installed: list[bool] = []


class _Watched:
    """One run: its host, the calls under way in their order, and its refusal."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.calls: deque[str] = deque()
        self.refusal = ""


async def run(thing: Any, task: Task, host: Host) -> Outcome:
    """Kick a crew off with the fields of the input."""
    from crewai.events import crewai_event_bus

    if not isinstance(task.given, dict):
        raise TypeError("a crew takes fields: declare input= as a model with the inputs of its tasks")
    _install()
    watched = _Watched(host)
    token = _watched.set(watched)
    try:
        output = await in_thread(partial(_copied(thing).kickoff, inputs=task.given, **task.options))
        await in_thread(crewai_event_bus.flush)
    except Exception as error:
        await in_thread(crewai_event_bus.flush)
        if watched.refusal:
            raise Refused(watched.refusal) from error
        raise
    finally:
        _watched.reset(token)
    return Outcome(_told(output))


def _copied(crew: Any) -> Any:
    """A crew for this run. One with `stream=True` would hand out its words in place of its result: here its models
    stream instead, as it lets them itself, and the events bring the words."""
    copied = crew.copy()
    if getattr(crew, "stream", False):
        copied.stream = False
        for agent in copied.agents:
            if hasattr(agent.llm, "stream"):
                agent.llm.stream = True
    return copied


def _told(output: Any) -> Any:
    """The fields where the last task gives them, else its text."""
    if output.pydantic is not None:
        return plain(output.pydantic)
    return output.raw if output.json_dict is None else plain(output.json_dict)


def _install() -> None:
    """Put our hook and our listeners there, once."""
    if _installed:
        return
    from crewai.events import crewai_event_bus
    from crewai.hooks import register_before_llm_call_hook

    register_before_llm_call_hook(_ask)
    for kind, hear in _events().items():
        crewai_event_bus.on(kind)(_heard(hear))
    _installed.append(True)


def _ask(context: Any) -> None:
    """Before each model call, in the thread that makes it."""
    from crewai.hooks import HookAborted

    watched = _watched.get()
    if watched is None:
        return
    llm, id = context.llm, f"call-{next(_numbers)}"
    provider, slash, model = str(llm.model).partition("/")
    if not slash:
        provider, model = str(getattr(llm, "provider", "") or "openai"), provider
    most = getattr(llm, "max_completion_tokens", None) or getattr(llm, "max_tokens", None)
    try:
        watched.host.call_blocking(id, provider, model, size(context.messages), most)
    except Refused as refusal:
        watched.refusal = str(refusal)
        raise HookAborted(str(refusal)) from None
    watched.calls.append(id)


def _heard(hear: Any) -> Any:
    def handler(source: Any, event: Any) -> None:
        watched = _watched.get()
        if watched is not None:
            hear(watched, event)

    return handler


def _events() -> dict[Any, Any]:
    from crewai.events import (
        LLMCallCompletedEvent,
        LLMCallFailedEvent,
        LLMStreamChunkEvent,
        TaskCompletedEvent,
        TaskFailedEvent,
        TaskStartedEvent,
        ToolUsageErrorEvent,
        ToolUsageFinishedEvent,
        ToolUsageStartedEvent,
    )

    return {
        LLMCallCompletedEvent: _answered,
        LLMCallFailedEvent: lambda watched, event: _failed(watched),
        LLMStreamChunkEvent: lambda watched, event: watched.host.text(event.chunk or ""),
        TaskStartedEvent: lambda watched, event: watched.host.part(event.event_id, event.task_name or "task"),
        TaskCompletedEvent: lambda watched, event: watched.host.part_end(event.started_event_id or ""),
        TaskFailedEvent: lambda watched, event: watched.host.part_end(event.started_event_id or "", "TaskFailed"),
        ToolUsageStartedEvent: _tool,
        ToolUsageFinishedEvent: lambda watched, event: watched.host.tool_end(
            event.started_event_id or "", plain(event.output)
        ),
        ToolUsageErrorEvent: lambda watched, event: watched.host.tool_end(
            event.started_event_id or "", error=str(event.error)
        ),
    }


def _tool(watched: _Watched, event: Any) -> None:
    watched.host.tool(event.event_id, event.tool_name, plain(event.tool_args))


def _answered(watched: _Watched, event: Any) -> None:
    """The end of the oldest call under way. A crew whose tasks run at once may end them in another order."""
    if (event.usage is None and event.call_type.value == "tool_call") or not watched.calls:
        return  # CrewAI says the same of a tool that it ran itself
    watched.host.call_end(
        watched.calls.popleft(), usage=_usage(event.usage), said=size(event.response), finish=event.finish_reason or ""
    )


def _failed(watched: _Watched) -> None:
    if watched.calls:
        watched.host.call_end(watched.calls.popleft(), error="LLMCallFailed")


def _usage(told: Mapping[str, Any] | None) -> dict[str, int] | None:
    """CrewAI's own reading of what each provider tells."""
    from crewai.types.usage_metrics import UsageMetrics

    counted = UsageMetrics.from_provider_dict(told) if told else None
    if counted is None or not (counted.prompt_tokens or counted.completion_tokens):
        return None
    return {
        "input_tokens": counted.prompt_tokens,
        "output_tokens": counted.completion_tokens,
        "cached_tokens": counted.cached_prompt_tokens,
        "cache_write_tokens": counted.cache_creation_tokens,
        "thinking_tokens": counted.reasoning_tokens,
    }
