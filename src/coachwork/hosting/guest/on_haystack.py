"""Haystack pipelines (https://docs.haystack.deepset.ai): run in a thread, watched through Haystack's own tracer.

A tracer is global there: ours stands before the one that was set, and only sees runs that it hosts.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

from .host import Host
from .task import Outcome, Task, plain, size
from .threads import in_thread

_ONE = "haystack.component.run"
_TOOL = "haystack.agent.step.tool"
_ASKS = ("haystack.component.input", "haystack.agent.step.llm.input")
_SAYS = ("haystack.component.output", "haystack.agent.step.llm.output")
_USAGE_TOO = {"stream_options": {"include_usage": True}}
_numbers = itertools.count(1)
_watched: ContextVar[_Watched | None] = ContextVar("coachwork_haystack", default=None)


async def run(thing: Any, task: Task, host: Host) -> Outcome:
    """Run a pipeline; generators that can stream tell their text."""
    _install()
    data = _data(thing, task.given, host)
    watched = _Watched(host, dict(thing.walk()))

    def work() -> Any:
        token = _watched.set(watched)
        try:
            return thing.run(data, **task.options)
        finally:
            _watched.reset(token)

    return Outcome(_told(await in_thread(work)))


def _data(pipeline: Any, given: Any, host: Host) -> dict[str, Any]:
    """The input by component: Haystack's own form, or plain fields for every component that has them."""
    inputs = pipeline.inputs(include_components_with_connected_inputs=True)
    if not isinstance(given, dict):
        raise TypeError("a pipeline takes fields: declare input= as a model with the inputs of its components")
    by_component = bool(given) and all(name in inputs and isinstance(part, dict) for name, part in given.items())
    data: dict[str, Any] = {name: dict(part) for name, part in given.items()} if by_component else {}
    for component, sockets in inputs.items():
        if not by_component:
            fields = {name: _value(name, given[name]) for name in sockets if name in given}
            if fields:
                data[component] = fields
        if "streaming_callback" in sockets:
            fields = data.setdefault(component, {})
            fields["streaming_callback"] = lambda chunk: host.text(chunk.content or "")
            streams_openai = type(_generator(pipeline.get_component(component))).__name__ == "OpenAIChatGenerator"
            if streams_openai and "generation_kwargs" in sockets:  # else a stream tells no usage
                fields["generation_kwargs"] = {**_USAGE_TOO, **(fields.get("generation_kwargs") or {})}
    return data


def _generator(component: Any) -> Any:
    """The component itself, or the generator inside an agent."""
    return getattr(component, "chat_generator", component)


def _value(name: str, value: Any) -> Any:
    """A conversation as Haystack's chat messages, everything else as it is."""
    if name != "messages" or not isinstance(value, list):
        return value
    from haystack.dataclasses import ChatMessage

    make = {"user": ChatMessage.from_user, "assistant": ChatMessage.from_assistant}
    return [make[turn["role"]](turn["content"]) for turn in value]


def _told(outputs: dict[str, Any]) -> Any:
    """The text of the last reply where one component replies, else all outputs."""
    messages = [
        part["last_message"] for part in outputs.values() if isinstance(part, dict) and part.get("last_message")
    ]
    if len(messages) == 1 and len(outputs) == 1:
        return messages[0].text
    replies = [part["replies"] for part in outputs.values() if isinstance(part, dict) and part.get("replies")]
    if len(replies) == 1 and len(outputs) == 1:
        last = replies[0][-1]
        return last if isinstance(last, str) else last.text
    return plain(outputs)


class _Watched:
    """One run: its host, its components by name, and the components at work, the innermost last."""

    def __init__(self, host: Host, components: dict[str, Any]) -> None:
        self.host = host
        self.components = components
        self.at_work: list[Any] = []


def _install() -> None:
    """Put our tracer before the one that is there, once."""
    from haystack import tracing

    if not isinstance(tracing.tracer.actual_tracer, _tracer_class()):
        tracing.enable_tracing(_tracer_class()(tracing.tracer.actual_tracer))


_made: list[type] = []


def _tracer_class() -> Any:
    if not _made:
        _made.append(_make_tracer())
    return _made[0]


