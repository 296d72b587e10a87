"""Gemini's generateContent, streamed and plain, and its embeddings. Knows that wire's JSON alone."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from coachwork.messages import FinishReason, Usage
from coachwork.testing.provider.question import Answer, Question, Tool, pieces
from coachwork.testing.provider.vectors import vector
from coachwork.testing.provider.wire import Frame, Received, Trouble, Wire, body_of, compact, text_of

_FINISH: dict[FinishReason | None, str | None] = {
    "stop": "STOP",
    "length": "MAX_TOKENS",
    "content_filter": "SAFETY",
    "tool_call": "STOP",
    None: None,
}
_CHOICE = {"NONE": "none", "ANY": "required"}
_STATUS = {
    "bad-request": "INVALID_ARGUMENT",
    "auth": "UNAUTHENTICATED",
    "permission": "PERMISSION_DENIED",
    "not-found": "NOT_FOUND",
    "timeout": "DEADLINE_EXCEEDED",
    "too-large": "INVALID_ARGUMENT",
    "rate-limit": "RESOURCE_EXHAUSTED",
    "quota": "RESOURCE_EXHAUSTED",
    "server": "INTERNAL",
    "unavailable": "UNAVAILABLE",
    "overloaded": "UNAVAILABLE",
    "too-long": "INVALID_ARGUMENT",
}
_NAMED = re.compile(r"/models/(?P<model>.+):\w+\Z")


def read(received: Received) -> Question:
    body = body_of(received)
    contents = body.get("contents", [])
    config = _of(body, "generationConfig") or {}
    last = contents[-1].get("parts", []) if contents else []
    results = [result for part in last if (result := _of(part, "functionResponse"))]
    functions = [one for tool in body.get("tools") or () for one in _of(tool, "functionDeclarations") or ()]
    choice = _of(_of(body, "toolConfig") or {}, "functionCallingConfig") or {}
    only = _of(choice, "allowedFunctionNames") or [_CHOICE.get(choice.get("mode", ""), "auto")]
    schema = _of(config, "responseJsonSchema") or _of(config, "responseSchema")
    if schema is None and _of(config, "responseMimeType") == "application/json":
        schema = {"type": "object"}
    return Question(
        model=_model(received),
        streams="streamGenerateContent" in received.path,
        said="\n".join(text_of(part) for part in [_of(body, "systemInstruction") or "", *contents]).strip(),
        last=text_of(results or last),
        after_tool=bool(results),
        schema=schema,
        tools=tuple(
            Tool(one["name"], _of(one, "parametersJsonSchema") or one.get("parameters") or {"type": "object"})
            for one in functions
        ),
        tool_choice=only[0],
        max_tokens=_of(config, "maxOutputTokens"),
        thinks=bool(_of(_of(config, "thinkingConfig") or {}, "includeThoughts")),
        probabilities=bool(_of(config, "responseLogprobs")),
    )


def _of(value: Mapping[str, Any], name: str) -> Any:
    """A field in either of the spellings that this wire takes: `maxOutputTokens` and `max_output_tokens`."""
    return value.get(name, value.get(re.sub(r"[A-Z]", lambda capital: f"_{capital[0].lower()}", name)))


def _model(received: Received) -> str:
    found = _NAMED.search(received.path)
    return found["model"] if found else ""


def plain(question: Question, answer: Answer, _received: Received) -> dict[str, Any]:
    parts: list[dict[str, Any]] = [{"text": answer.thinking, "thought": True}] if answer.thinking else []
    if answer.text or not answer.tool_calls:
        parts.append({"text": answer.text})
    whole = [*parts, *_calls(answer)] if answer.text or answer.thinking or answer.tool_calls else []
    told = _told(question, answer, whole, _FINISH[answer.finish_reason], ends=True)
    if answer.probabilities:
        chosen = [{"token": token, "tokenId": 1, "logProbability": value} for token, value in answer.probabilities]
        told["candidates"][0]["logprobsResult"] = {"chosenCandidates": chosen}
    return told


def events(question: Question, answer: Answer) -> Iterator[Frame]:
    for piece in pieces(answer.thinking):
        yield _frame(_told(question, answer, [{"text": piece, "thought": True}], None), "piece")
    for piece in pieces(answer.text):
        yield _frame(_told(question, answer, [{"text": piece}], None), "piece")
    for call in _calls(answer):
        yield _frame(_told(question, answer, [call], None), "piece")
    yield _frame(_told(question, answer, [{"text": ""}], _FINISH[answer.finish_reason], ends=True), "close")


def _calls(answer: Answer) -> list[dict[str, Any]]:
    return [
        {"functionCall": {"name": call.name, "args": json.loads(call.arguments or "{}")}} for call in answer.tool_calls
    ]


def _told(
    question: Question, answer: Answer, parts: list[dict[str, Any]], finish: str | None, *, ends: bool = False
) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    usage = {"usageMetadata": _usage(answer.counted, ends=ends)} if answer.tells_usage else {}
    named = {"modelVersion": question.model, "responseId": "response-0000000001"}
    return {"candidates": [candidate], **usage, **named}


def _frame(told: dict[str, Any], kind: Literal["piece", "close"]) -> Frame:
    return Frame(f"data: {compact(told)}\r\n\r\n", kind)


def _usage(usage: Usage, *, ends: bool) -> dict[str, Any]:
    """Gemini counts thoughts beside the candidates' tokens, and at the end only all of them."""
    told = {"promptTokenCount": usage.input_tokens}
    if ends:
        written = usage.output_tokens - usage.thinking_tokens
        told |= {"candidatesTokenCount": written, "totalTokenCount": usage.input_tokens + usage.output_tokens}
        if usage.thinking_tokens:
            told["thoughtsTokenCount"] = usage.thinking_tokens
    if usage.cached_tokens:
        told["cachedContentTokenCount"] = usage.cached_tokens
    return told


def trouble(what: Trouble) -> tuple[int, dict[str, Any]]:
    """A blocked prompt is no error on this wire: it is an answer without candidates, with status 200."""
    if what.kind == "filtered":
        return 200, {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 1}}
    status = _STATUS[what.kind]
    return what.status, {"error": {"code": what.status, "message": what.message, "status": status, "details": []}}


def error_event(what: Trouble) -> Frame:
    return Frame(f"data: {compact(trouble(what)[1])}\r\n\r\n", "close")


# ── Embeddings ─────────────────────────────────────────────────────────────────────────────────


def read_embed(received: Received) -> Question:
    body = body_of(received)
    requests = body.get("requests", [body])
    return Question(model=_model(received), said="\n".join(text_of(one.get("content", "")) for one in requests))


def embedded(_question: Question, answer: Answer, received: Received) -> dict[str, Any]:
    body = body_of(received)
    made = [_embedding(one) for one in body.get("requests", [body])]
    usage = {"usageMetadata": {"promptTokenCount": answer.counted.input_tokens}} if answer.tells_usage else {}
    return {"embeddings": made, **usage} if "requests" in body else {"embedding": made[0], **usage}


def _embedding(request: dict[str, Any]) -> dict[str, Any]:
    size = _of(request, "outputDimensionality") or _of(_of(request, "embedContentConfig") or {}, "outputDimensionality")
    return {"values": vector(text_of(request.get("content", "")), size or 64)}


WIRE = Wire("gemini", "gemini", read, plain, events, trouble, error_event)
EMBED = Wire("gemini-embed", "gemini", read_embed, embedded, None, trouble, error_event)
