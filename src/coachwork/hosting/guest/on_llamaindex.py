"""LlamaIndex workflows (https://docs.llamaindex.ai): events in, events out; its context is the state.

Model calls are seen where llama-index-core makes them, through its instrumentation. Its handlers can't be awaited,
so workflows run on a loop of their own, which may stand still for the moment of asking.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Coroutine
from contextvars import ContextVar
from typing import Any

from .host import Host
from .task import Outcome, Question, Task, plain, size

_hosted: ContextVar[Host | None] = ContextVar("coachwork_llamaindex", default=None)
_lock = threading.Lock()
_loops: list[asyncio.AbstractEventLoop] = []
_handlers: list[Any] = []


async def run(thing: Any, task: Task, host: Host) -> Outcome:
    """Run a workflow from its start event, or from the person's answer."""
    _install()
    return await _elsewhere(_run(thing, task, host))


async def _run(workflow: Any, task: Task, host: Host) -> Outcome:
    from workflows import Context
    from workflows.events import HumanResponseEvent, InputRequiredEvent, StopEvent

    _hosted.set(host)
    if task.answers:
        handler = workflow.run(ctx=Context.from_dict(workflow, task.state["context"]), **task.options)
        for answer in task.answers:
            response = answer.value if answer.status == "edited" else "yes" if answer.yes else "no"
            handler.ctx.send_event(HumanResponseEvent(response=response, comment=answer.comment))
    elif isinstance(task.given, dict):
        handler = workflow.run(**{**task.options, **task.given})
    else:
        raise TypeError("a workflow starts from fields: declare input= as a model with those that its first step reads")
    over = False
    try:
        async for event in handler.stream_events():
            if isinstance(event, InputRequiredEvent):
                question = _question(event)
                state = {"context": handler.ctx.to_dict()}
                return Outcome(questions=(question,), state=state)
            if isinstance(event, StopEvent):
                continue
            _show(event, host)
        value = await handler
        over = True
    finally:
        if not over:
            await handler.cancel_run()
    return Outcome(_told(value))


def _show(event: Any, host: Host) -> None:
    """An event that the workflow streams: pieces of text as text, others as parts of the work."""
    piece = getattr(event, "delta", None)
    if isinstance(piece, str):
        host.text(piece)
        return
    name = type(event).__name__
    host.part(f"event-{id(event)}", name)
    host.part_end(f"event-{id(event)}")


def _question(event: Any) -> Question:
    """The event's text as the question; the person writes the response where the workflow needs more than a yes."""
    fields = _fields(event)
    title = str(fields.get("prefix") or fields.get("msg") or "The workflow asks before it goes on")
    rest = {name: plain(part) for name, part in fields.items() if part != title}
    return Question("input", title, rest or "")


def _told(value: Any) -> Any:
    """What a workflow gave: the result of its stop event, or the fields of one of its own kind."""
    from workflows.events import StopEvent

    return plain(_fields(value) if isinstance(value, StopEvent) else value)


def _fields(event: Any) -> dict[str, Any]:
    """The fields of an event: those it declares, and those it was only given."""
    fields = {**event.model_dump(), **event.to_dict()}
    return {name: part for name, part in fields.items() if name != "_data"}


# ── A loop of its own ──────────────────────────────────────────────────────────────────────────


async def _elsewhere(work: Coroutine[Any, Any, Outcome]) -> Outcome:
    """Do the work on the loop of all workflows of this process; cancelling here cancels it there."""
    with _lock:
        if not _loops:
            loop = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="coachwork-workflows", daemon=True).start()
            _loops.append(loop)
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, _loops[0]))


# ── Model calls ────────────────────────────────────────────────────────────────────────────────


def _install() -> None:
    """Listen to llama-index-core where it is loaded, once."""
    if _handlers or "llama_index.core" not in sys.modules:
        return
    from llama_index.core.instrumentation import get_dispatcher
    from llama_index.core.instrumentation.event_handlers import BaseEventHandler

    class Watcher(BaseEventHandler):  # type: ignore[misc]
        @classmethod
        def class_name(cls) -> str:
            return "CoachworkWatcher"

        def handle(self, event: Any, **_more: Any) -> None:
            host = _hosted.get()
            if host is not None:
                _heard(host, event)

    handler = Watcher()
    get_dispatcher().add_event_handler(handler)
    _handlers.append(handler)


def _heard(host: Host, event: Any) -> None:
    kind, call = type(event).__name__, str(event.span_id or "llm")
    if kind in ("LLMChatStartEvent", "LLMCompletionStartEvent"):
        model = event.model_dict
        sent = size([getattr(event, "messages", None), getattr(event, "prompt", None), event.additional_kwargs])
        provider = str(model.get("class_name") or "").lower().removesuffix("_llm")
        host.call_blocking(call, provider, str(model.get("model") or ""), sent, model.get("max_tokens"))
    elif kind == "LLMChatInProgressEvent":
        host.text(getattr(event.response, "delta", "") or "")
    elif kind in ("LLMChatEndEvent", "LLMCompletionEndEvent"):
        response = event.response
        raw = plain(getattr(response, "raw", None))
        said = size(getattr(response, "message", None) or getattr(response, "text", ""))
        raw = raw if isinstance(raw, dict) else {}
        host.call_end(call, usage=_usage(raw.get("usage") or {}), model=str(raw.get("model") or ""), said=said)


def _usage(told: dict[str, Any]) -> dict[str, int] | None:
    """OpenAI's names for the counts, or Anthropic's."""
    into = told.get("prompt_tokens") or told.get("input_tokens") or 0
    out = told.get("completion_tokens") or told.get("output_tokens") or 0
    if not into and not out:
        return None
    of_input = told.get("prompt_tokens_details") or {}
    return {"input_tokens": into, "output_tokens": out, "cached_tokens": of_input.get("cached_tokens") or 0}
