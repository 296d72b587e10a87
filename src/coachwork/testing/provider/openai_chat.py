"""OpenAI's chat completions, as OpenAI and every server that copies it speak them. Knows that wire's JSON alone."""

from collections.abc import Iterator
from typing import Any

from coachwork.messages import FinishReason, Usage
from coachwork.testing.provider.question import Answer, Question, Tool, pieces
from coachwork.testing.provider.wire import CREATED, Frame, Received, Trouble, Wire, body_of, compact, text_of

_ID = "chatcmpl-000000000000000000000001"
_FINISH: dict[FinishReason | None, str | None] = {
    "stop": "stop",
    "length": "length",
    "content_filter": "content_filter",
    "tool_call": "tool_calls",
    None: None,
}
_TYPES = {  # of an error, and its code
    "bad-request": ("invalid_request_error", None),
    "auth": ("invalid_request_error", "invalid_api_key"),
    "permission": ("invalid_request_error", "permission_denied"),
    "not-found": ("invalid_request_error", "model_not_found"),
    "timeout": ("server_error", None),
    "too-large": ("invalid_request_error", None),
    "rate-limit": ("requests", "rate_limit_exceeded"),
    "quota": ("insufficient_quota", "insufficient_quota"),
    "server": ("server_error", None),
    "unavailable": ("server_error", None),
    "overloaded": ("server_error", "overloaded"),
    "too-long": ("invalid_request_error", "context_length_exceeded"),
    "filtered": ("invalid_request_error", "content_filter"),
}


def read(received: Received) -> Question:
    body = body_of(received)
    messages = body.get("messages", [])
    shape = body.get("response_format") or {}
    schema = {"json_schema": shape.get("json_schema", {}).get("schema"), "json_object": {"type": "object"}}
    return Question(
        model=str(body.get("model", "")),
        streams=bool(body.get("stream")),
        said="\n".join(text_of(message.get("content")) for message in messages),
        last=text_of(messages[-1].get("content")) if messages else "",
        after_tool=bool(messages) and messages[-1].get("role") == "tool",
        schema=schema.get(shape.get("type", "")),
        tools=tuple(
            Tool(tool["function"]["name"], tool["function"].get("parameters") or {"type": "object"})
            for tool in body.get("tools") or ()
            if tool.get("type") == "function"
        ),
        tool_choice=tool_choice(body.get("tool_choice", "auto")),
        max_tokens=body.get("max_completion_tokens") or body.get("max_tokens"),
        thinks=(body.get("reasoning_effort") or "none") != "none",
        probabilities=bool(body.get("logprobs")),
        wants_usage=not body.get("stream") or bool((body.get("stream_options") or {}).get("include_usage")),
    )


def tool_choice(choice: Any) -> str:
    """ "auto", "none", "required" or a tool's name."""
    if isinstance(choice, str):
        return choice
    return str((choice.get("function") or choice).get("name", "auto"))


def plain(question: Question, answer: Answer, _received: Received) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": answer.text, "refusal": None, "annotations": []}
    if answer.thinking:
        message["reasoning_content"] = answer.thinking
    if answer.tool_calls:
        message["content"] = answer.text or None
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in answer.tool_calls
        ]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _FINISH[answer.finish_reason]}
    if answer.probabilities:
        choice["logprobs"] = {"content": [_probability(*pair) for pair in answer.probabilities], "refusal": None}
    usage = {"usage": usage_of(answer.counted)} if answer.tells_usage else {}
    return {**_head(question, "chat.completion"), "choices": [choice], **usage}


def events(question: Question, answer: Answer) -> Iterator[Frame]:
    yield _chunk(question, {"role": "assistant", "content": "", "refusal": None}, "open")
    for piece in pieces(answer.thinking):
        yield _chunk(question, {"reasoning_content": piece}, "piece")
    probable = dict(enumerate(answer.probabilities))
    for number, piece in enumerate(pieces(answer.text)):
        known = {"content": [_probability(*probable[number])], "refusal": None} if number in probable else None
        yield _chunk(question, {"content": piece}, "piece", logprobs=known)
    for index, call in enumerate(answer.tool_calls):
        begun = {"index": index, "id": call.id, "type": "function", "function": {"name": call.name, "arguments": ""}}
        yield _chunk(question, {"tool_calls": [begun]}, "open")
        for piece in pieces(call.arguments):
            yield _chunk(question, {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}, "piece")
    yield _chunk(question, {}, "close", finish=_FINISH[answer.finish_reason])
    if question.wants_usage and answer.tells_usage:
        counted = {**_head(question, "chat.completion.chunk"), "choices": [], "usage": usage_of(answer.counted)}
        yield Frame(f"data: {compact(counted)}\n\n", "close")
    yield Frame("data: [DONE]\n\n", "done")


def usage_of(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens, "audio_tokens": usage.input_audio_tokens},
        "completion_tokens_details": {
            "reasoning_tokens": usage.thinking_tokens,
            "audio_tokens": usage.output_audio_tokens,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def trouble(what: Trouble) -> tuple[int, dict[str, Any]]:
    kind, code = _TYPES[what.kind]
    param = "messages" if what.kind == "too-long" else None
    return what.status, {"error": {"message": what.message, "type": kind, "param": param, "code": code}}


def error_event(what: Trouble) -> Frame:
    return Frame(f"data: {compact(trouble(what)[1])}\n\n", "close")


def _head(question: Question, kind: str) -> dict[str, Any]:
    return {"id": _ID, "object": kind, "created": CREATED, "model": question.model, "system_fingerprint": "fp_testing"}


def _chunk(question: Question, delta: dict[str, Any], kind: Any, *, finish: Any = None, logprobs: Any = None) -> Frame:
    choice = {"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
    told = {**_head(question, "chat.completion.chunk"), "choices": [choice]}
    if question.wants_usage:
        told["usage"] = None
    return Frame(f"data: {compact(told)}\n\n", kind)


def _probability(token: str, logprob: float) -> dict[str, Any]:
    return {"token": token, "logprob": logprob, "bytes": list(token.encode()), "top_logprobs": []}


WIRE = Wire("openai-chat", "openai", read, plain, events, trouble, error_event)
