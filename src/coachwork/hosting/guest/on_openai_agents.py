"""OpenAI Agents SDK (https://openai.github.io/openai-agents-python): tools that need approval become questions.

The SDK sends its own traces to OpenAI by default; here they are off, since the trace is ours.
"""

from __future__ import annotations

import dataclasses
import inspect
import itertools
import json
from collections.abc import Mapping
from typing import Any

from .host import Host
from .task import Answer, Outcome, Question, Task, plain, size

_numbers = itertools.count(1)


async def run(thing: Any, task: Task, host: Host) -> Outcome:
    """Stream an agent from its input, or from the answers about its tools."""
    from agents import RunConfig, Runner, RunState

    options = dict(task.options)
    config = options.pop("run_config", None) or RunConfig(tracing_disabled=True)
    config = RunConfig(**config) if isinstance(config, dict) else config
    options["run_config"] = dataclasses.replace(config, model_provider=_provider(host, config.model_provider))
    given: Any = task.turns
    if task.answers:
        given = await RunState.from_json(thing, task.state)
        asked = {_id(item): item for item in given.get_interruptions()}
        for answer in task.answers:
            _decide(given, asked[answer.id], answer)
    hooks = _hooks(host, options["run_config"])
    result = Runner.run_streamed(thing, given, hooks=hooks, **options)
    try:
        async for event in result.stream_events():
            if event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
                host.text(event.data.delta)
    except Exception as error:
        for id in hooks.under_way.values():  # the SDK has no hook for a call that fails
            host.call_end(id, error=type(error).__name__)
        raise
    finally:
        if not result.is_complete:
            result.cancel()
    if result.interruptions:
        questions = tuple(_question(item) for item in result.interruptions)
        return Outcome(questions=questions, state=plain(result.to_state().to_json()))
    return Outcome(plain(result.final_output))


def _raw(item: Any, name: str) -> Any:
    raw = item.raw_item
    return raw.get(name) if isinstance(raw, dict) else getattr(raw, name, None)


def _id(item: Any) -> str:
    return str(_raw(item, "call_id") or _raw(item, "id"))


def _question(item: Any) -> Question:
    return Question(_id(item), f"Allow {item.tool_name}?", {"tool": item.tool_name, "arguments": _arguments(item)})


def _arguments(item: Any) -> Any:
    return _json(_raw(item, "arguments"))


def _decide(state: Any, item: Any, answer: Answer) -> None:
    """Allow or reject a call. The SDK can't change its arguments: after an edit the model is told to ask again so."""
    if answer.status == "accepted":
        state.approve(item)
    elif answer.status == "edited":
        arguments = json.dumps(answer.value.get("arguments", answer.value), ensure_ascii=False)
        state.reject(item, rejection_message=f"A person changed the arguments. Call it again with: {arguments}")
    else:
        state.reject(item, rejection_message=answer.comment or "A person did not allow this.")


def _hooks(host: Host, run_config: Any) -> Any:
    from agents import Model, RunHooks

    class Watcher(RunHooks):  # type: ignore[misc]
        def __init__(self) -> None:
            self.under_way: dict[str, str] = {}  # the call of each agent

        async def on_llm_start(self, context: Any, agent: Any, system_prompt: Any, input_items: Any) -> None:
            model = getattr(run_config, "model", None) or agent.model
            if not isinstance(model, Model):
                return  # it comes from the provider, which tells of it
            id = f"call-{next(_numbers)}"
            settings = agent.model_settings.resolve(getattr(run_config, "model_settings", None))
            sent = size([system_prompt, input_items, _schemas(agent.tools)])
            await host.call(id, *_named(getattr(model, "model", "")), sent, settings.max_tokens)
            self.under_way[agent.name] = id

        async def on_llm_end(self, context: Any, agent: Any, response: Any) -> None:
            if (id := self.under_way.pop(agent.name, "")) != "":
                host.call_end(id, usage=_usage(response.usage), said=size(response.output), finish="stop")

        async def on_agent_start(self, context: Any, agent: Any) -> None:
            host.part(f"agent-{agent.name}", agent.name)

        async def on_agent_end(self, context: Any, agent: Any, output: Any) -> None:
            host.part_end(f"agent-{agent.name}")

        async def on_handoff(self, context: Any, from_agent: Any, to_agent: Any) -> None:
            host.part_end(f"agent-{from_agent.name}")

        async def on_tool_start(self, context: Any, agent: Any, tool: Any) -> None:
            arguments = getattr(context, "tool_arguments", None)
            host.tool(getattr(context, "tool_call_id", tool.name), tool.name, _json(arguments))

        async def on_tool_end(self, context: Any, agent: Any, tool: Any, result: Any) -> None:
            host.tool_end(getattr(context, "tool_call_id", tool.name), plain(result))

    return Watcher()


