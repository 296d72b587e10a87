"""Anthropic's messages. Knows that wire's JSON alone."""

import json
from collections.abc import Iterator
from typing import Any, Literal

from coachwork.messages import FinishReason, Usage
from coachwork.testing.provider.question import Answer, Question, Tool, pieces, tokens
from coachwork.testing.provider.wire import Frame, Received, Trouble, Wire, body_of, compact, text_of

_ID = "msg_000000000000000000000001"
_FINISH: dict[FinishReason | None, str | None] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "content_filter": "refusal",
    "tool_call": "tool_use",
    None: None,
}
_CHOICE = {"any": "required"}
_TYPES = {
    "auth": "authentication_error",
    "permission": "permission_error",
    "not-found": "not_found_error",
    "timeout": "timeout_error",
    "too-large": "request_too_large",
    "rate-limit": "rate_limit_error",
    "quota": "rate_limit_error",
    "server": "api_error",
    "unavailable": "api_error",
    "overloaded": "overloaded_error",
}


def read(received: Received) -> Question:
    body = body_of(received)
    messages = body.get("messages", [])
    last = messages[-1].get("content", "") if messages else ""
    results = [part for part in last if part.get("type") == "tool_result"] if isinstance(last, list) else []
    shape = (body.get("output_config") or {}).get("format") or body.get("output_format") or {}
    choice = body.get("tool_choice") or {"type": "auto"}
    word = choice.get("name") or choice["type"]
    return Question(
        model=str(body.get("model", "")),
        streams=bool(body.get("stream")),
        said="\n".join([text_of(body.get("system", "")), *(text_of(m.get("content")) for m in messages)]).strip(),
        last=text_of(results or last),
        after_tool=bool(results),
        schema=shape.get("schema"),
        tools=tuple(
            Tool(tool["name"], tool["input_schema"]) for tool in body.get("tools") or () if "input_schema" in tool
        ),
        tool_choice=_CHOICE.get(word, word),
        max_tokens=body.get("max_tokens"),
        thinks=(body.get("thinking") or {}).get("type") in ("enabled", "adaptive"),
    )


def plain(question: Question, answer: Answer, _received: Received) -> dict[str, Any]:
    content: list[dict[str, Any]] = []
    if answer.thinking:
        content.append({"type": "thinking", "thinking": answer.thinking, "signature": "c2lnbmVk"})
    if answer.text or not answer.tool_calls:
        content.append({"type": "text", "text": answer.text})
    content += [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": json.loads(call.arguments or "{}")}
        for call in answer.tool_calls
    ]
    usage = {"usage": usage_of(answer.counted)} if answer.tells_usage else {}
    return {**_head(question, answer, content), "stop_reason": _FINISH[answer.finish_reason], **usage}


def events(question: Question, answer: Answer) -> Iterator[Frame]:
    begun = _head(question, answer, [])
    if answer.tells_usage:
        begun["usage"] = {**usage_of(answer.counted), "output_tokens": 1}
    yield _event("message_start", message=begun)
    yield _event("ping")
    index = 0
    if answer.thinking:
        block = {"type": "thinking", "thinking": "", "signature": ""}
        deltas = [{"type": "thinking_delta", "thinking": piece} for piece in pieces(answer.thinking)]
        yield from _block(index, block, [*deltas, {"type": "signature_delta", "signature": "c2lnbmVk"}], "open")
        index += 1
    if answer.text or not answer.tool_calls:
        deltas = [{"type": "text_delta", "text": piece} for piece in pieces(answer.text)]
        yield from _block(index, {"type": "text", "text": ""}, deltas, "close")
        index += 1
    for call in answer.tool_calls:
        used: dict[str, Any] = {"type": "tool_use", "id": call.id, "name": call.name, "input": {}}
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces(call.arguments)]
        yield from _block(index, used, deltas, "close")
        index += 1
    delta = {"stop_reason": _FINISH[answer.finish_reason], "stop_sequence": None}
    usage = {"usage": {"output_tokens": answer.counted.output_tokens}} if answer.tells_usage else {}
    yield _event("message_delta", "close", delta=delta, **usage)
    yield _event("message_stop", "done")


def _block(
    index: int, block: dict[str, Any], deltas: list[dict[str, Any]], end: Literal["open", "close"]
) -> Iterator[Frame]:
    yield _event("content_block_start", index=index, content_block=block)
    for delta in deltas:
        yield _event("content_block_delta", "piece", index=index, delta=delta)
    yield _event("content_block_stop", end, index=index)


def usage_of(usage: Usage) -> dict[str, Any]:
    """Anthropic counts what it read from or wrote to its cache beside `input_tokens`, not in them."""
    fresh = usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens
    return {
        "input_tokens": fresh,
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "cache_read_input_tokens": usage.cached_tokens,
        "output_tokens": usage.output_tokens,
        "service_tier": "standard",
    }


def trouble(what: Trouble) -> tuple[int, dict[str, Any]]:
    error = {"type": _TYPES.get(what.kind, "invalid_request_error"), "message": what.message}
    return what.status, {"type": "error", "error": error, "request_id": "req_000000000000000000000001"}


def error_event(what: Trouble) -> Frame:
    return Frame(f"event: error\ndata: {compact(trouble(what)[1])}\n\n", "close")


def _head(question: Question, _answer: Answer, content: list[dict[str, Any]]) -> dict[str, Any]:
    named = {"id": _ID, "type": "message", "role": "assistant", "model": question.model, "content": content}
    return {**named, "stop_reason": None, "stop_sequence": None}


def _event(type: str, kind: Literal["open", "piece", "close", "done"] = "open", **fields: Any) -> Frame:
    return Frame(f"event: {type}\ndata: {compact({'type': type, **fields})}\n\n", kind)


def _no_answer(_question: Question, _answer: Answer, received: Received) -> dict[str, Any]:
    return {"input_tokens": tokens(read(received).said)}


WIRE = Wire("anthropic", "anthropic", read, plain, events, trouble, error_event)
COUNT = Wire("anthropic-count-tokens", "anthropic", read, _no_answer, None, trouble, error_event)
