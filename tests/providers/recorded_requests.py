"""A recorded request as a ModelRequest of ours, whatever wire it was recorded on. Knows bodies, and none of our code.

What a ModelRequest can't say stays out: a picture by its address becomes a picture, tools that the provider runs
itself are left away.
"""

import base64
import json
from collections.abc import Iterable
from typing import Any

from coachwork.messages import (
    MediaPart,
    Message,
    ModelRequest,
    Part,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolResultPart,
    ToolSpec,
)

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PICTURE, DOCUMENT = MediaPart(PIXEL, "image/png"), MediaPart(b"%PDF-1.4", "application/pdf")
EFFORTS = {"none": "off", "minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "high"}


def asked(path: str, body: dict[str, Any]) -> ModelRequest:
    read = _READERS[next(end for end in _READERS if end in path)]
    return read(body)


# ── The chat wire: OpenAI and everybody who copied it, and Cohere's second ──


def chat(body: dict[str, Any]) -> ModelRequest:
    names: dict[str, str] = {}
    messages = [_chat_message(message, names) for message in body["messages"]]
    wanted = (body.get("response_format") or {}).get("json_schema") or {}
    choice = body.get("tool_choice")
    return ModelRequest(
        _joined(messages),
        schema=wanted.get("schema"),
        schema_name=wanted.get("name", "answer"),
        temperature=body.get("temperature"),
        max_tokens=body.get("max_tokens") or body.get("max_completion_tokens"),
        tools=tuple(_chat_tool(tool) for tool in body.get("tools") or () if "function" in tool),
        tool_choice=choice["function"]["name"] if isinstance(choice, dict) else _word(choice),
        thinking=EFFORTS.get(body.get("reasoning_effort")),
    )


def _chat_message(message: dict[str, Any], names: dict[str, str]) -> Message:
    role, content = message["role"], message.get("content")
    if role == "tool":
        id = message.get("tool_call_id", "")
        return Message("user", (ToolResultPart(id, names.get(id, "tool"), _plain(content)),))
    parts = list(_chat_parts(content))
    for call in message.get("tool_calls") or ():
        names[call.get("id", "")] = call["function"]["name"]
        parts.append(ToolCallPart(call.get("id", ""), call["function"]["name"], call["function"]["arguments"]))
    if role in ("system", "developer"):
        role = "system"
    return Message(role, tuple(parts))


def _chat_parts(content: Any) -> Iterable[Part]:
    for part in [{"type": "text", "text": content}] if isinstance(content, str) else content or ():
        if part["type"] == "input_audio":
            sound = part["input_audio"]
            data, kind = (sound, "mpeg") if isinstance(sound, str) else (sound["data"], sound["format"])
            yield MediaPart(base64.b64decode(data), f"audio/{kind}")
        elif part["type"] == "image_url":
            url = part["image_url"]
            yield _media(url["url"] if isinstance(url, dict) else url, PICTURE)
        elif part["type"] in ("file", "document_url"):
            yield _document(part)
        elif part.get("text"):
            yield TextPart(part["text"])


def _document(part: dict[str, Any]) -> MediaPart:
    url = part.get("document_url") or (part.get("file") or {}).get("file_data") or ""
    return _media(url if isinstance(url, str) else url["url"], DOCUMENT)


def _chat_tool(tool: dict[str, Any]) -> ToolSpec:
    function = tool["function"]
    return ToolSpec(
        function["name"], function.get("description") or "", function.get("parameters") or {"type": "object"}
    )


def _plain(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(str(part.get("text") or "") for part in content or () if isinstance(part, dict))


# ── Responses ──


def responses(body: dict[str, Any]) -> ModelRequest:
    given = body["input"] if isinstance(body["input"], list) else [{"role": "user", "content": body["input"]}]
    names: dict[str, str] = {}
    messages = [Message.of("system", body["instructions"])] if body.get("instructions") else []
    messages += [message for item in given if (message := _item(item, names)) is not None]
    wanted = (body.get("text") or {}).get("format") or {}
    choice = body.get("tool_choice")
    return ModelRequest(
        _joined(messages),
        schema=wanted.get("schema"),
        schema_name=wanted.get("name", "answer"),
        temperature=body.get("temperature"),
        max_tokens=body.get("max_output_tokens"),
        tools=tuple(
            ToolSpec(tool["name"], tool.get("description") or "", tool.get("parameters") or {"type": "object"})
            for tool in body.get("tools") or ()
            if tool["type"] == "function"
        ),
        tool_choice=choice["name"] if isinstance(choice, dict) and "name" in choice else _word(choice),
        thinking=EFFORTS.get((body.get("reasoning") or {}).get("effort")),
    )


def _item(item: dict[str, Any], names: dict[str, str]) -> Message | None:
    """None for what the service did itself, and what it keeps."""
    kind = item.get("type", "message")
    if kind == "reasoning":
        return Message("assistant", (ThinkingPart("".join(part["text"] for part in item.get("summary") or ())),))
    if kind == "function_call":
        names[item["call_id"]] = item["name"]
        return Message("assistant", (ToolCallPart(item["call_id"], item["name"], item["arguments"]),))
    if kind == "function_call_output":
        id, output = item["call_id"], item["output"]
        return Message("user", (ToolResultPart(id, names.get(id, "tool"), _plain(output)),))
    if kind != "message":
        return None
    content = item["content"]
    parts: list[Part] = []
    for part in [{"type": "input_text", "text": content}] if isinstance(content, str) else content:
        if part["type"] == "input_image":
            parts.append(_media(part.get("image_url") or "", PICTURE))
        elif part["type"] == "input_file":
            parts.append(_media(part.get("file_data") or "", DOCUMENT))
        elif "text" in part:
            parts.append(TextPart(part["text"]))
    return Message("system" if item["role"] == "developer" else item["role"], tuple(parts))


# ── Anthropic ──


def anthropic(body: dict[str, Any]) -> ModelRequest:
    names: dict[str, str] = {}
    messages = [Message.of("system", _plain(body["system"]))] if body.get("system") else []
    messages += [Message(message["role"], tuple(_shown(message["content"], names))) for message in body["messages"]]
    choice = body.get("tool_choice") or {}
    return ModelRequest(
        _joined(messages),
        schema=((body.get("output_config") or {}).get("format") or {}).get("schema"),
        temperature=body.get("temperature"),
        max_tokens=body.get("max_tokens"),
        tools=tuple(
            ToolSpec(tool["name"], tool.get("description") or "", tool["input_schema"])
            for tool in body.get("tools") or ()
            if "input_schema" in tool
        ),
        tool_choice=choice["name"] if choice.get("type") == "tool" else _word(choice.get("type")),
        thinking="medium" if (body.get("thinking") or {}).get("type") in ("enabled", "adaptive") else None,
    )


def _blocks(content: Any) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _shown(content: Any, names: dict[str, str]) -> Iterable[Part]:
    return (part for block in _blocks(content) if (part := _block(block, names)) is not None)


def _block(block: dict[str, Any], names: dict[str, str]) -> Part | None:
    """None for what the service did itself."""
    match block["type"]:
        case "text":
            return TextPart(block["text"])
        case "thinking":
            return ThinkingPart(block["thinking"], block.get("signature", ""))
        case "tool_use":
            names[block["id"]] = block["name"]
            return ToolCallPart(block["id"], block["name"], json.dumps(block["input"]))
        case "tool_result":
            id = block["tool_use_id"]
            return ToolResultPart(id, names.get(id, "tool"), _plain(block.get("content")), bool(block.get("is_error")))
    source = block.get("source")
    if block["type"] not in ("image", "document") or not isinstance(source, dict):
        return None
    if source["type"] == "text":
        return MediaPart(source["data"].encode(), source["media_type"])
    if source["type"] == "base64":
        return MediaPart(base64.b64decode(source["data"]), source["media_type"])
    return PICTURE if block["type"] == "image" else DOCUMENT


# ── Gemini ──


def gemini(body: dict[str, Any]) -> ModelRequest:
    told = body.get("systemInstruction")
    messages = [Message.of("system", "".join(part["text"] for part in told["parts"]))] if told else []
    for content in body["contents"]:
        role = "assistant" if content.get("role") == "model" else "user"
        parts = (_gemini_part(part) for part in content["parts"])
        messages.append(Message(role, tuple(part for part in parts if part is not None)))
    config = body.get("generationConfig") or {}
    calling = ((body.get("toolConfig") or {}).get("functionCallingConfig")) or {}
    groups = body.get("tools") or []
    tools = [
        tool
        for group in ([groups] if isinstance(groups, dict) else groups)
        for tool in group.get("functionDeclarations") or group.get("function_declarations") or ()
    ]
    return ModelRequest(
        _joined(messages),
        schema=config.get("responseJsonSchema") or config.get("responseSchema"),
        temperature=config.get("temperature"),
        max_tokens=config.get("maxOutputTokens"),
        tools=tuple(
            ToolSpec(
                tool["name"],
                tool.get("description") or "",
                tool.get("parameters_json_schema") or tool.get("parametersJsonSchema") or {"type": "object"},
            )
            for tool in tools
        ),
        tool_choice="required" if calling.get("mode") == "ANY" else "auto",
    )


def _gemini_part(part: dict[str, Any]) -> Part | None:
    """None for what the service did itself."""
    if "functionCall" in part:
        call = part["functionCall"]
        return ToolCallPart(call.get("id") or call["name"], call["name"], json.dumps(call.get("args") or {}))
    if "functionResponse" in part:
        gave = part["functionResponse"]
        value = gave["response"].get("return_value", gave["response"]) if isinstance(gave["response"], dict) else ""
        return ToolResultPart(gave.get("id") or gave["name"], gave["name"], str(value))
    if "inlineData" in part:
        data = part["inlineData"]["data"]
        return MediaPart(
            base64.b64decode(data + "=" * (-len(data) % 4), altchars=b"-_"), part["inlineData"]["mimeType"]
        )
    if "fileData" in part:
        return PICTURE
    return TextPart(part["text"]) if "text" in part else None


# ── For all of them ──


def _joined(messages: Iterable[Message]) -> tuple[Message, ...]:
    """Messages of the same speaker that follow each other are one."""
    found: list[Message] = []
    for message in messages:
        if found and found[-1].role == message.role:
            found[-1] = Message(message.role, found[-1].parts + message.parts)
        else:
            found.append(message)
    return tuple(message for message in found if message.parts)


def _word(choice: object) -> str:
    return {"any": "required", "required": "required", "none": "none"}.get(str(choice), "auto")


def _media(url: str, otherwise: MediaPart) -> MediaPart:
    """The data of a data URL; something like it for an address that nobody fetches here."""
    if not url.startswith("data:"):
        return otherwise
    kind, _, data = url.removeprefix("data:").partition(";base64,")
    return MediaPart(base64.b64decode(data), kind)


_READERS = {
    "/chat/completions": chat,
    "/v2/chat": chat,
    "/responses": responses,
    "/messages": anthropic,
    "enerateContent": gemini,
}