def _make_span() -> Any:
    from haystack.tracing import Span

    class Watching(Span):  # type: ignore[misc]
        def __init__(self, inner: Any, watched: _Watched, tags: dict[str, Any]) -> None:
            self.inner, self.watched = inner, watched
            self.call = ""
            self.tool, self.tool_name = f"tool-{next(_numbers)}", str(tags.get("haystack.tool.name", "tool"))

        def set_tag(self, key: str, value: Any) -> None:
            self.inner.set_tag(key, value)

        def set_content_tag(self, key: str, value: Any) -> None:
            if key in _ASKS:
                component = self.watched.at_work[-1] if self.watched.at_work else None
                self._asks(component if key == _ASKS[0] else _generator(component), value)
            elif key in _SAYS and self.call and isinstance(value, dict):
                call, self.call = self.call, ""
                _end(self.watched.host, call, value)
            elif key == f"{_TOOL}.input":
                self.watched.host.tool(self.tool, self.tool_name, plain(value))
            elif key == f"{_TOOL}.output":
                error = value.get("error") if isinstance(value, dict) and set(value) == {"error"} else None
                self.watched.host.tool_end(self.tool, plain(value), str(error or ""))
            self.inner.set_content_tag(key, value)

        def _asks(self, generator: Any, value: Any) -> None:
            model = getattr(generator, "model", None)
            if not isinstance(model, str) or "replies" not in getattr(generator, "__haystack_output__", ()):
                return
            settings = {
                **(getattr(generator, "generation_kwargs", None) or {}),
                **(value.get("generation_kwargs") or {}),
            }
            most = settings.get("max_completion_tokens") or settings.get("max_tokens")
            sent = {name: part for name, part in value.items() if name != "streaming_callback"}
            call = f"call-{next(_numbers)}"
            self.watched.host.call_blocking(call, _provider(generator), model, size(sent), most)
            self.call = call

        def raw_span(self) -> Any:
            return self.inner.raw_span()

        def get_correlation_data_for_logs(self) -> Any:
            return self.inner.get_correlation_data_for_logs()

    return Watching


def _make_tracer() -> type:
    from haystack.tracing import Tracer

    span_class = _make_span()

    class Watcher(Tracer):  # type: ignore[misc]
        def __init__(self, inner: Any) -> None:
            self.inner = inner

        @contextlib.contextmanager
        def trace(self, operation_name: str, tags: Any = None, parent_span: Any = None) -> Iterator[Any]:
            watched = _watched.get()
            parent = parent_span.inner if isinstance(parent_span, span_class) else parent_span
            with self.inner.trace(operation_name, tags=tags, parent_span=parent) as inner:
                if watched is None:
                    yield inner
                    return
                span = span_class(inner, watched, tags or {})
                with _part(watched, operation_name, tags or {}):
                    try:
                        yield span
                    except Exception as error:
                        if span.call:
                            watched.host.call_end(span.call, error=type(error).__name__)
                        raise

        def current_span(self) -> Any:
            return self.inner.current_span()

    return Watcher


@contextlib.contextmanager
def _part(watched: _Watched, operation: str, tags: dict[str, Any]) -> Iterator[None]:
    """Tell of a component's beginning and end."""
    host, id = watched.host, f"part-{next(_numbers)}"
    if operation != _ONE:
        yield
        return
    name = str(tags.get("haystack.component.name"))
    host.part(id, name)
    watched.at_work.append(watched.components.get(name))
    try:
        yield
    except BaseException as error:
        host.part_end(id, type(error).__name__)
        raise
    else:
        host.part_end(id)
    finally:
        watched.at_work.pop()


def _end(host: Host, call: str, output: dict[str, Any]) -> None:
    replies = output.get("replies") or []
    metas = [reply.meta for reply in replies if hasattr(reply, "meta")] or list(output.get("meta") or [])
    meta = metas[0] if metas else {}
    host.call_end(
        call,
        usage=_usage(meta.get("usage") or {}),
        model=str(meta.get("model") or ""),
        said=size(replies),
        finish=str(meta.get("finish_reason") or ""),
    )


def _usage(told: dict[str, Any]) -> dict[str, int] | None:
    """OpenAI's names for the counts, or Anthropic's."""
    into = told.get("prompt_tokens") or told.get("input_tokens") or 0
    out = told.get("completion_tokens") or told.get("output_tokens") or 0
    if not into and not out:
        return None
    of_input, of_output = told.get("prompt_tokens_details") or {}, told.get("completion_tokens_details") or {}
    return {
        "input_tokens": into,
        "output_tokens": out,
        "cached_tokens": plain(of_input).get("cached_tokens") or 0,
        "thinking_tokens": plain(of_output).get("reasoning_tokens") or 0,
    }


def _provider(generator: Any) -> str:
    """OpenAIChatGenerator → openai. The rest of the class's name says what it does."""
    name = type(generator).__name__
    for end in ("ResponsesChatGenerator", "ChatGenerator", "Generator"):
        name = name.removesuffix(end)
    return name.lower()
