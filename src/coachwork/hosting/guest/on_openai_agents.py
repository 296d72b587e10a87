"""OpenAI Agents SDK (https://openai.github.io/openai-agents-python): tools that need approval become questions.

The SDK sends its own traces to OpenAI by default; here they are off, since the trace is ours.
"""

from __future__ import annotations

import itertools
import json
from typing import Any

from .host import Host
from .task import Answer, Outcome, Question, Task, plain, size


async def run(thing: Any, task: Task, host: Host) -> Outcome:
    """Stream an agent from its input, or from the answers about its tools."""
    from agents import RunConfig, Runner, RunState

    options = dict(task.options)
    options.setdefault("run_config", RunConfig(tracing_disabled=True))
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
    from agents import RunHooks

    numbers = itertools.count(1)

    class Watcher(RunHooks):  # type: ignore[misc]
        def __init__(self) -> None:
            self.under_way: dict[str, str] = {}  # the call of each agent

        async def on_llm_start(self, context: Any, agent: Any, system_prompt: Any, input_items: Any) -> None:
            id = f"call-{next(numbers)}"
            provider, model = _model(agent, run_config)
            settings = agent.model_settings.resolve(getattr(run_config, "model_settings", None))
            tools = [getattr(tool, "params_json_schema", tool.name) for tool in agent.tools]
            sent = size([system_prompt, input_items, tools])
            await host.call(id, provider, model, sent, settings.max_tokens)
            self.under_way[agent.name] = id

        async def on_llm_end(self, context: Any, agent: Any, response: Any) -> None:
            id = self.under_way.pop(agent.name, f"call-{next(numbers)}")
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


def _json(text: Any) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return plain(text)


def _model(agent: Any, run_config: Any) -> tuple[str, str]:
    """The provider and the name of the agent's model; `litellm/anthropic/…` names its provider itself."""
    from agents.models import get_default_model

    model = getattr(run_config, "model", None) or agent.model or get_default_model()
    name = model if isinstance(model, str) else str(getattr(model, "model", ""))
    name = name.removeprefix("litellm/").removeprefix("any-llm/")
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
