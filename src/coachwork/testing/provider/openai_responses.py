"""OpenAI's responses: items instead of messages, and a stream that tells each of them. Knows that wire's JSON alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from coachwork.messages import ToolCallPart, Usage
from coachwork.testing.provider.openai_chat import tool_choice, trouble
from coachwork.testing.provider.question import Answer, Question, Tool, pieces
from coachwork.testing.provider.wire import CREATED, Frame, Received, Trouble, Wire, body_of, compact, text_of

_ID = "resp_000000000000000000000001"
_WHY = {"length": "max_output_tokens", "content_filter": "content_filter"}


def read(received: Received) -> Question:
    body = body_of(received)
    given = body.get("input", "")
    items = [{"content": given}] if isinstance(given, str) else given
    shape = (body.get("text") or {}).get("format") or {}
    schema = {"json_schema": shape.get("schema"), "json_object": {"type": "object"}}
    include = body.get("include") or []
    return Question(
        model=str(body.get("model", "")),
        streams=bool(body.get("stream")),
        said="\n".join([str(body.get("instructions") or ""), *(text_of(item) for item in items)]).strip(),
        last=text_of(items[-1]) if items else "",
        after_tool=bool(items) and items[-1].get("type") == "function_call_output",
        schema=schema.get(shape.get("type", "")),
        tools=tuple(
            Tool(tool["name"], tool.get("parameters") or {"type": "object"})
            for tool in body.get("tools") or ()
            if tool.get("type") == "function"
        ),
        tool_choice=tool_choice(body.get("tool_choice", "auto")),
        max_tokens=body.get("max_output_tokens"),
        thinks=((body.get("reasoning") or {}).get("effort") or "none") != "none",
        probabilities="message.output_text.logprobs" in include,
    )


def plain(question: Question, answer: Answer, _received: Received) -> dict[str, Any]:
    return _response(question, answer, _status(answer), _items(answer))


@dataclass
class _Told:
    """The events of one stream, numbered."""

    number: int = -1

    def frame(self, type: str, kind: Literal["open", "piece", "close", "done"] = "open", **fields: Any) -> Frame:
        self.number += 1
        event = {"type": type, "sequence_number": self.number, **fields}
        return Frame(f"event: {type}\ndata: {compact(event)}\n\n", kind)


def events(question: Question, answer: Answer) -> Iterator[Frame]:
    told = _Told()
    begun = _response(question, answer, "in_progress", [])
    yield told.frame("response.created", response=begun)
    yield told.frame("response.in_progress", response=begun)
    place = 0
    if answer.thinking:
        yield from _thinking(told, place, answer)
        place += 1
    if answer.text or not answer.tool_calls:
        yield from _message(told, place, answer)
        place += 1
    for call in answer.tool_calls:
        yield from _call(told, place, call)
        place += 1
    if answer.finish_reason is None:
        return
    status = _status(answer)
    yield told.frame(f"response.{status}", "close", response=_response(question, answer, status, _items(answer)))


def _thinking(told: _Told, place: int, answer: Answer) -> Iterator[Frame]:
    item = _reasoning("")
    at = {"item_id": item["id"], "output_index": place, "summary_index": 0}
    yield told.frame("response.output_item.added", output_index=place, item=item)
    yield told.frame("response.reasoning_summary_part.added", **at, part={"type": "summary_text", "text": ""})
    for piece in pieces(answer.thinking):
        yield told.frame("response.reasoning_summary_text.delta", "piece", **at, delta=piece)
    whole = {"type": "summary_text", "text": answer.thinking}
    yield told.frame("response.reasoning_summary_text.done", **at, text=answer.thinking)
    yield told.frame("response.reasoning_summary_part.done", **at, part=whole)
    yield told.frame("response.output_item.done", output_index=place, item=_reasoning(answer.thinking))


def _message(told: _Told, place: int, answer: Answer) -> Iterator[Frame]:
    item = {**_said(answer), "status": "in_progress", "content": []}
    at = {"item_id": item["id"], "output_index": place, "content_index": 0}
    yield told.frame("response.output_item.added", output_index=place, item=item)
    yield told.frame("response.content_part.added", **at, part=_output_text("", ()))
    probable = dict(enumerate(answer.probabilities))
    for number, piece in enumerate(pieces(answer.text)):
        known = [_probability(*probable[number])] if number in probable else []
        yield told.frame("response.output_text.delta", "piece", **at, delta=piece, logprobs=known)
    whole = _said(answer)["content"][0]
    yield told.frame("response.output_text.done", "close", **at, text=answer.text, logprobs=whole["logprobs"])
    yield told.frame("response.content_part.done", "close", **at, part=whole)
    yield told.frame("response.output_item.done", "close", output_index=place, item=_said(answer))


def _call(told: _Told, place: int, call: ToolCallPart) -> Iterator[Frame]:
    item = _called(call)
    at = {"item_id": item["id"], "output_index": place}
    begun = {**item, "status": "in_progress", "arguments": ""}
    yield told.frame("response.output_item.added", output_index=place, item=begun)
    for piece in pieces(call.arguments):
        yield told.frame("response.function_call_arguments.delta", "piece", **at, delta=piece)
    ended = {"name": call.name, "arguments": call.arguments}
    yield told.frame("response.function_call_arguments.done", "close", **at, **ended)
    yield told.frame("response.output_item.done", "close", output_index=place, item=item)


def _items(answer: Answer) -> list[dict[str, Any]]:
    found = [_reasoning(answer.thinking)] if answer.thinking else []
    if answer.text or not answer.tool_calls:
        found.append(_said(answer))
    return [*found, *map(_called, answer.tool_calls)]


def _reasoning(text: str) -> dict[str, Any]:
    summary = [{"type": "summary_text", "text": text}] if text else []
    return {"id": "rs_01", "type": "reasoning", "summary": summary}


def _said(answer: Answer) -> dict[str, Any]:
    content = [_output_text(answer.text, answer.probabilities)]
    status = "completed" if answer.finish_reason in ("stop", "tool_call") else "incomplete"
    return {"id": "msg_01", "type": "message", "status": status, "role": "assistant", "content": content}


def _called(call: ToolCallPart) -> dict[str, Any]:
    told = {"call_id": call.id, "name": call.name, "arguments": call.arguments}
    return {"id": f"fc_{call.id}", "type": "function_call", "status": "completed", **told}


def _output_text(text: str, probabilities: tuple[tuple[str, float], ...]) -> dict[str, Any]:
    known = [_probability(*pair) for pair in probabilities]
    return {"type": "output_text", "annotations": [], "logprobs": known, "text": text}


def _probability(token: str, logprob: float) -> dict[str, Any]:
    return {"token": token, "logprob": logprob, "bytes": list(token.encode()), "top_logprobs": []}


def _status(answer: Answer) -> str:
    if answer.finish_reason is None:
        return "in_progress"
    return "incomplete" if answer.finish_reason in _WHY else "completed"


def _response(question: Question, answer: Answer, status: str, output: list[dict[str, Any]]) -> dict[str, Any]:
    why = _WHY.get(answer.finish_reason or "") if status == "incomplete" else None
    counted = answer.tells_usage and status != "in_progress"
    return {
        "id": _ID,
        "object": "response",
        "created_at": CREATED,
        "status": status,
        "background": False,
        "error": None,
        "incomplete_details": {"reason": why} if why else None,
        "instructions": None,
        "max_output_tokens": question.max_tokens,
        "model": question.model,
        "output": output,
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "store": False,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": _usage(answer.counted) if counted else None,
        "metadata": {},
    }


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens, "cache_write_tokens": usage.cache_write_tokens},
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.thinking_tokens},
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }


def error_event(what: Trouble) -> Frame:
    error = trouble(what)[1]["error"]
    event = {"type": "error", "sequence_number": 0, "code": error["code"] or error["type"], "message": what.message}
    return Frame(f"event: error\ndata: {compact({**event, 'param': None})}\n\n", "close")


WIRE = Wire("openai-responses", "openai", read, plain, events, trouble, error_event)
