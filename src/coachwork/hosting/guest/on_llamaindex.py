"""LlamaIndex workflows (https://docs.llamaindex.ai): events in, events out; its context is the state.

Model calls are seen where llama-index-core makes them, through its instrumentation. Some code there asks a model by
a plain call in the middle of async code, so workflows run on a loop of their own, which may stand still meanwhile.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Coroutine
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from .host import Host, Refused
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
        async for event in handler.stream_events(expose_internal=True):
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
    """An event that is streamed: pieces of text as text, the beginning and end of a step as a part of the work."""
    piece = getattr(event, "delta", None)
    if isinstance(piece, str):
        host.text(piece)
    elif type(event).__name__ == "StepStateChanged":
        id = f"step-{event.name}-{event.worker_id}"
        if event.step_state.value == "running":
            host.part(id, event.name)
        elif event.step_state.value == "not_running":
            host.part_end(id)


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


@dataclass
class _Asking:
    """A model call that has begun and was not sent yet: what its limiter will ask for."""

    id: str
    llm: Any
    sent: int
    most: int | None


_begun: ContextVar[_Asking | None] = ContextVar("coachwork_llamaindex_call", default=None)


class _Gate:
    """Stands where a model's rate limiter does: the last word before a call is sent, and the only one that can refuse.

    What instrumentation handlers raise is dropped by LlamaIndex.
    """

    def __init__(self, llm: Any) -> None:
        self.inner = llm.rate_limiter

    def acquire(self, num_tokens: int = 0) -> None:
        host, call = _hosted.get(), _begun.get()
        if host is not None and call is not None:
            host.call_blocking(call.id, *_model(call.llm), call.sent, call.most)
        if self.inner is not None:
            self.inner.acquire(num_tokens)

    async def async_acquire(self, num_tokens: int = 0) -> None:
        host, call = _hosted.get(), _begun.get()
        if host is not None and call is not None:
            await host.call(call.id, *_model(call.llm), call.sent, call.most)
        if self.inner is not None:
            await self.inner.async_acquire(num_tokens)


def _model(llm: Any) -> tuple[str, str]:
    return str(llm.class_name()).lower().removesuffix("_llm"), str(llm.metadata.model_name)


def _install() -> None:
    """Listen to llama-index-core where it is loaded, once."""
    if _handlers or "llama_index.core" not in sys.modules:
        return
    from llama_index.core.instrumentation import get_dispatcher
    from llama_index.core.instrumentation.event_handlers import BaseEventHandler
    from llama_index.core.instrumentation.span_handlers import NullSpanHandler

    llms: dict[str, Any] = {}

    class Events(BaseEventHandler):  # type: ignore[misc]
        @classmethod
        def class_name(cls) -> str:
            return "CoachworkEvents"

        def handle(self, event: Any, **_more: Any) -> None:
            host = _hosted.get()
            if host is not None:
                _heard(host, event, llms.get(str(event.span_id)))

    class Spans(NullSpanHandler):  # type: ignore[misc]
        @classmethod
        def class_name(cls) -> str:
            return "CoachworkSpans"

        def span_enter(self, id_: str, bound_args: Any, instance: Any = None, **_more: Any) -> None:
            if _hosted.get() is None or not hasattr(instance, "rate_limiter") or not hasattr(instance, "metadata"):
                return
            llms[id_] = instance
            if not isinstance(instance.rate_limiter, _Gate):
                instance.rate_limiter = _Gate(instance)

        def span_exit(self, id_: str, *_more: Any, **_even_more: Any) -> None:
            llms.pop(id_, None)

        def span_drop(self, id_: str, *_more: Any, err: BaseException | None = None, **_even_more: Any) -> None:
            host = _hosted.get()
            if llms.pop(id_, None) is not None and host is not None and not isinstance(err, Refused):
                host.call_end(id_, error=type(err).__name__)

    for handler in (Events(), Spans()):
        _handlers.append(handler)
    get_dispatcher().add_event_handler(_handlers[0])
    get_dispatcher().add_span_handler(_handlers[1])


def _heard(host: Host, event: Any, llm: Any) -> None:
    kind, id = type(event).__name__, str(event.span_id)
    if kind in ("LLMChatStartEvent", "LLMCompletionStartEvent") and llm is not None:
        sent = size([getattr(event, "messages", None), getattr(event, "prompt", None), event.additional_kwargs])
        most = (event.additional_kwargs or {}).get("max_tokens") or getattr(llm, "max_tokens", None)
        _begun.set(_Asking(id, llm, sent, most))
    elif kind == "LLMChatInProgressEvent":
        host.text(getattr(event.response, "delta", "") or "")
    elif kind in ("LLMChatEndEvent", "LLMCompletionEndEvent"):
        response = event.response
        raw = plain(getattr(response, "raw", None))
        said = size(getattr(response, "message", None) or getattr(response, "text", ""))
        raw = raw if isinstance(raw, dict) else {}
        host.call_end(id, usage=_usage(raw.get("usage") or {}), model=str(raw.get("model") or ""), said=said)


def _usage(told: dict[str, Any]) -> dict[str, int] | None:
    """OpenAI's names for the counts, or Anthropic's."""
    into = told.get("prompt_tokens") or told.get("input_tokens") or 0
    out = told.get("completion_tokens") or told.get("output_tokens") or 0
    if not into and not out:
        return None
    of_input = told.get("prompt_tokens_details") or {}
    return {"input_tokens": into, "output_tokens": out, "cached_tokens": of_input.get("cached_tokens") or 0}
