"""DSPy modules (https://dspy.ai): the fields of the prediction are the value.

A module works in a thread, as DSPy's own `asyncify` does. DSPy only logs what its callbacks raise, so a refusal passes
through as one that is no Exception.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .host import Host, Refused
from .task import Outcome, Task, plain, size

_NOTHING = {"input_tokens": 0, "output_tokens": 0}


class _Denied(BaseException):
    """A refusal on its way out of DSPy's callbacks."""


async def run(thing: Any, task: Task, host: Host) -> Outcome:
    """Stream a module; the text of its last predictor is told as it is written."""
    import dspy

    if not isinstance(task.given, dict):
        raise TypeError("a module takes fields: declare input= as a model with the inputs of its signature")
    value: Any = None
    try:
        listeners = _listeners(thing)
        watcher = _watcher(host, streams=bool(listeners))
        with dspy.settings.context(callbacks=[*dspy.settings.callbacks, watcher], lm=_told_usage()):
            program = dspy.streamify(thing, stream_listeners=listeners)
            async for piece in program(**task.given, **task.options):
                if isinstance(piece, dspy.Prediction):
                    value = piece
                elif isinstance(getattr(piece, "chunk", None), str):
                    host.text(piece.chunk)
    except BaseException as error:
        refusal = _denied(error)
        if refusal is None:
            raise
        raise Refused(str(refusal)) from None
    return Outcome(plain(value))


def _told_usage() -> Any:
    """The language model, asked for the usage of a stream too: else LiteLLM counts it, by some tokenizer."""
    import dspy

    lm = dspy.settings.lm
    return lm.copy(stream_options={"include_usage": True}) if isinstance(lm, dspy.LM) else lm


def _denied(error: BaseException) -> _Denied | None:
    """The refusal in an exception, however deep DSPy's task groups have packed it."""
    if isinstance(error, _Denied):
        return error
    packed = getattr(error, "exceptions", None) or ()
    return next((found for part in packed if (found := _denied(part)) is not None), None)


def _listeners(thing: Any) -> list[Any]:
    """A listener for every text that the last predictor writes, where no other writes one of that name."""
    import dspy

    predictors = [predictor for _name, predictor in thing.named_predictors()]
    if not predictors:
        return []
    names = [name for one in predictors for name in one.signature.output_fields]
    texts = [name for name, field in predictors[-1].signature.output_fields.items() if field.annotation is str]
    last = [name for name in texts if names.count(name) == 1][-1:]
    return [dspy.streaming.StreamListener(signature_field_name=name) for name in last]


def _watcher(host: Host, *, streams: bool) -> Any:
    from dspy.utils.callback import BaseCallback

    asked: dict[str, Any] = {}

    class Watcher(BaseCallback):  # type: ignore[misc]
        def on_lm_start(self, call_id: str, instance: Any, inputs: Any) -> None:
            asked[call_id] = instance
            settings = {**getattr(instance, "kwargs", {}), **(inputs.get("kwargs") or {}), **inputs}
            most = settings.get("max_completion_tokens") or settings.get("max_tokens")
            sent = size([inputs.get("prompt"), inputs.get("messages")])
            provider, _, model = str(instance.model).partition("/")
            _without_log(lambda: host.call_blocking(call_id, provider, model, sent, most))

        def on_lm_end(self, call_id: str, outputs: Any, exception: Any = None) -> None:
            instance = asked.pop(call_id)
            if exception is not None:
                host.call_end(call_id, error=type(exception).__name__)
                return
            entry = (getattr(instance, "history", None) or [{}])[-1]
            kept = bool(getattr(entry.get("response"), "cache_hit", False))  # from DSPy's own cache: nothing was sent
            usage = _NOTHING if kept else _usage(entry.get("usage") or {})
            if usage and streams and not kept and not instance.kwargs.get("stream_options"):
                usage["estimated"] = True  # a predictor's own model: LiteLLM counted what it streamed
            host.call_end(call_id, usage=usage, said=size(outputs), finish="stop")

        def on_tool_start(self, call_id: str, instance: Any, inputs: Any) -> None:
            host.tool(call_id, str(getattr(instance, "name", "tool")), plain(inputs.get("kwargs") or inputs))

        def on_tool_end(self, call_id: str, outputs: Any, exception: Any = None) -> None:
            host.tool_end(
                call_id, plain(outputs), "" if exception is None else f"{type(exception).__name__}: {exception}"
            )

        def on_module_start(self, call_id: str, instance: Any, inputs: Any) -> None:
            host.part(call_id, type(instance).__name__)

        def on_module_end(self, call_id: str, outputs: Any, exception: Any = None) -> None:
            host.part_end(call_id, "" if exception is None else type(exception).__name__)

    return Watcher()


def _without_log(ask: Callable[[], None]) -> None:
    try:
        ask()
    except Refused as refusal:
        raise _Denied(str(refusal)) from None


def _usage(told: Mapping[str, Any]) -> dict[str, int] | None:
    into, out = (told.get(name) or 0 for name in ("prompt_tokens", "completion_tokens"))
    of_input, of_output = (plain(told.get(f"{name}_tokens_details") or {}) for name in ("prompt", "completion"))
    if not into and not out:
        return None
    return {
        "input_tokens": into,
        "output_tokens": out,
        "cached_tokens": of_input.get("cached_tokens") or 0,
        "thinking_tokens": of_output.get("reasoning_tokens") or 0,
    }
