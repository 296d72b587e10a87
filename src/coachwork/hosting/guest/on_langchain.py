"""LangChain runnables (https://docs.langchain.com): what their callbacks say, as events. Also serves LangGraph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .host import Host
from .task import Outcome, Task, plain, size


async def run(thing: Any, task: Task, host: Host) -> Outcome:
    """Stream a runnable. A chat model gets the conversation, anything else what was given."""
    from langchain_core.language_models import BaseLanguageModel

    speaks = isinstance(thing, BaseLanguageModel)
    config = dict(task.options.get("config") or {})
    config["callbacks"] = [*(config.get("callbacks") or []), watcher(host)]
    given = [(turn["role"], turn["content"]) for turn in task.turns] if speaks else task.given
    more = {name: value for name, value in task.options.items() if name != "config"}
    value: Any = None
    async for event in thing.astream_events(given, config, version="v2", **more):
        if event["event"] == "on_chat_model_stream":
            host.text(text_of(event["data"]["chunk"]))
        elif event["event"].endswith("_end") and not event["parent_ids"]:
            value = event["data"]["output"]
    return Outcome(told(value))


def text_of(message: Any) -> str:
    """The text of a message or of a piece of one."""
    content = getattr(message, "content", message)
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    parts = (part if isinstance(part, str) else part.get("text", "") for part in content)
    return "".join(part for part in parts if isinstance(part, str))


def told(value: Any) -> Any:
    """What a runnable gave: a message as its text, everything else as JSON."""
    return text_of(value) if hasattr(value, "content") and hasattr(value, "response_metadata") else plain(value)


def watcher(host: Host) -> Any:
    """A callback handler that tells the host of model calls and tools.

    It is a plain one, not an async one: only errors of plain handlers stop a run on every path
    (langchain_core.callbacks.manager, `_run_coros`), and it is called in a thread, where it may wait.
    """
    from langchain_core.callbacks import BaseCallbackHandler

    class Watcher(BaseCallbackHandler):  # type: ignore[misc]
        raise_error = True

        def on_chat_model_start(
            self, serialized: Any, messages: Any, *, run_id: Any, metadata: Any = None, **more: Any
        ) -> None:
            sent = sum(size(message) for batch in messages for message in batch)
            _begin(host, str(run_id), sent, metadata or {}, more.get("invocation_params") or {})

        def on_llm_start(
            self, serialized: Any, prompts: Any, *, run_id: Any, metadata: Any = None, **more: Any
        ) -> None:
            _begin(host, str(run_id), size(prompts), metadata or {}, more.get("invocation_params") or {})

        def on_llm_end(self, response: Any, *, run_id: Any, **more: Any) -> None:
            _end(host, str(run_id), response)

        def on_llm_error(self, error: BaseException, *, run_id: Any, **more: Any) -> None:
            host.call_end(str(run_id), error=type(error).__name__)

        def on_tool_start(
            self, serialized: Any, input_str: str, *, run_id: Any, inputs: Any = None, **more: Any
        ) -> None:
            name = (serialized or {}).get("name") or more.get("name") or "tool"
            host.tool(str(run_id), str(name), plain(input_str if inputs is None else inputs))

        def on_tool_end(self, output: Any, *, run_id: Any, **more: Any) -> None:
            host.tool_end(str(run_id), plain(getattr(output, "content", output)))

        def on_tool_error(self, error: BaseException, *, run_id: Any, **more: Any) -> None:
            host.tool_end(str(run_id), error=f"{type(error).__name__}: {error}")

    return Watcher()


def _begin(host: Host, id: str, sent: int, metadata: Mapping[str, Any], params: Mapping[str, Any]) -> None:
    most = params.get("max_completion_tokens") or params.get("max_tokens") or metadata.get("ls_max_tokens")
    model = metadata.get("ls_model_name") or params.get("model") or params.get("model_name") or ""
    sent += size([params.get("tools"), params.get("functions"), params.get("response_format")])
    host.call_blocking(id, str(metadata.get("ls_provider") or params.get("_type") or ""), str(model), sent, most)


def _end(host: Host, id: str, response: Any) -> None:
    generation = next((one for batch in response.generations for one in batch), None)
    message = getattr(generation, "message", None)
    about = getattr(message, "response_metadata", None) or {}
    host.call_end(
        id,
        usage=_usage(getattr(message, "usage_metadata", None)),
        model=str(about.get("model_name") or about.get("model") or ""),
        said=size(getattr(message, "tool_calls", None)) + size(getattr(generation, "text", "")),
        finish=str(about.get("finish_reason") or about.get("stop_reason") or ""),
    )


def _usage(told: Mapping[str, Any] | None) -> dict[str, int] | None:
    if not told:
        return None
    into, out = told.get("input_token_details") or {}, told.get("output_token_details") or {}
    return {
        "input_tokens": told.get("input_tokens") or 0,
        "output_tokens": told.get("output_tokens") or 0,
        "cached_tokens": into.get("cache_read") or 0,
        "cache_write_tokens": into.get("cache_creation") or 0,
        "thinking_tokens": out.get("reasoning") or 0,
    }