def _provider(host: Host, inner: Any) -> Any:
    """A provider whose models tell of their calls, also of agents that are tools of other agents."""
    from agents import ModelProvider

    class Provider(ModelProvider):  # type: ignore[misc]
        def get_model(self, model_name: str | None) -> Any:
            from agents.models import get_default_model

            return _watched(host, inner.get_model(model_name), *_named(model_name or get_default_model()))

        async def aclose(self) -> None:
            await inner.aclose()

    return Provider()


def _watched(host: Host, inner: Any, provider: str, name: str) -> Any:
    from agents import Model

    async def begun(given: Mapping[str, Any]) -> str:
        id = f"call-{next(_numbers)}"
        sent = size([given["system_instructions"], given["input"], _schemas(given["tools"])])
        await host.call(id, provider, name, sent, given["model_settings"].max_tokens)
        return id

    class Watched(Model):  # type: ignore[misc]
        def __getattribute__(self, attribute: str) -> Any:
            """Everything but the two calls is the model's own."""
            here = attribute in ("get_response", "stream_response") or attribute.startswith("__")
            return object.__getattribute__(self, attribute) if here else getattr(inner, attribute)

        async def get_response(self, *args: Any, **more: Any) -> Any:
            id = await begun(_arguments_of(inner.get_response, args, more))
            try:
                response = await inner.get_response(*args, **more)
            except Exception as error:
                host.call_end(id, error=type(error).__name__)
                raise
            host.call_end(id, usage=_usage(response.usage), said=size(response.output), finish="stop")
            return response

        async def stream_response(self, *args: Any, **more: Any) -> Any:
            id = await begun(_arguments_of(inner.stream_response, args, more))
            try:
                async for event in inner.stream_response(*args, **more):
                    if event.type in ("response.completed", "response.incomplete"):
                        response = event.response
                        usage = None if response.usage is None else _usage(response.usage)
                        host.call_end(id, usage=usage, said=size(response.output), finish="stop")
                        id = ""
                    yield event
            except Exception as error:
                if id:
                    host.call_end(id, error=type(error).__name__)
                raise

    return Watched()


def _arguments_of(call: Any, args: tuple[Any, ...], more: Mapping[str, Any]) -> Mapping[str, Any]:
    return inspect.signature(call).bind(*args, **more).arguments


def _schemas(tools: Any) -> list[Any]:
    return [getattr(tool, "params_json_schema", tool.name) for tool in tools]


def _json(text: Any) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return plain(text)


def _named(model: Any) -> tuple[str, str]:
    """The provider and the name of a model; `litellm/anthropic/…` names its provider itself."""
    name = str(model).removeprefix("litellm/").removeprefix("any-llm/")
    provider, slash, rest = name.partition("/")
    return (provider, rest) if slash else ("openai", name)


def _usage(told: Any) -> dict[str, int] | None:
    if not told.input_tokens and not told.output_tokens:
        return None
    return {
        "input_tokens": told.input_tokens,
        "output_tokens": told.output_tokens,
        "cached_tokens": getattr(told.input_tokens_details, "cached_tokens", 0) or 0,
        "thinking_tokens": getattr(told.output_tokens_details, "reasoning_tokens", 0) or 0,
    }
