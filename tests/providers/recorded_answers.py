"""What a recorded answer says, read from its bytes by nothing but `json`: the expectation of the replay test."""

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Said:
    """Text, thinking, tool calls as (name, arguments), the tokens as the provider counted them, quoted words."""

    text: str = ""
    thinking: str = ""
    calls: list[tuple[str, Any]] = field(default_factory=list)
    input: int = 0
    output: int = 0
    cached: int = 0
    written: int = 0
    thought: int = 0
    heard: int = 0
    spoken: int = 0
    quotes: list[str] = field(default_factory=list)
    signatures: list[str] = field(default_factory=list)


def said(path: str, answer: str, *, streamed: bool) -> Said:
    read = _READERS[next(end for end in _READERS if end in path)]
    return read(events(answer) if streamed else [json.loads(answer)], streamed)


def events(answer: str) -> list[Any]:
    """The JSON of each event of an event stream."""
    lines = (line.removeprefix("data:").strip() for line in answer.splitlines() if line.startswith("data:"))
    return [json.loads(line) for line in lines if line and line != "[DONE]"]


def _chat(chunks: list[Any], streamed: bool) -> Said:
    found, calls = Said(), {}
    for chunk in chunks:
        for choice in chunk.get("choices") or ():
            part = choice.get("delta" if streamed else "message") or {}
            found.text += _text(part.get("content"))
            found.thinking += part.get("reasoning_content") or part.get("reasoning") or _thought(part.get("content"))
            found.quotes += [_words(note) for note in part.get("annotations") or () if note["type"] == "url_citation"]
            for number, call in enumerate(part.get("tool_calls") or ()):
                index = call.get("index", len(calls) if call.get("id") else number)
                row = calls.setdefault(index, ["", ""])
                row[0] = row[0] or call["function"].get("name") or ""
                row[1] += call["function"].get("arguments") or ""
        used = chunk.get("usage") or (chunk.get("x_groq") or {}).get("usage")
        if used:
            asked, answered = used.get("prompt_tokens_details") or {}, used.get("completion_tokens_details") or {}
            found.input, found.output = used["prompt_tokens"], used.get("completion_tokens", 0)
            found.cached = asked.get("cached_tokens") or used.get("prompt_cache_hit_tokens") or 0
            found.written, found.heard = asked.get("cache_write_tokens") or 0, asked.get("audio_tokens") or 0
            found.thought, found.spoken = answered.get("reasoning_tokens") or 0, answered.get("audio_tokens") or 0
    found.calls = [(name, json.loads(arguments or "{}")) for name, arguments in calls.values()]
    if found.text.startswith("<think>"):  # what an open model thinks aloud is no part of its answer
        found.thinking, _, found.text = found.text.removeprefix("<think>").partition("</think>")
    return found


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "".join(piece.get("text") or "" for piece in content if piece["type"] == "text")
    return content or ""


def _thought(content: Any) -> str:
    """Mistral's: a piece of the content."""
    pieces = content if isinstance(content, list) else []
    return "".join(_text(piece["thinking"]) for piece in pieces if piece["type"] == "thinking")


def _words(note: dict[str, Any]) -> str:
    return note.get("url_citation", note).get("content") or ""


def _responses(chunks: list[Any], streamed: bool) -> Said:
    whole = chunks[-1]["response"] if streamed else chunks[0]
    found = Said()
    for item in whole["output"]:
        contents = item.get("content") or ()
        found.text += "".join(part["text"] for part in contents if part["type"] == "output_text")
        notes = [note for part in contents for note in part.get("annotations") or ()]
        found.quotes += [_words(note) for note in notes if note["type"] == "url_citation"]
        raw = "".join(part["text"] for part in contents if part["type"] == "reasoning_text")
        found.thinking += "".join(part["text"] for part in item.get("summary") or ()) or raw
        if item["type"] == "function_call":
            found.calls.append((item["name"], json.loads(item["arguments"] or "{}")))
    done = (
        [event["item"] for event in chunks if event["type"] == "response.output_item.done"]
        if streamed
        else whole["output"]
    )
    found.signatures = [
        item["encrypted_content"] for item in done if item["type"] == "reasoning" and item.get("encrypted_content")
    ]
    used = whole["usage"]
    found.input, found.output = used["input_tokens"], used["output_tokens"]
    asked = used.get("input_tokens_details") or {}
    found.cached, found.written = asked.get("cached_tokens") or 0, asked.get("cache_write_tokens") or 0
    found.thought = (used.get("output_tokens_details") or {}).get("reasoning_tokens") or 0
    return found


