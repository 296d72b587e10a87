"""pydantic-ai agents (https://ai.pydantic.dev): deferred tools become questions, the messages so far are the state."""

from __future__ import annotations

import itertools
from typing import Any

from .host import Host
from .task import Answer, Outcome, Question, Task, plain, size


async def run(thing: Any, task: Task, host: Host) -> Outcome:
    """Stream an agent from its input, or from the answers to the tools it deferred."""
    from pydantic_ai import DeferredToolRequests, DeferredToolResults
    from pydantic_ai.messages import ModelMessagesTypeAdapter

    options = dict(task.options)
    capabilities = [*(options.pop("capabilities", None) or []), _watcher(host)]
    if task.answers:
        results = DeferredToolResults()
        for answer in task.answers:
            _place(results, answer, task.state["kinds"][answer.id])
        options.update(
            message_history=ModelMessagesTypeAdapter.validate_python(task.state["messages"]),
            deferred_tool_results=results,
        )
        prompt = None
    else:
        prompt, options["message_history"] = _conversation(task)
    result: Any = None
    options.setdefault("infer_name", False)  # or an agent without a name is called as our variable, from then on
    async with thing.run_stream_events(prompt, capabilities=capabilities, **options) as events:
        async for event in events:
            if event.event_kind == "agent_run_result":
                result = event.result
            else:
                _show(event, host)
    if isinstance(result.output, DeferredToolRequests):
        asked = result.output
        kinds = dict.fromkeys((call.tool_call_id for call in asked.approvals), "approval")
        kinds |= dict.fromkeys((call.tool_call_id for call in asked.calls), "call")
        state = {"messages": ModelMessagesTypeAdapter.dump_python(result.all_messages(), mode="json"), "kinds": kinds}
        questions = [_question(call, f"Allow {call.tool_name}?") for call in asked.approvals]
        questions += [_question(call, f"Give the result of {call.tool_name}") for call in asked.calls]
        return Outcome(questions=tuple(questions), state=state)
    return Outcome(plain(result.output))


def _conversation(task: Task) -> tuple[str, list[Any]]:
    """The newest turn as the prompt, the turns before it as messages."""
    from pydantic_ai.messages import ModelRequest, ModelResponse, TextPart, UserPromptPart

    *before, last = task.turns
    history: list[Any] = []
    for turn in before:
        if turn["role"] == "user":
            history.append(ModelRequest(parts=[UserPromptPart(content=turn["content"])]))
        else:
            history.append(ModelResponse(parts=[TextPart(content=turn["content"])]))
    return last["content"], history


def _show(event: Any, host: Host) -> None:
    kind = event.event_kind
    if kind == "part_start" and event.part.part_kind == "text":
        host.text(event.part.content)
    elif kind == "part_delta" and event.delta.part_delta_kind == "text":
        host.text(event.delta.content_delta)
    elif kind == "function_tool_call":
        host.tool(event.part.tool_call_id, event.part.tool_name, event.part.args_as_dict())
    elif kind == "function_tool_result":
        failed = event.part.part_kind == "retry-prompt"
        said = plain(event.part.content)
        host.tool_end(event.part.tool_call_id, None if failed else said, str(said) if failed else "")


def _question(call: Any, title: str) -> Question:
    return Question(call.tool_call_id, title, {"tool": call.tool_name, "arguments": call.args_as_dict()})


def _place(results: Any, answer: Answer, kind: str) -> None:
    """An answer as the result of its tool: allowed (with other arguments after an edit), denied, or done outside."""
    from pydantic_ai import ToolApproved, ToolDenied

    denied = ToolDenied(answer.comment or "A person did not allow this.")
    if not answer.yes:
        where = results.approvals if kind == "approval" else results.calls
        where[answer.id] = denied if kind == "approval" else denied.message
    elif kind == "call":
        results.calls[answer.id] = answer.value
    elif answer.status == "edited":
        results.approvals[answer.id] = ToolApproved(override_args=answer.value["arguments"])
    else:
        results.approvals[answer.id] = True


def _watcher(host: Host) -> Any:
    """A capability that tells the host of every attempt to ask a model."""
    from pydantic_ai.capabilities import AbstractCapability

    numbers = itertools.count(1)
    under_way: list[str] = []  # an agent asks one model at a time

    class Watcher(AbstractCapability[Any]):
        async def prepare_model_request(self, ctx: Any, request_context: Any) -> Any:
            id, model = f"call-{next(numbers)}", request_context.model
            most = (request_context.model_settings or {}).get("max_tokens")
            sent = size(request_context.messages) + size(request_context.model_request_parameters)
            await host.call(id, model.system, model.model_name, sent, most)
            under_way.append(id)
            return request_context

        async def after_model_request(self, ctx: Any, *, request_context: Any, response: Any) -> Any:
            told = response.usage
            usage = {
                "input_tokens": told.input_tokens,
                "output_tokens": told.output_tokens,
                "cached_tokens": told.cache_read_tokens,
                "cache_write_tokens": told.cache_write_tokens,
                "thinking_tokens": (told.details or {}).get("reasoning_tokens", 0),
            }
            host.call_end(
                under_way.pop(),
                usage=usage if any(usage.values()) else None,
                model=response.model_name or "",
                said=size(response.parts),
                finish=str(response.finish_reason or ""),
            )
            return response

        async def on_model_request_error(self, ctx: Any, *, request_context: Any, error: Exception) -> Any:
            if under_way:
                host.call_end(under_way.pop(), error=type(error).__name__)
            raise error

    return Watcher()
