"""How many tokens a call may use, from its text alone: likely, and at most. Pure; asks no tokenizer and no provider.

Knows sizes of text and media; what a token costs is `prices`' business.
"""

import io
import json
import math
import wave
from collections.abc import Mapping, Sequence
from typing import Any

from coachwork.messages import (
    Audio,
    MediaPart,
    Message,
    ModelRequest,
    Part,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolResultPart,
    Usage,
)

_BYTES_A_TOKEN = 4  # of English; other scripts take about 3 bytes of UTF-8 a token
_FRAME = 16  # what a provider's chat format adds around a message, generously
_TOOL_PROMPT = 600  # the system prompt that a provider adds for tools or a schema: Anthropic's longest is 530
_SECOND = 35  # tokens a second of sound: Gemini 32, OpenAI 10
_SPOKEN = 10  # tokens of text a second of speech, fast speech
_QUIETEST = 750  # bytes a second of the leanest speech codec: Opus at 6 kbit/s
_USUAL = 16_000  # bytes a second at 128 kbit/s
_PAGE = 8_000  # tokens a page of a PDF: its text and its picture
_PAGE_BYTES = 4_096  # a PDF has at most one page for so many bytes, or says so itself

_TEXTS_A_SEARCH, _PIECE = 100, 500  # of Cohere's rerankers: https://cohere.com/pricing
_LEAST_PIECE = 50  # of a text, beside a query that is long itself

# The most tokens one picture can be billed as, by the beginning of the model's name; "" for every other model.
# gpt-4o-mini: 2,833 and 5,667 for each of 8 tiles (https://platform.openai.com/docs/guides/images-vision).
_PICTURE = {"gpt-4o-mini": 49_000, "": 10_000}
_LIKELY_PICTURE = 1_000


def likely(
    request: ModelRequest | None, texts: Sequence[str] = (), audio: Audio | None = None, query: str = ""
) -> Usage:
    """What the input probably counts as, where the provider does not get to say. A `query` is read with each text."""
    if audio is not None:
        return Usage(audio_seconds=_seconds(audio.data, _USUAL), estimated=True)
    tokens = sum(map(likely_tokens, texts)) + len(texts) * (likely_tokens(query) if query else 0)
    searches = math.ceil(len(texts) / _TEXTS_A_SEARCH) if query else 0
    for message in request.messages if request is not None else ():
        tokens += 4 + sum(_likely_part(part) for part in message.parts)
    if request is not None:
        tokens += _bytes_of_tools(request) // _BYTES_A_TOKEN
    return Usage(input_tokens=tokens, searches=searches, estimated=True)


def likely_tokens(text: str) -> int:
    return math.ceil(len(text) / _BYTES_A_TOKEN) if text.isascii() else math.ceil(len(text.encode()) / 3)


def at_most(
    request: ModelRequest | None,
    texts: Sequence[str] = (),
    audio: Audio | None = None,
    *,
    query: str = "",
    model: str = "",
) -> Usage:
    """What the call can count as at most: a token is never less than a byte, and the answer has its limit.

    `model` is the provider's name of it. A recording counts by the second and by its tokens, texts that are ranked for
    a `query` by their tokens and by searches.
    """
    if audio is not None:
        seconds = _seconds(audio.data, _QUIETEST)
        whole = math.ceil(seconds)
        return Usage(_SECOND * whole + _FRAME, _SPOKEN * whole + 200, audio_seconds=seconds)
    if request is None:
        asked = _bytes(query)
        tokens = sum(_bytes(text) + _FRAME for text in texts) + asked * len(texts)
        return Usage(input_tokens=tokens, searches=_most_searches(asked, texts) if query else 0)
    tokens = (
        _TOOL_PROMPT + _bytes_of_tools(request) + sum(_most_of_message(message, model) for message in request.messages)
    )
    return Usage(tokens, request.max_tokens or 0)


def _most_searches(asked: int, texts: Sequence[str]) -> int:
    """Cohere cuts texts that with their query pass 500 tokens; each piece counts as a text of its own."""
    room = max(_PIECE - asked, _LEAST_PIECE)
    pieces = sum(max(1, math.ceil(_bytes(text) / room)) for text in texts)
    return math.ceil(pieces / _TEXTS_A_SEARCH)


def _most_of_message(message: Message, model: str) -> int:
    return _FRAME + sum(_most_of_part(part, model) for part in message.parts)


def _most_of_part(part: Part, model: str) -> int:
    match part:
        case TextPart():
            return _bytes(part.text)
        case ThinkingPart():
            return _bytes(part.text) + _bytes(part.signature)
        case ToolCallPart():
            return _FRAME + _bytes(part.name) + _bytes(part.arguments)
        case ToolResultPart():
            return _FRAME + _bytes(part.name) + _bytes(part.content)
        case MediaPart():
            return _most_of_media(part, model)


def _most_of_media(part: MediaPart, model: str) -> int:
    if part.media_type.startswith("image/"):
        return next(tokens for start, tokens in _PICTURE.items() if model.startswith(start))
    if part.media_type.startswith("audio/"):
        return math.ceil(_seconds(part.data, _QUIETEST)) * _SECOND
    if part.media_type == "application/pdf":
        pages = max(part.data.count(b"/Page"), len(part.data) // _PAGE_BYTES + 1)
        return pages * _PAGE
    return len(part.data)


def _likely_part(part: Part) -> int:
    match part:
        case TextPart() | ThinkingPart():
            return likely_tokens(part.text)
        case ToolCallPart():
            return likely_tokens(part.name + part.arguments)
        case ToolResultPart():
            return likely_tokens(part.name + part.content)
        case MediaPart():
            if part.media_type.startswith("audio/"):
                return math.ceil(_seconds(part.data, _USUAL)) * _SECOND
            return _LIKELY_PICTURE


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _seconds(data: bytes, bytes_a_second: int) -> float:
    """The length of a recording: a wav says it, anything else is judged by its size."""
    if data[:4] == b"RIFF":
        try:
            with wave.open(io.BytesIO(data)) as sound:
                return float(sound.getnframes() / sound.getframerate())
        except (wave.Error, EOFError, ZeroDivisionError):
            pass  # no plain PCM: by its size
    return len(data) / bytes_a_second


def _bytes_of_tools(request: ModelRequest) -> int:
    schemas = [request.schema] if request.schema is not None else []
    tokens = sum(_bytes(tool.name) + _bytes(tool.description) + _FRAME for tool in request.tools)
    return tokens + sum(map(_size, [*schemas, *(tool.schema for tool in request.tools)]))


_sizes: dict[int, tuple[Mapping[str, Any], int]] = {}  # by identity: a prompt's schema is asked with again and again


def _size(schema: Mapping[str, Any]) -> int:
    known = _sizes.get(id(schema))
    if known is not None and known[0] is schema:
        return known[1]
    if len(_sizes) > 500:
        _sizes.clear()
    size = len(json.dumps(dict(schema), ensure_ascii=False, default=str).encode())
    _sizes[id(schema)] = (schema, size)
    return size