def _anthropic(chunks: list[Any], streamed: bool) -> Said:
    found, used = Said(), {}
    blocks: list[dict[str, Any]] = [] if streamed else chunks[0]["content"]
    if not streamed:
        used = chunks[0]["usage"]
    for event in chunks if streamed else ():
        if event["type"] == "message_start":
            used |= event["message"]["usage"]
        elif event["type"] == "content_block_start":
            blocks.append({**event["content_block"], "json": ""})
        elif event["type"] == "content_block_delta":
            _grow(blocks[event["index"]], event["delta"])
        elif event["type"] == "message_delta":
            used |= {name: value for name, value in event["usage"].items() if value is not None}
    for block in blocks:
        found.text += block.get("text") or ""
        found.thinking += block.get("thinking") or ""
        found.quotes += [citation["cited_text"] for citation in block.get("citations") or ()]
        if block.get("signature"):
            found.signatures.append(block["signature"])
        if block["type"] == "tool_use":
            found.calls.append((block["name"], json.loads(block["json"]) if block.get("json") else block["input"]))
    found.cached = used.get("cache_read_input_tokens") or 0
    found.written = used.get("cache_creation_input_tokens") or 0
    found.input = used["input_tokens"] + found.cached + found.written
    found.output = used["output_tokens"]
    found.thought = (used.get("output_tokens_details") or {}).get("thinking_tokens") or 0
    return found


def _grow(block: dict[str, Any], delta: dict[str, Any]) -> None:
    for name in ("text", "thinking", "signature"):
        if name in delta:
            block[name] = (block.get(name) or "") + delta[name]
    block["json"] += delta.get("partial_json") or ""
    if "citation" in delta:
        block["citations"] = [*(block.get("citations") or ()), delta["citation"]]


def _gemini(chunks: list[Any], _streamed: bool) -> Said:
    found = Said()
    for chunk in chunks:
        for part in (chunk.get("candidates") or [{}])[0].get("content", {}).get("parts") or ():
            if "functionCall" in part:
                found.calls.append((part["functionCall"]["name"], part["functionCall"].get("args") or {}))
            elif part.get("thought"):
                found.thinking += part["text"]
            else:
                found.text += part.get("text") or ""
            if part.get("thoughtSignature") and ("text" in part or "functionCall" in part):
                found.signatures.append(part["thoughtSignature"])
        used = chunk.get("usageMetadata") or {}
        found.thought = used.get("thoughtsTokenCount") or 0
        found.input = used.get("promptTokenCount", 0) + (used.get("toolUsePromptTokenCount") or 0)
        found.output = used.get("candidatesTokenCount", 0) + found.thought
        found.cached = used.get("cachedContentTokenCount") or 0
        found.heard = _sound(used.get("promptTokensDetails"))
        found.spoken = _sound(used.get("candidatesTokensDetails"))
    return found


def _sound(details: list[dict[str, Any]] | None) -> int:
    return sum(row.get("tokenCount") or 0 for row in details or () if row.get("modality") == "AUDIO")


def _cohere(chunks: list[Any], streamed: bool) -> Said:
    found, used, calls = Said(), {}, {}
    if not streamed:
        message, used = chunks[0]["message"], chunks[0]["usage"]
        for block in message.get("content") or ():
            found.text += block.get("text") or ""
            found.thinking += block.get("thinking") or ""
        calls = {
            n: [call["function"]["name"], call["function"]["arguments"]]
            for n, call in enumerate(message.get("tool_calls") or ())
        }
        found.quotes = [citation["text"] for citation in message.get("citations") or ()]
    for event in chunks if streamed else ():
        message = (event.get("delta") or {}).get("message") or {}
        match event["type"]:
            case "content-start" | "content-delta":
                found.text += message["content"].get("text") or ""
                found.thinking += message["content"].get("thinking") or ""
            case "tool-call-start" | "tool-call-delta":
                call = message["tool_calls"]["function"]
                row = calls.setdefault(event["index"], ["", ""])
                row[0] += call.get("name") or ""
                row[1] += call.get("arguments") or ""
            case "citation-start":
                found.quotes.append(message["citations"]["text"])
            case "message-end":
                used = event["delta"]["usage"]
    found.calls = [(name, json.loads(arguments or "{}")) for name, arguments in calls.values()]
    tokens = used.get("tokens") or used.get("billed_units") or {}
    found.input, found.output = int(tokens.get("input_tokens", 0)), int(tokens.get("output_tokens", 0))
    found.cached, found.thought = int(used.get("cached_tokens") or 0), int(tokens.get("reasoning_tokens") or 0)
    return found


_READERS = {
    "/chat/completions": _chat,
    "/v2/chat": _cohere,
    "/responses": _responses,
    "/messages": _anthropic,
    "enerateContent": _gemini,
}
